"""Train the picture compressor: 128x128 RGB to an 8x8 grid of 12 channels and back.

An AutoencoderKL with factor 16. Full-resolution layers dominate on a CPU, hence 16
channels there; bfloat16 is used where it is faster (parallel.py), channels_last and torch.compile gained nothing (measured). Two things made
it learn several times faster than a plain VAE with AdamW: noise of a fixed size in the
latents instead of a learned one, and Muon with residual branches that start at zero.
"""

from __future__ import annotations

import dataclasses
import functools
import itertools
from collections.abc import Callable
from pathlib import Path

import numpy as np
import torch

from training.budget import Budget, learning_rate, save_checkpoint, set_learning_rate
from training.muon import Muon
from training.parallel import Workers, autocast
from training.parts import AutoencoderKL, Vae

LATENT_CHANNELS = 12
FACTOR = 16
NOISE = 0.1
"""Standard deviation of the noise in the latents while training, so that the decoder
forgives the small errors of the denoiser."""
HALF_SIZE_SHARE = 0.6
"""Share of the time in which the inner levels learn alone, on 64 px pictures."""
LATENT_PENALTY = 1e-3
"""Weight of the mean squared latent; with NOISE fixed this is all that is left of the
KL term (Kingma and Welling 2014, eq. 10)."""

PictureSource = Callable[[np.random.Generator], np.ndarray]
"""Draws one training picture: uint8, (128, 128, 3)."""


@dataclasses.dataclass(frozen=True, slots=True, kw_only=True)
class VaeSize:
    """Widths of the compressor; tests use smaller ones."""

    channels: tuple[int, ...] = (16, 16, 32, 64, 128)
    groups: int = 8
    latent_channels: int = LATENT_CHANNELS


def build_vae(size: VaeSize) -> Vae:
    """Make an untrained AutoencoderKL without attention (it is fully convolutional)."""
    levels = len(size.channels)
    vae = AutoencoderKL(
        block_out_channels=size.channels,
        down_block_types=("DownEncoderBlock2D",) * levels,
        up_block_types=("UpDecoderBlock2D",) * levels,
        layers_per_block=1,
        latent_channels=size.latent_channels,
        norm_num_groups=size.groups,
        sample_size=128,
        mid_block_add_attention=False,
        scaling_factor=1.0,
        force_upcast=False,
    )
    for name, module in vae.named_modules():
        if isinstance(module, torch.nn.Conv2d):
            torch.nn.init.kaiming_normal_(module.weight, nonlinearity="linear")
            if module.bias is not None:
                torch.nn.init.zeros_(module.bias)
            if name.endswith(".conv2"):
                torch.nn.init.zeros_(module.weight)
    return vae


def to_tensor(pictures: np.ndarray) -> torch.Tensor:
    """Turn uint8 (B, H, W, 3) into float (B, 3, H, W) from -1 to 1."""
    return torch.from_numpy(pictures).permute(0, 3, 1, 2).float() / 127.5 - 1.0


def edge_loss(made: torch.Tensor, real: torch.Tensor) -> torch.Tensor:
    """Compare finite differences in both directions, which keeps outlines crisp."""
    gap = made - real
    across = (gap[..., :, 1:] - gap[..., :, :-1]).abs().mean()
    down = (gap[..., 1:, :] - gap[..., :-1, :]).abs().mean()
    return across + down


def hue_loss(made: torch.Tensor, real: torch.Tensor) -> torch.Tensor:
    """Compare red with green and blue with yellow, squared too.

    Plain L1 learnt light and dark, orange and blue, and left red and green brown.
    """
    red, green, blue = (made - real).unbind(1)
    gaps = torch.stack([red - green, blue - (red + green) / 2])
    return gaps.abs().mean() + gaps.square().mean()


def picture_loss(made: torch.Tensor, real: torch.Tensor) -> torch.Tensor:
    """L1 + edges + hues, each a mean; pictures are (B, 3, H, W) from -1 to 1."""
    detail = edge_loss(made, real) + hue_loss(made, real)
    return (made - real).abs().mean() + detail


def vae_loss(vae: Vae, real: torch.Tensor) -> torch.Tensor:
    """L1 + edges + hues + a little weight on large latents, all as means."""
    with autocast():
        latent = vae.encode(real).latent_dist.mean
        made = vae.decode(latent + NOISE * torch.randn_like(latent)).sample
    made, latent = made.float(), latent.float()
    penalty = LATENT_PENALTY * latent.square().mean()
    loss: torch.Tensor = picture_loss(made, real) + penalty
    return loss


def halve(pictures: np.ndarray) -> np.ndarray:
    """Average 2x2 pixels: uint8 (B, H, W, 3) to (B, H/2, W/2, 3)."""
    batch, high, wide, _ = pictures.shape
    cells = pictures.reshape(batch, high // 2, 2, wide // 2, 2, 3)
    small: np.ndarray = cells.mean(axis=(2, 4)).round().astype(np.uint8)
    return small


@torch.no_grad()
def grow(small: Vae, large: Vae) -> None:
    """Start a network of one more level from one trained at half the size.

    The two outer levels are equally wide. The new outer level begins as an averaging
    downsampler and a nearest-neighbour upsampler, with silent residual branches.
    """
    weights = large.state_dict()
    last = len(small.encoder.down_blocks)
    for name, weight in small.state_dict().items():
        words = name.split(".")
        if "down_blocks" in words:
            place = words.index("down_blocks") + 1
            words[place] = str(int(words[place]) + 1)
        weights[".".join(words)] = weight
    width = small.config["block_out_channels"][0]
    same = torch.eye(width)
    down = torch.zeros(width, width, 3, 3)
    down[:, :, :2, :2] = same[:, :, None, None] / 4
    up = torch.zeros(width, width, 3, 3)
    up[:, :, 1, 1] = same
    weights["encoder.down_blocks.0.downsamplers.0.conv.weight"] = down
    weights[f"decoder.up_blocks.{last - 1}.upsamplers.0.conv.weight"] = up
    large.load_state_dict(weights)


class Compressor:
    """The VAE in training, first for half-size pictures, then grown to full size."""

    def __init__(self, size: VaeSize, *, grown: bool) -> None:
        self.size = size
        self.grown = grown
        channels = size.channels if grown else size.channels[1:]
        self.vae = build_vae(dataclasses.replace(size, channels=channels))
        weights = list(self.vae.parameters())
        self.muon = Muon([w for w in weights if w.ndim > 1], lr=1e-3)
        self.adam = torch.optim.AdamW([w for w in weights if w.ndim < 2], lr=1e-3)

    def grow(self) -> Compressor:
        """Make the full-size network."""
        large = Compressor(self.size, grown=True)
        grow(self.vae, large.vae)
        return large

    def learn(self, pictures: np.ndarray, rate: float, workers: Workers) -> float:
        """Take one step on pictures, uint8 (B, 128, 128, 3); return the loss."""
        whole = to_tensor(pictures if self.grown else halve(pictures))
        parts = whole.chunk(workers.threads)
        tasks = [functools.partial(vae_loss, self.vae, part) for part in parts]
        loss = workers.backward(list(self.vae.parameters()), tasks)
        self.muon.spread = workers.each
        for optimizer in (self.muon, self.adam):
            set_learning_rate(optimizer, rate)
            optimizer.step()
        return loss

    def save(self, path: Path, step: int, seconds: float) -> None:
        """Write a checkpoint."""
        state = {
            "grown": self.grown,
            "model": self.vae.state_dict(),
            "muon": self.muon.state_dict(),
            "adam": self.adam.state_dict(),
            "step": step,
            "seconds": seconds,
        }
        save_checkpoint(path, state)

    @classmethod
    def load(cls, path: Path, size: VaeSize) -> tuple[Compressor, int, float]:
        """Read a checkpoint; return it with its step and seconds."""
        state = torch.load(path, weights_only=True)
        made = cls(size, grown=state["grown"])
        made.vae.load_state_dict(state["model"])
        made.muon.load_state_dict(state["muon"])
        made.adam.load_state_dict(state["adam"])
        return made, state["step"], state["seconds"]


def train_vae(
    draw: PictureSource,
    folder: Path,
    *,
    minutes: float,
    size: VaeSize | None = None,
    batch: int = 6,
    peak: float = 5e-3,
    threads: int = 2,
    max_steps: int | None = None,
) -> list[float]:
    """Train, or go on training from ``folder/vae.pt``; return the loss of each step.

    Most of the time goes to half-size pictures, which cost a third as much.
    """
    made = Compressor(size or VaeSize(), grown=False)
    checkpoint = folder / "vae.pt"
    first_step, spent = 0, 0.0
    if checkpoint.exists():
        made, first_step, spent = Compressor.load(checkpoint, made.size)
    workers = Workers(threads)
    budget = Budget(minutes, spent_seconds=spent)
    rng = np.random.default_rng(first_step + 1)
    torch.manual_seed(first_step)
    losses: list[float] = []
    since_grown = 40
    for step in itertools.count(first_step):
        share = budget.progress if max_steps is None else step / max_steps
        if share >= 1.0:
            break
        if share >= HALF_SIZE_SHARE and not made.grown:
            made, since_grown = made.grow(), 0
        since_grown += 1
        rate = learning_rate(peak, min(step, since_grown), share, warmup=40)
        many = batch if made.grown else 2 * batch
        pictures = np.stack([draw(rng) for _ in range(many)])
        losses.append(made.learn(pictures, rate, workers))
        if step % 50 == 49:
            recent = sum(losses[-50:]) / len(losses[-50:])
            minute = budget.spent_seconds / 60
            grown = "full" if made.grown else "half"
            print(f"vae {grown} {step + 1} {minute:.1f} min {recent:.4f}", flush=True)
        if step % 100 == 99:
            made.save(checkpoint, step + 1, budget.spent_seconds)
    made.save(checkpoint, first_step + len(losses), budget.spent_seconds)
    return losses
