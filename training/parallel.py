"""Spread each batch over threads that work alone, one CPU core each.

One thread a core that meets the others once a step beats torch's own threads, which
meet at every operation and stall when another program holds one of the cores.
"""

from __future__ import annotations

import functools
import time
from collections.abc import Callable, Sequence
from concurrent.futures import ThreadPoolExecutor

import torch

Grads = tuple[torch.Tensor | None, ...]


class Workers:
    """A pool of single-core workers that compute gradients of parts of a batch."""

    def __init__(self, threads: int) -> None:
        self.threads = threads
        self._pool = ThreadPoolExecutor(
            threads, initializer=torch.set_num_threads, initargs=(1,)
        )

    def backward(
        self,
        weights: Sequence[torch.Tensor],
        losses: Sequence[Callable[[], torch.Tensor]],
    ) -> float:
        """Run the loss functions side by side; leave the mean gradient in ``.grad``.

        Return the mean loss. Parts of a batch must be of equal size.
        """

        def work(loss_of: Callable[[], torch.Tensor]) -> tuple[float, Grads]:
            loss = loss_of()
            return loss.item(), torch.autograd.grad(loss, weights, allow_unused=True)

        parts = list(self._pool.map(work, losses))
        for index, weight in enumerate(weights):
            grads = [part[index] for _, part in parts]
            found = [grad for grad in grads if grad is not None]
            weight.grad = None
            if found:
                total = found[0]
                for grad in found[1:]:
                    total = total + grad
                weight.grad = total / len(parts)
        return sum(loss for loss, _ in parts) / len(parts)

    def each(
        self, task: Callable[[torch.Tensor], None], weights: list[torch.Tensor]
    ) -> None:
        """Do one thing for every weight, the largest first."""
        ordered = sorted(weights, key=torch.Tensor.numel, reverse=True)
        list(self._pool.map(task, ordered))


@functools.cache
def fastest_type() -> torch.dtype:
    """Measure once whether this processor multiplies bfloat16 faster than float32.

    With avx512_bf16 it was 1.6 times as fast in training; without, it is emulated and a
    hundred times slower.
    """
    seconds = {}
    for kind in (torch.float32, torch.bfloat16):
        matrix = torch.ones(256, 256, dtype=kind)
        tries = []
        for _ in range(10):
            start = time.perf_counter()
            matrix @ matrix
            tries.append(time.perf_counter() - start)
        seconds[kind] = min(tries)
    return min(seconds, key=seconds.__getitem__)


def autocast() -> torch.autocast:
    """Use bfloat16 where it is faster; without a cache, which threads would share."""
    enabled = fastest_type() is torch.bfloat16
    return torch.autocast("cpu", torch.bfloat16, enabled=enabled, cache_enabled=False)
