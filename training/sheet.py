"""Draw the contact sheet: 40 fixed prompts, seed 1 to 40."""

from __future__ import annotations

import json
from pathlib import Path

import torch
from PIL import Image, ImageDraw

from training.parts import Pipeline, StableDiffusionPipeline

CONCEPTS = (
    "a red apple",
    "a cat",
    "a dog face, 3d render",
    "a pizza",
    "a rocket",
    "a house",
    "a green tree",
    "a red heart",
    "a robot",
    "a birthday cake",
    "a banana, flat icon",
    "a car, flat icon",
    "a fish, flat icon",
    "a flat icon of a guitar",
    "a cartoon of an owl",
    "a sunflower, cartoon",
    "a strawberry, cartoon",
    "an elephant, line icon",
    "a bicycle, black line icon",
    "a black line icon of an umbrella",
)
SCENES = (
    "a cat and a dog",
    "three red apples",
    "a car to the left of a tree",
    "a house on green grass under a blue sky",
    "a rocket in space",
    "a fish underwater",
    "a penguin in the snow",
    "a palm tree on the beach",
    "a castle at sunset",
    "an owl at night",
    "a star above a banana",
    "a red apple on a blue background",
    "two cupcakes on a pink background",
    "a small mouse and a big cheese wedge",
    "a blue car",
    "a purple butterfly",
    "four strawberries",
    "a sheep, a pig and a cow",
    "a small heart in the top left corner",
    "a flower and a bee, cartoon",
)


def load_pipeline(model: Path) -> Pipeline:
    """Load Spark as float32 on the CPU, quiet."""
    pipeline = StableDiffusionPipeline.from_pretrained(model)
    pipeline.set_progress_bar_config(disable=True)
    return pipeline


def draw(
    pipeline: Pipeline,
    prompts: list[str],
    seeds: list[int],
    *,
    steps: int,
    guidance: float,
) -> list[Image.Image]:
    """Draw one picture for each prompt with its own seed."""
    pictures: list[Image.Image] = []
    for start in range(0, len(prompts), 20):
        part = slice(start, start + 20)
        generators = [torch.Generator().manual_seed(seed) for seed in seeds[part]]
        pictures += pipeline(
            prompts[part],
            num_inference_steps=steps,
            guidance_scale=guidance,
            generator=generators,
        ).images
    return pictures


def read_defaults(model: Path) -> tuple[int, float]:
    """Read the default steps and guidance of a Spark folder."""
    settings = json.loads((model / "magicshot.json").read_text(encoding="utf-8"))
    return settings["num_inference_steps"], settings["guidance_scale"]


def lay_out(
    pictures: list[Image.Image], captions: list[str], columns: int
) -> Image.Image:
    """Put pictures in rows with their prompts below, wrapped to two lines."""
    cell, foot = 132, 26
    rows = -(-len(pictures) // columns)
    sheet = Image.new("RGB", (columns * cell, rows * (cell + foot)), "white")
    pen = ImageDraw.Draw(sheet)
    for index, (picture, text) in enumerate(zip(pictures, captions, strict=True)):
        x, y = index % columns * cell, index // columns * (cell + foot)
        sheet.paste(picture, (x + 2, y + 2))
        words, lines = text.split(), [""]
        for word in words:
            if len(lines[-1]) + len(word) > 22:
                lines.append("")
            lines[-1] = f"{lines[-1]} {word}".strip()
        pen.multiline_text(
            (x + 4, y + cell - 1), "\n".join(lines[:2]), "black", spacing=0
        )
    return sheet


def contact_sheet(model: Path, path: Path) -> None:
    """Draw all 40 prompts at the default settings and save the sheet."""
    prompts = [*CONCEPTS, *SCENES]
    steps, guidance = read_defaults(model)
    seeds = list(range(1, len(prompts) + 1))
    pictures = draw(
        load_pipeline(model), prompts, seeds, steps=steps, guidance=guidance
    )
    path.parent.mkdir(parents=True, exist_ok=True)
    lay_out(pictures, prompts, 8).save(path, optimize=True)
