"""Train the denoiser and the text encoder together on cached latents.

v-prediction (Salimans and Ho 2022) with zero terminal signal (Lin et al. 2024), so that
the sampler may start from pure noise; steps with hardly any noise count less.
"""

from __future__ import annotations

import copy
import dataclasses
import functools
from pathlib import Path

import numpy as np
import torch

from training.budget import Budget, save_checkpoint, set_learning_rate, steps
from training.captions import caption
from training.muon import Muon
from training.parallel import Workers, autocast
from training.parts import (
    DDIMScheduler,
    Scheduler,
    TextEncoder,
    Unet,
    UNet2DConditionModel,
    WordTokenizer,
)
from training.plans import Stock, shares
from training.scenes import Scene
from training.vae import LATENT_CHANNELS
from training.words import MAX_TOKENS, TextSize, build_text_encoder

EMPTY_SHARE = 0.1
"""Share of captions left empty, for classifier-free guidance (Ho and Salimans 2022)."""
MAX_SNR = 5.0
"""Signal to noise above which a step counts less. Below it all count the same: what the
picture shows is decided there."""
GRID = 8
LAST_IN_BRANCH = ("conv2.weight", "proj_out.weight", "conv_out.weight")
"""Weights that start at zero, so that every residual branch starts as nothing."""
ADAM_NAMES = ("embedding", "conv_in", "conv_out")
"""Muon is for hidden matrices; these, and all vectors, learn by AdamW."""


@dataclasses.dataclass(frozen=True, slots=True, kw_only=True)
class UnetSize:
    """Widths of the denoiser; tests use smaller ones."""

    channels: tuple[int, ...] = (128, 192)
    layers: int = 1
    heads: int = 8
    groups: int = 32
    latent_channels: int = LATENT_CHANNELS


def build_unet(size: UnetSize, text_width: int) -> Unet:
    """Make an untrained denoiser with cross attention at every level."""
    levels = len(size.channels)
    unet = UNet2DConditionModel(
        sample_size=GRID,
        in_channels=size.latent_channels,
        out_channels=size.latent_channels,
        block_out_channels=size.channels,
        layers_per_block=size.layers,
        down_block_types=("CrossAttnDownBlock2D",) * levels,
        up_block_types=("CrossAttnUpBlock2D",) * levels,
        cross_attention_dim=text_width,
        attention_head_dim=size.heads,
        norm_num_groups=size.groups,
    )
    for name, weight in unet.named_parameters():
        if name.endswith(LAST_IN_BRANCH):
            torch.nn.init.zeros_(weight)
    return unet


def build_scheduler() -> Scheduler:
    """Make the sampler that is shipped; its noise schedule is the training one."""
    return DDIMScheduler(
        num_train_timesteps=1000,
        beta_start=0.00085,
        beta_end=0.012,
        beta_schedule="scaled_linear",
        prediction_type="v_prediction",
        rescale_betas_zero_snr=True,
        timestep_spacing="trailing",
        clip_sample=False,
        set_alpha_to_one=True,
        steps_offset=1,
    )


@dataclasses.dataclass(frozen=True, slots=True)
class Cache:
    """Encoded training pictures; latents have mean 0 and deviation 1 per channel."""

    latents: torch.Tensor
    """float32, (N, channels, 8, 8)."""
    scenes: list[Scene]
    stock: Stock


class Denoiser(torch.nn.Module):
    """The two networks that are trained together."""

    def __init__(self, unet: Unet, text: TextEncoder) -> None:
        super().__init__()
        self.unet = unet
        self.text = text

    def forward(
        self, noisy: torch.Tensor, steps: torch.Tensor, tokens: torch.Tensor
    ) -> torch.Tensor:
        """Predict v for noisy latents (B, C, 8, 8), steps (B,) and tokens (B, 24)."""
        context = self.text(tokens)[0]
        made: torch.Tensor = self.unet(noisy, steps, context).sample
        return made


@dataclasses.dataclass(frozen=True, slots=True)
class Batch:
    """One part of a training batch."""

    latents: torch.Tensor
    noise: torch.Tensor
    steps: torch.Tensor
    tokens: torch.Tensor


def diffusion_loss(model: Denoiser, alphas: torch.Tensor, batch: Batch) -> torch.Tensor:
    """Weighted mean squared error of v; ``alphas`` is the cumulative product (1000,)."""
    signal = alphas[batch.steps].sqrt().view(-1, 1, 1, 1)
    spread = (1.0 - alphas[batch.steps]).sqrt().view(-1, 1, 1, 1)
    noisy = signal * batch.latents + spread * batch.noise
    target = signal * batch.noise - spread * batch.latents
    with autocast():
        made = model(noisy, batch.steps, batch.tokens)
    snr = alphas[batch.steps] / (1.0 - alphas[batch.steps])
    weight = 1.0 / (snr / MAX_SNR).clamp(min=1.0)
    each = (made.float() - target).square().mean(dim=(1, 2, 3))
    loss: torch.Tensor = (weight * each).mean()
    return loss


def draw_batch(
    rng: np.random.Generator,
    cache: Cache,
    tokenizer: WordTokenizer,
    *,
    size: int,
    order: np.ndarray,
) -> Batch:
    """Caption and noise the pictures of ``order``; steps are spread evenly (1000)."""
    texts = [
        "" if rng.random() < EMPTY_SHARE else caption(rng, cache.stock, cache.scenes[i])
        for i in order.tolist()
    ]
    tokens = tokenizer(
        texts,
        padding="max_length",
        truncation=True,
        max_length=MAX_TOKENS,
        return_tensors="pt",
    ).input_ids
    spread = (rng.permutation(size) + rng.random(size)) / size
    return Batch(
        latents=cache.latents[torch.from_numpy(order)],
        noise=torch.from_numpy(
            rng.standard_normal((size, *cache.latents.shape[1:]), dtype=np.float32)
        ),
        steps=torch.from_numpy((spread * 1000).astype(np.int64)),
        tokens=tokens,
    )


def split(batch: Batch, parts: int) -> list[Batch]:
    """Cut a batch for the workers."""
    fields = [getattr(batch, field.name) for field in dataclasses.fields(batch)]
    return [
        Batch(*piece)
        for piece in zip(*(field.chunk(parts) for field in fields), strict=True)
    ]


@torch.no_grad()
def follow(average: torch.nn.Module, model: torch.nn.Module, step: int) -> None:
    """Move the running average of the weights; slower as training goes on."""
    keep = min(0.998, (1.0 + step) / (10.0 + step))
    pairs = zip(average.parameters(), model.parameters(), strict=True)
    for mean, weight in pairs:
        mean.lerp_(weight, 1.0 - keep)


class Trainer:
    """Everything that a checkpoint holds."""

    def __init__(
        self, tokenizer: WordTokenizer, unet_size: UnetSize, text_size: TextSize
    ) -> None:
        text = build_text_encoder(tokenizer, text_size)
        self.model = Denoiser(build_unet(unet_size, text_size.width), text)
        self.average = copy.deepcopy(self.model).requires_grad_(False)
        hidden: list[torch.Tensor] = []
        other: list[torch.Tensor] = []
        for name, weight in self.model.named_parameters():
            by_adam = weight.ndim < 2 or any(part in name for part in ADAM_NAMES)
            (other if by_adam else hidden).append(weight)
        self.muon = Muon(hidden, lr=1e-3)
        self.adam = torch.optim.AdamW(
            other, lr=1e-3, betas=(0.9, 0.98), weight_decay=0.01
        )
        self.step = 0
        self.seconds = 0.0

    def learn(self, rate: float) -> None:
        """Take one step along the gradients and move the average."""
        torch.nn.utils.clip_grad_norm_(self.model.parameters(), 1.0)
        for optimizer in (self.muon, self.adam):
            set_learning_rate(optimizer, rate)
            optimizer.step()
        follow(self.average, self.model, self.step)
        self.step += 1

    def save(self, path: Path) -> None:
        """Write model, average and optimizer."""
        state = {
            "model": self.model.state_dict(),
            "average": self.average.state_dict(),
            "muon": self.muon.state_dict(),
            "adam": self.adam.state_dict(),
            "step": self.step,
            "seconds": self.seconds,
        }
        save_checkpoint(path, state)

    def load(self, path: Path) -> None:
        """Go on from a checkpoint."""
        state = torch.load(path, weights_only=True)
        self.model.load_state_dict(state["model"])
        self.average.load_state_dict(state["average"])
        self.muon.load_state_dict(state["muon"])
        self.adam.load_state_dict(state["adam"])
        self.step, self.seconds = state["step"], state["seconds"]


def train_diffusion(
    cache: Cache,
    tokenizer: WordTokenizer,
    folder: Path,
    *,
    minutes: float,
    unet_size: UnetSize | None = None,
    text_size: TextSize | None = None,
    batch: int = 48,
    peak: float = 3e-3,
    threads: int = 2,
    max_steps: int | None = None,
) -> list[float]:
    """Train, or go on from ``folder/diffusion.pt``; return the loss of each step."""
    trainer = Trainer(tokenizer, unet_size or UnetSize(), text_size or TextSize())
    checkpoint = folder / "diffusion.pt"
    if checkpoint.exists():
        trainer.load(checkpoint)
    workers = Workers(threads)
    trainer.muon.spread = workers.each
    budget = Budget(minutes, spent_seconds=trainer.seconds)
    rng = np.random.default_rng(trainer.step + 11)
    alphas = build_scheduler().alphas_cumprod
    rates = shares(cache.scenes, cache.stock)
    losses: list[float] = []
    saved = budget.spent_seconds
    for step, rate in steps(
        budget, first=trainer.step, peak=peak, warmup=30, last=max_steps
    ):
        order = rng.choice(len(rates), size=batch, p=rates)
        whole = draw_batch(rng, cache, tokenizer, size=batch, order=order)
        tasks = [
            functools.partial(diffusion_loss, trainer.model, alphas, part)
            for part in split(whole, threads)
        ]
        losses.append(workers.backward(list(trainer.model.parameters()), tasks))
        trainer.learn(rate)
        trainer.seconds = budget.spent_seconds
        if step % 25 == 24:
            recent = sum(losses[-25:]) / len(losses[-25:])
            minute = budget.spent_seconds / 60
            print(f"unet {step + 1} {minute:.1f} min loss {recent:.4f}", flush=True)
        if budget.spent_seconds - saved > 150:
            trainer.save(checkpoint)
            saved = budget.spent_seconds
    trainer.save(checkpoint)
    return losses
