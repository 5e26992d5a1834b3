"""Write models/spark: a folder that StableDiffusionPipeline.from_pretrained loads."""

from __future__ import annotations

import copy
import json
from pathlib import Path

import numpy as np
import torch

from training.diffusion import Cache, Trainer, build_scheduler
from training.parts import StableDiffusionPipeline, Vae, WordTokenizer
from training.scenes import paint

STEPS = 20
GUIDANCE = 3.0
GOOD_AT = (
    "one everyday thing at a time",
    "a colour or a plain background",
    "3D and flat icons",
    "trying Magicshot without a key or a download",
)


def rgb_factors(cache: Cache, count: int = 1500) -> tuple[np.ndarray, np.ndarray]:
    """Fit RGB from 0 to 1 as latents @ factors + bias, over 16x16 px cells.

    Return (channels, 3) and (3,), by least squares.
    """
    rng = np.random.default_rng(3)
    chosen = rng.permutation(len(cache.scenes))[:count]
    stock = cache.stock
    cells = []
    for index in chosen.tolist():
        picture = paint(cache.scenes[index], stock.icons, stock.lookup) / 255.0
        cells.append(picture.reshape(8, 16, 8, 16, 3).mean(axis=(1, 3)).reshape(64, 3))
    latents = (
        cache.latents[torch.from_numpy(chosen)]
        .permute(0, 2, 3, 1)
        .reshape(-1, cache.latents.shape[1])
    )
    inputs = np.hstack([latents.numpy(), np.ones((len(latents), 1))])
    fitted = np.linalg.lstsq(inputs, np.concatenate(cells), rcond=None)[0]
    return fitted[:-1], fitted[-1]


def export(
    trainer: Trainer,
    *,
    vae: Vae,
    tokenizer: WordTokenizer,
    cache: Cache,
    target: Path,
) -> None:
    """Save the averaged weights as half precision, with the site's own settings."""
    pipeline = StableDiffusionPipeline(
        vae=copy.deepcopy(vae).half(),
        text_encoder=copy.deepcopy(trainer.average.text).half(),
        tokenizer=tokenizer,
        unet=copy.deepcopy(trainer.average.unet).half(),
        scheduler=build_scheduler(),
        safety_checker=None,
        feature_extractor=None,
        requires_safety_checker=False,
    )
    pipeline.save_pretrained(target, safe_serialization=True)
    # transformers loads in the dtype it finds here; diffusers loads the rest as float32.
    _change_config(target / "text_encoder", dtype="float32")
    _change_config(target / "vae", _name_or_path="spark")
    text = json.dumps(_settings(cache), indent=2) + "\n"
    (target / "magicshot.json").write_text(text, encoding="utf-8")


def _change_config(part: Path, **values: str) -> None:
    path = part / "config.json"
    config = json.loads(path.read_text(encoding="utf-8")) | values
    path.write_text(json.dumps(config, indent=2) + "\n", encoding="utf-8")


def _settings(cache: Cache) -> dict[str, object]:
    """Say what the site needs to know of the model."""
    factors, bias = rgb_factors(cache)
    return {
        "label": "Spark",
        "description": (
            "A tiny model of our own, trained from scratch on permissively licensed "
            "drawings. Simple pictures of everyday things, 128 x 128."
        ),
        "good_at": list(GOOD_AT),
        "width": 128,
        "height": 128,
        "num_inference_steps": STEPS,
        "guidance_scale": GUIDANCE,
        "latent_rgb_factors": np.round(factors, 4).tolist(),
        "latent_rgb_bias": np.round(bias, 4).tolist(),
    }
