"""Muon: momentum steps whose matrices are made orthogonal.

Jordan et al. 2024, https://kellerjordan.github.io/posts/muon/ (the five Newton-Schulz
steps and their coefficients are from there). Convolution kernels count as matrices of
shape (out, in x height x width).
"""

from __future__ import annotations

import functools
from collections.abc import Callable, Iterable

import torch

from training.parallel import fastest_type

Task = Callable[[torch.Tensor], None]


def _one_by_one(task: Task, weights: list[torch.Tensor]) -> None:
    for weight in weights:
        task(weight)


def orthogonal(matrix: torch.Tensor) -> torch.Tensor:
    """Move the singular values of a matrix near 1 by Newton-Schulz iteration."""
    a, b, c = 3.4445, -4.7750, 2.0315
    x = matrix.to(fastest_type())
    turned = x.shape[0] > x.shape[1]
    x = x.T if turned else x
    x = x / (x.norm() + 1e-7)
    for _ in range(5):
        gram = x @ x.T
        x = a * x + (b * gram + c * gram @ gram) @ x
    made: torch.Tensor = (x.T if turned else x).to(matrix.dtype)
    return made


class Muon(torch.optim.Optimizer):
    """Nesterov momentum 0.95 with orthogonal steps, for weights of 2 or more axes."""

    def __init__(self, params: Iterable[torch.Tensor], lr: float) -> None:
        super().__init__(params, {"lr": lr, "momentum": 0.95, "decay": 0.01})
        self.spread: Callable[[Task, list[torch.Tensor]], object] = _one_by_one
        """How to do one thing for every weight; training spreads it over threads."""

    def step(self, closure: None = None) -> None:  # type: ignore[override]
        """Take one step; a step's root mean square is about 0.2 of the rate."""
        for group in self.param_groups:
            weights = [w for w in group["params"] if w.grad is not None]
            for weight in weights:
                if not self.state[weight]:
                    self.state[weight]["momentum"] = torch.zeros_like(weight)
            self.spread(functools.partial(self._move, group), weights)

    @torch.no_grad()
    def _move(self, group: dict[str, float], weight: torch.Tensor) -> None:
        momentum = self.state[weight]["momentum"]
        gradient = weight.grad
        if gradient is None:
            return
        momentum.lerp_(gradient, 1 - group["momentum"])
        ahead = gradient.lerp(momentum, group["momentum"])
        step = orthogonal(ahead.flatten(1)).view_as(weight)
        scale = 0.2 * max(weight.shape[0], weight[0].numel()) ** 0.5
        weight.mul_(1 - group["lr"] * group["decay"])
        weight.add_(step, alpha=-group["lr"] * scale)
