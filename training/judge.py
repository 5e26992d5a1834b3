"""Judge generated pictures with a classifier that saw only real drawings.

A small ResNet on 64x64 pictures. The pairs of concept and style that Spark never saw
are kept from the judge too: its accuracy on those real drawings says how far its
verdict on generated ones can be trusted.
"""

from __future__ import annotations

import dataclasses
import functools
import itertools
import json
from pathlib import Path

import numpy as np
import torch
from PIL import Image
from torch import nn
from torch.nn import functional

from training.budget import Budget, set_learning_rate, steps
from training.captions import PREFIXES, with_article
from training.parallel import Workers
from training.plans import Planner, Stock, popularity
from training.prepare import STYLES, Icons
from training.scenes import Item, Scene, is_held_out, paint
from training.sheet import draw, load_pipeline, read_defaults
from training.vae import to_tensor

SIDE = 64


class Residual(nn.Module):
    """Two 3x3 convolutions with a shortcut (He et al. 2016)."""

    def __init__(self, before: int, after: int) -> None:
        super().__init__()
        self.first = nn.Conv2d(before, after, 3, stride=2, padding=1, bias=False)
        self.norm1 = nn.GroupNorm(8, after)
        self.second = nn.Conv2d(after, after, 3, padding=1, bias=False)
        self.norm2 = nn.GroupNorm(8, after)
        self.short = nn.Conv2d(before, after, 1, stride=2, bias=False)

    def forward(self, x: torch.Tensor) -> torch.Tensor:
        """Halve the grid: (B, before, H, W) to (B, after, H/2, W/2)."""
        made = functional.relu(self.norm1(self.first(x)))
        return functional.relu(self.norm2(self.second(made)) + self.short(x))


class Judge(nn.Module):
    """Names the concept in a picture: (B, 3, 64, 64) from -1 to 1 to (B, concepts)."""

    def __init__(self, concepts: int, width: int = 32) -> None:
        super().__init__()
        widths = [width, 2 * width, 3 * width, 4 * width]
        self.stem = nn.Conv2d(3, width, 3, stride=2, padding=1)
        pairs = itertools.pairwise([width, *widths])
        self.blocks = nn.Sequential(*(Residual(a, b) for a, b in pairs))
        self.head = nn.Linear(4 * widths[-1], concepts)

    def forward(self, x: torch.Tensor) -> torch.Tensor:
        """Give one score per concept."""
        grid = functional.adaptive_avg_pool2d(self.blocks(self.stem(x)), 2)
        scores: torch.Tensor = self.head(grid.flatten(1))
        return scores


def shrink(picture: np.ndarray) -> np.ndarray:
    """Scale a picture to the judge's 64 px."""
    small = Image.fromarray(picture).resize((SIDE, SIDE), Image.Resampling.BILINEAR)
    return np.asarray(small)


def disturb(rng: np.random.Generator, picture: np.ndarray) -> np.ndarray:
    """Shift, turn, blur and tint a real drawing a little, as a generated one might be."""
    image = Image.fromarray(picture)
    if rng.random() < 0.5:
        image = image.transpose(Image.Transpose.FLIP_LEFT_RIGHT)
    zoom, angle = rng.uniform(0.85, 1.2), rng.uniform(-0.2, 0.2)
    a, b = np.cos(angle) * zoom, np.sin(angle) * zoom
    dx, dy = rng.uniform(-5, 5, size=2)
    shape = (a, b, 32 - 32 * (a + b) + dx, -b, a, 32 - 32 * (a - b) + dy)
    image = image.transform(
        image.size,
        Image.Transform.AFFINE,
        shape,
        Image.Resampling.BILINEAR,
        fillcolor=(255, 255, 255),
    )
    if rng.random() < 0.4:
        side = int(rng.integers(20, 60))
        image = image.resize((side, side), Image.Resampling.BILINEAR)
        image = image.resize((SIDE, SIDE), Image.Resampling.BILINEAR)
    made = np.asarray(image).astype(np.float32)
    tinted = made * rng.uniform(0.85, 1.1, size=3) + rng.uniform(-12, 12)
    return np.clip(tinted + rng.normal(0, 5, made.shape), 0, 255).astype(np.uint8)


def _loss(judge: Judge, pictures: torch.Tensor, labels: torch.Tensor) -> torch.Tensor:
    return functional.cross_entropy(judge(pictures), labels, label_smoothing=0.05)


def _bank(icons: Icons, rng: np.random.Generator) -> tuple[np.ndarray, np.ndarray]:
    """Paint what the judge learns from: uint8 (N, 64, 64, 3), and the concepts (N,)."""
    stock = Stock.of(icons)
    known = popularity(stock)
    planner = Planner(rng, stock, known)
    bank: list[np.ndarray] = []
    labels: list[int] = []
    for style, ids in enumerate(stock.by_style):
        for concept in ids[known[ids]].tolist():
            for white in (1.0, 0.0):
                plan = planner.single(concept, style, white=white)
                bank.append(shrink(paint(plan, icons, stock.lookup)))
                labels.append(concept)
    return np.stack(bank), np.array(labels)


def train_judge(
    icons: Icons,
    folder: Path,
    *,
    minutes: float,
    batch: int = 64,
    threads: int = 2,
    max_steps: int | None = None,
) -> tuple[Judge, list[float]]:
    """Train on the popular concepts' pairs that are not held out.

    The judge names one of the concepts that the denoiser was shown; saved to
    ``folder/judge.pt``.
    """
    rng = np.random.default_rng(5)
    pictures, answers = _bank(icons, rng)
    judge = Judge(len(icons.concepts))
    weights = list(judge.parameters())
    optimizer = torch.optim.AdamW(weights, lr=2e-3, weight_decay=0.02)
    workers, budget = Workers(threads), Budget(minutes)
    losses: list[float] = []
    for step, rate in steps(budget, peak=2e-3, warmup=50, last=max_steps):
        set_learning_rate(optimizer, rate)
        chosen = rng.integers(len(pictures), size=batch)
        shown = to_tensor(np.stack([disturb(rng, pictures[i]) for i in chosen]))
        named = torch.from_numpy(answers[chosen])
        tasks = [
            functools.partial(_loss, judge, part, label)
            for part, label in zip(
                shown.chunk(threads), named.chunk(threads), strict=True
            )
        ]
        losses.append(workers.backward(weights, tasks))
        optimizer.step()
        if step % 100 == 99:
            print(f"judge {step + 1} loss {sum(losses[-100:]) / 100:.3f}", flush=True)
    torch.save(judge.state_dict(), folder / "judge.pt")
    return judge, losses


@torch.no_grad()
def ranks(judge: Judge, pictures: np.ndarray, answers: list[int]) -> list[int]:
    """Give the rank of the right concept for each 64 px picture; 0 is first."""
    scores = judge(to_tensor(pictures))
    right = scores[torch.arange(len(answers)), torch.tensor(answers)]
    found: list[int] = (scores > right[:, None]).sum(dim=1).tolist()
    return found


def accuracy(found: list[int]) -> dict[str, float]:
    """Sum up ranks as top-1 and top-5 shares."""
    return {
        "top1": round(sum(rank < 1 for rank in found) / max(1, len(found)), 3),
        "top5": round(sum(rank < 5 for rank in found) / max(1, len(found)), 3),
        "pictures": len(found),
    }


@dataclasses.dataclass(frozen=True, slots=True)
class Pairs:
    """Concept and style pairs to judge."""

    name: str
    pairs: list[tuple[int, int]]


def choose_pairs(icons: Icons, count: int) -> list[Pairs]:
    """Pick pairs: trained ones in 3D and in other styles, and all unseen ones."""
    rng = np.random.default_rng(17)
    known = popularity(Stock.of(icons))
    ids = zip(icons.concept_of.tolist(), icons.style_of.tolist(), strict=True)
    pairs = [pair for pair in ids if known[pair[0]]]
    unseen = [p for p in pairs if is_held_out(icons.concepts[p[0]].code, p[1])]
    seen = [p for p in pairs if p not in set(unseen)]
    groups = {
        "seen, 3d": [p for p in seen if p[1] == 0],
        "seen, other styles": [p for p in seen if p[1] != 0],
        "unseen": unseen,
    }
    chosen = []
    for name, found in groups.items():
        order = rng.permutation(len(found))[:count].tolist()
        chosen.append(Pairs(name, [found[i] for i in order]))
    return chosen


def real_pictures(icons: Icons, pairs: list[tuple[int, int]]) -> np.ndarray:
    """Paint real drawings in the middle of white, at the judge's size."""
    stock = Stock.of(icons, held_out=True)
    made = []
    for concept, style in pairs:
        item = Item(concept=concept, style=style, x=64, y=64, size=115)
        scene = Scene(layout="single", background="white", items=(item,))
        made.append(shrink(paint(scene, icons, stock.lookup)))
    return np.stack(made)


def score(icons: Icons, judge: Judge, model: Path, *, count: int) -> dict[str, object]:
    """Judge real held-out drawings and Spark's pictures at its default settings."""
    pipeline = load_pipeline(model)
    steps, guidance = read_defaults(model)
    report: dict[str, object] = {}
    for group in choose_pairs(icons, count):
        answers = [concept for concept, _ in group.pairs]
        real = ranks(judge, real_pictures(icons, group.pairs), answers)
        prompts = [
            PREFIXES[STYLES[style]][0].format(
                with_article(icons.concepts[concept].names[0])
            )
            for concept, style in group.pairs
        ]
        seeds = list(range(1000, 1000 + len(prompts)))
        pictures = draw(pipeline, prompts, seeds, steps=steps, guidance=guidance)
        small = np.stack([shrink(np.asarray(picture)) for picture in pictures])
        made = ranks(judge, small, answers)
        report[group.name] = {"real": accuracy(real), "generated": accuracy(made)}
    return report


def write_report(report: dict[str, object], path: Path) -> None:
    """Save the scores as JSON."""
    path.write_text(json.dumps(report, indent=2) + "\n", encoding="utf-8")
