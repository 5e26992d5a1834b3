"""Sharpen the decoder at the end: cached latents in, the painted pictures out.

The encoder stays as it is, so the denoiser's latents keep their meaning. Noise of the
size of the denoiser's own errors is added, as in training.
"""

from __future__ import annotations

import functools
from pathlib import Path

import numpy as np
import torch

from training.budget import Budget, set_learning_rate, steps
from training.diffusion import Cache
from training.muon import Muon
from training.parallel import Workers, autocast
from training.parts import Vae
from training.plans import shares
from training.scenes import paint
from training.vae import picture_loss, to_tensor

NOISE = 0.12
"""Standard deviation, in normalised latents."""


def _loss(vae: Vae, latents: torch.Tensor, real: torch.Tensor) -> torch.Tensor:
    noisy = latents + NOISE * torch.randn_like(latents)
    with autocast():
        made = vae.decode(noisy).sample
    return picture_loss(made.float(), real)


def _painted(cache: Cache, chosen: np.ndarray) -> torch.Tensor:
    stock = cache.stock
    pictures = [paint(cache.scenes[i], stock.icons, stock.lookup) for i in chosen]
    return to_tensor(np.stack(pictures))


def polish(
    vae: Vae,
    cache: Cache,
    folder: Path,
    *,
    minutes: float,
    batch: int = 6,
    peak: float = 2.5e-3,
    threads: int = 2,
    max_steps: int | None = None,
) -> list[float]:
    """Train the decoder of a VAE with normalised latents; save to ``folder/vae``."""
    vae.encoder.requires_grad_(False)
    vae.quant_conv.requires_grad_(False)
    weights = [w for w in vae.parameters() if w.requires_grad]
    workers, budget = Workers(threads), Budget(minutes)
    muon = Muon([w for w in weights if w.ndim > 1], peak)
    muon.spread = workers.each
    adam = torch.optim.AdamW([w for w in weights if w.ndim < 2], lr=peak)
    rng = np.random.default_rng(23)
    rates = shares(cache.scenes, cache.stock)
    losses: list[float] = []
    for step, rate in steps(budget, peak=peak, warmup=20, last=max_steps):
        chosen = rng.choice(len(rates), size=batch, p=rates)
        latents = cache.latents[torch.from_numpy(chosen)].chunk(threads)
        pairs = zip(latents, _painted(cache, chosen).chunk(threads), strict=True)
        tasks = [functools.partial(_loss, vae, given, real) for given, real in pairs]
        losses.append(workers.backward(weights, tasks))
        for optimizer in (muon, adam):
            set_learning_rate(optimizer, rate)
            optimizer.step()
        if step % 25 == 24:
            recent = sum(losses[-25:]) / 25
            print(f"polish {step + 1} loss {recent:.4f}", flush=True)
    vae.save_pretrained(folder / "vae")
    return losses
