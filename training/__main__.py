"""Train Spark: ``python -m training all --minutes 120``; see training/README.md."""

from __future__ import annotations

import argparse
import tempfile
from pathlib import Path

import numpy as np
import torch

from training.cache import load_cache, load_trained_vae, make_cache
from training.captions import caption
from training.diffusion import Trainer, UnetSize, train_diffusion
from training.export import export
from training.judge import score, train_judge, write_report
from training.parts import AutoencoderKL, CLIPTokenizer
from training.plans import Planner, Stock, plan_all
from training.polish import polish
from training.prepare import load_icons, prepare
from training.scenes import paint
from training.sheet import contact_sheet
from training.vae import PictureSource, train_vae
from training.words import TextSize, train_tokenizer

STAGES = ("prepare", "vae", "cache", "diffusion", "polish", "export", "judge", "sheet")
SHARES = {"vae": 0.3, "diffusion": 0.5, "polish": 0.1, "judge": 0.1}
"""How the minutes are divided among the stages that train."""
SINGLES = {"3d": (6, 2), "flat": (2, 1), "noto": (2, 1), "line": (2, 1)}
"""Pictures of one drawing alone: of a popular concept, and of any other."""
SCENES = 2600


def vae_source(stock: Stock) -> PictureSource:
    """Draw single drawings and composed scenes for the compressor."""

    def paint_one(rng: np.random.Generator) -> np.ndarray:
        planner = Planner(rng, stock, np.ones(len(stock.icons.concepts)))
        if rng.random() < 0.55:
            style = int(rng.choice(4, p=(0.45, 0.22, 0.22, 0.11)))
            concept = int(rng.choice(stock.by_style[style]))
            scene = planner.single(concept, style, white=0.7)
        else:
            scene = planner.scene()
        return paint(scene, stock.icons, stock.lookup)

    return paint_one


def _make_cache(stock: Stock, folder: Path) -> None:
    scenes = plan_all(stock, singles=SINGLES, scenes=SCENES)
    rng = np.random.default_rng(2)
    lines = [caption(rng, stock, scene) for _ in range(4) for scene in scenes]
    train_tokenizer(lines, folder / "tokenizer", TextSize().vocabulary)
    make_cache(load_trained_vae(folder), scenes, stock=stock, folder=folder)


def _export(stock: Stock, folder: Path, model: Path) -> None:
    tokenizer = CLIPTokenizer.from_pretrained(folder / "tokenizer")
    trainer = Trainer(tokenizer, UnetSize(), TextSize())
    trainer.load(folder / "diffusion.pt")
    vae = AutoencoderKL.from_pretrained(folder / "vae")
    cache = load_cache(folder, stock)
    export(trainer, vae=vae, tokenizer=tokenizer, cache=cache, target=model)


def run(stage: str, *, folder: Path, model: Path, minutes: float, threads: int) -> None:
    """Run one stage; every stage reads what the ones before it left in ``folder``."""
    print(f"== {stage}", flush=True)
    # Workers compute on one core each; torch's own threads would only stall them.
    torch.set_num_threads(1 if stage in ("vae", "diffusion", "polish") else threads)
    if stage == "prepare":
        prepare(folder)
        return
    if stage == "sheet":
        contact_sheet(model, Path("docs/img/spark-sheet.png"))
        return
    icons = load_icons(folder)
    stock = Stock.of(icons)
    share = minutes * SHARES.get(stage, 0.0)
    if stage == "vae":
        train_vae(vae_source(stock), folder, minutes=share, threads=threads)
    elif stage == "cache":
        _make_cache(stock, folder)
    elif stage == "diffusion":
        tokenizer = CLIPTokenizer.from_pretrained(folder / "tokenizer")
        cache = load_cache(folder, stock)
        train_diffusion(cache, tokenizer, folder, minutes=share, threads=threads)
    elif stage == "polish":
        vae = AutoencoderKL.from_pretrained(folder / "vae")
        cache = load_cache(folder, stock)
        polish(vae, cache, folder, minutes=share, threads=threads)
    elif stage == "export":
        _export(stock, folder, model)
    elif stage == "judge":
        judge, _ = train_judge(icons, folder, minutes=share, threads=threads)
        report = score(icons, judge, model, count=60)
        write_report(report, folder / "judge.json")
        print(report)


def main() -> None:
    """Read the command line and run one stage or all."""
    parser = argparse.ArgumentParser(prog="python -m training", description=__doc__)
    parser.add_argument("stage", choices=("all", *STAGES))
    parser.add_argument("--minutes", type=float, default=120.0, help="for all stages")
    parser.add_argument(
        "--data", type=Path, default=Path(tempfile.gettempdir()) / "spark-data"
    )
    parser.add_argument("--model", type=Path, default=Path("models/spark"))
    parser.add_argument("--threads", type=int, default=2)
    given = parser.parse_args()
    for stage in STAGES if given.stage == "all" else (given.stage,):
        run(
            stage,
            folder=given.data,
            model=given.model,
            minutes=given.minutes,
            threads=given.threads,
        )


if __name__ == "__main__":
    main()
