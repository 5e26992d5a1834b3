"""Encode the training pictures once, and fold the latents' scale into the VAE."""

from __future__ import annotations

import dataclasses
import json
from collections.abc import Iterator
from pathlib import Path

import numpy as np
import torch

from training.diffusion import Cache
from training.parallel import autocast
from training.parts import Vae
from training.plans import Stock
from training.scenes import Item, Scene, paint
from training.vae import NOISE, Compressor, VaeSize, to_tensor


def _painted(
    scenes: list[Scene], stock: Stock, size: int
) -> Iterator[tuple[int, np.ndarray]]:
    for start in range(0, len(scenes), size):
        part = scenes[start : start + size]
        yield start, np.stack([paint(s, stock.icons, stock.lookup) for s in part])


@torch.no_grad()
def encode(vae: Vae, scenes: list[Scene], stock: Stock) -> torch.Tensor:
    """Encode scenes to latent means, float32 (N, channels, 8, 8)."""
    parts = []
    for start, pictures in _painted(scenes, stock, 32):
        with autocast():
            latents = vae.encode(to_tensor(pictures)).latent_dist.mean
        parts.append(latents.float())
        if start % 3200 == 0:
            print(f"cache {start} of {len(scenes)}", flush=True)
    return torch.cat(parts)


@torch.no_grad()
def normalise(vae: Vae, mean: torch.Tensor, deviation: torch.Tensor) -> None:
    """Make the VAE speak latents of mean 0 and deviation 1 in every channel.

    StableDiffusionPipeline knows one scaling factor and no shift, so the change goes
    into the two 1x1 convolutions next to the latents. The unused variance output
    becomes the fixed noise of training.
    """
    channels = len(mean)
    quant, post = vae.quant_conv, vae.post_quant_conv
    quant.weight[:channels] /= deviation.view(-1, 1, 1, 1)
    quant.bias[:channels] = (quant.bias[:channels] - mean) / deviation
    quant.weight[channels:] = 0.0
    quant.bias[channels:] = 2.0 * torch.log(NOISE / deviation)
    post.bias += torch.einsum("oi,i->o", post.weight[:, :, 0, 0], mean)
    post.weight *= deviation.view(1, -1, 1, 1)


def load_trained_vae(folder: Path, size: VaeSize | None = None) -> Vae:
    """Read the trained VAE, without normalised latents."""
    made, _, _ = Compressor.load(folder / "vae.pt", size or VaeSize())
    vae: Vae = (made if made.grown else made.grow()).vae
    return vae.eval()


def make_cache(vae: Vae, scenes: list[Scene], *, stock: Stock, folder: Path) -> Cache:
    """Encode, normalise both latents and VAE, and write all of it to ``folder``."""
    latents = encode(vae, scenes, stock)
    mean = latents.mean(dim=(0, 2, 3))
    deviation = latents.std(dim=(0, 2, 3))
    normalise(vae, mean, deviation)
    latents = (latents - mean.view(1, -1, 1, 1)) / deviation.view(1, -1, 1, 1)
    vae.save_pretrained(folder / "vae")
    np.save(folder / "latents.npy", latents.half().numpy())
    rows = [dataclasses.asdict(scene) for scene in scenes]
    (folder / "scenes.json").write_text(json.dumps(rows), encoding="utf-8")
    return Cache(latents, scenes, stock)


def load_cache(folder: Path, stock: Stock) -> Cache:
    """Read what make_cache wrote."""
    rows = json.loads((folder / "scenes.json").read_text(encoding="utf-8"))
    scenes = [
        Scene(
            layout=row["layout"],
            background=row["background"],
            items=tuple(Item(**item) for item in row["items"]),
            place=row["place"],
        )
        for row in rows
    ]
    latents = torch.from_numpy(np.load(folder / "latents.npy")).float()
    return Cache(latents, scenes, stock)
