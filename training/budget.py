"""Train for a number of minutes, stop and resume without losing the schedule."""

from __future__ import annotations

import itertools
import math
import time
from collections.abc import Iterator
from pathlib import Path

import torch


class Budget:
    """Training time as a share of the minutes given, carried over by checkpoints."""

    def __init__(self, minutes: float, *, spent_seconds: float = 0.0) -> None:
        self.seconds = minutes * 60.0
        self._start = time.monotonic() - spent_seconds

    @property
    def spent_seconds(self) -> float:
        """Seconds trained so far, earlier runs of the same checkpoint included."""
        return time.monotonic() - self._start

    @property
    def progress(self) -> float:
        """Share of the budget used, 0 to 1."""
        return min(1.0, self.spent_seconds / self.seconds)

    @property
    def is_over(self) -> bool:
        """Whether the budget is used up."""
        return self.spent_seconds >= self.seconds


def learning_rate(peak: float, step: int, progress: float, *, warmup: int) -> float:
    """Warm up linearly over steps, then fall as a cosine of the time used.

    The floor is 2 % of the peak, so the last steps still move a little.
    """
    rise = min(1.0, (step + 1) / warmup)
    fall = 0.02 + 0.98 * 0.5 * (1.0 + math.cos(math.pi * progress))
    return peak * rise * fall


def steps(
    budget: Budget, *, first: int = 0, peak: float, warmup: int, last: int | None = None
) -> Iterator[tuple[int, float]]:
    """Yield each step's number and learning rate until the time is over.

    ``last`` ends it at that step, for tests.
    """
    for step in itertools.count(first):
        if budget.is_over or (last is not None and step >= last):
            return
        yield step, learning_rate(peak, step, budget.progress, warmup=warmup)


def set_learning_rate(optimizer: torch.optim.Optimizer, rate: float) -> None:
    """Give every parameter group the same learning rate."""
    for group in optimizer.param_groups:
        group["lr"] = rate


def save_checkpoint(path: Path, state: dict[str, object]) -> None:
    """Write a checkpoint whole or not at all, so a kill cannot spoil it."""
    partial = path.with_suffix(".partial")
    torch.save(state, partial)
    partial.replace(path)
