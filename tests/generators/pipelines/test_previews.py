"""Previews show where a drawing is going, in its colours, and never break it."""

import io
from typing import Any

import numpy as np
import pytest
import torch
from diffusers import (
    DDIMScheduler,
    DPMSolverMultistepScheduler,
    EulerDiscreteScheduler,
    FlowMatchEulerDiscreteScheduler,
)
from PIL import Image

from generators.pipelines.previews import Sketcher, preview
from generators.pipelines.protocol import Checkpoint

pytestmark = pytest.mark.filterwarnings("ignore:__array__ implementation")

BETAS = {"beta_start": 0.00085, "beta_end": 0.012, "beta_schedule": "scaled_linear"}
SCHEDULERS: dict[str, Any] = {
    "ddim": DDIMScheduler(**BETAS, set_alpha_to_one=False, steps_offset=1),
    "dpm": DPMSolverMultistepScheduler(**BETAS),
    "euler": EulerDiscreteScheduler(**BETAS, timestep_spacing="leading"),
    "flow": FlowMatchEulerDiscreteScheduler(shift=3.0),
}


def checkpoint(family="sd15", **changes):
    plain = {
        "model_id": "it",
        "label": "It",
        "path": "it",
        "pipeline_class": "StableDiffusionPipeline",
        "family": family,
        "float_elements": 1,
    }
    return Checkpoint(**plain | changes)


def pixels(content):
    image = Image.open(io.BytesIO(content))
    assert image.format == "WEBP"
    return np.asarray(image.convert("RGB")).astype(int)


def noisy(scheduler: Any, step, clean, noise):
    """Return what the latents would be after a step of a perfect denoiser."""
    if scheduler is SCHEDULERS["flow"]:
        sigma = float(scheduler.sigmas[step + 1])
        return (1 - sigma) * clean + sigma * noise
    if float(scheduler.init_noise_sigma) != 1:
        return clean + float(scheduler.sigmas[step + 1]) * noise
    kept = float(scheduler.alphas_cumprod[int(scheduler.timesteps[step + 1])])
    return kept**0.5 * clean + (1 - kept) ** 0.5 * noise


@pytest.mark.parametrize("name", SCHEDULERS)
def test_when_early_then_the_sketch_is_the_clean_picture_not_the_noise(name):
    scheduler = SCHEDULERS[name]
    scheduler.set_timesteps(20)
    torch.manual_seed(1)
    clean = torch.zeros(1, 4, 8, 8)
    clean[:, :, :, 4:] = 1.0
    noise = torch.randn(1, 4, 8, 8)
    it = checkpoint()
    sketcher = Sketcher(it, width=64, height=64)
    steps = [noisy(scheduler, step, clean, noise) for step in (1, 2)]
    assert sketcher.after_step(scheduler, 1, steps[0])() == b""
    sketch = pixels(sketcher.after_step(scheduler, 2, steps[1])())
    wanted = pixels(preview(it, clean, width=64, height=64))
    raw = pixels(preview(it, steps[1], width=64, height=64))
    assert np.abs(sketch - wanted).mean() < 3
    assert np.abs(raw - wanted).mean() > 10


@pytest.mark.parametrize(
    ("family", "channels"), [("sd15", 4), ("sdxl", 4), ("sd3", 16), ("flux", 16)]
)
def test_when_a_family_is_known_then_it_is_in_colour(family, channels):
    latents = torch.zeros(1, channels, 8, 8)
    latents[:, 0] = 2.0
    red, green, blue = pixels(
        preview(checkpoint(family), latents, width=64, height=64)
    )[128, 128]
    assert len({red, green, blue}) > 1


def test_when_a_model_brings_its_own_colours_then_those_are_used():
    own = checkpoint(
        latent_rgb_factors=((1.0, -1.0, -1.0),) * 4, latent_rgb_bias=(0.0, 0.0, 0.5)
    )
    latents = torch.full((1, 4, 8, 8), 0.25)
    red, green, blue = pixels(preview(own, latents, width=64, height=64))[128, 128]
    assert red > 240
    assert green < 15
    assert 50 < blue < 80


def test_when_nothing_is_known_of_the_latents_then_it_is_grey():
    torch.manual_seed(1)
    latents = torch.randn(1, 7, 8, 8) * 30
    shown = pixels(preview(checkpoint(), latents, width=64, height=64))
    assert np.abs(shown[..., 0] - shown[..., 2]).max() < 12
    assert 60 < shown.mean() < 195


def test_when_packed_then_it_is_unpacked_to_the_pictures_shape():
    rows, columns = 4, 8
    grid = torch.zeros(1, 16, rows * 2, columns * 2)
    grid[:, 0, :, columns:] = 3.0
    packed = grid.view(1, 16, rows, 2, columns, 2).permute(0, 2, 4, 1, 3, 5)
    packed = packed.reshape(1, rows * columns, 64)
    shown = pixels(preview(checkpoint("flux"), packed, width=256, height=128))
    assert shown.shape == (128, 256, 3)
    plain = pixels(preview(checkpoint("flux"), grid, width=256, height=128))
    assert np.array_equal(shown, plain)


@pytest.mark.parametrize(
    "latents",
    [torch.full((1, 4, 8, 8), float("nan")), torch.full((1, 4, 8, 8), float("inf"))],
)
def test_when_numbers_are_broken_then_a_preview_still_comes(latents):
    assert pixels(preview(checkpoint(), latents, width=64, height=64)).any()


def test_when_latents_are_of_no_shape_we_know_then_there_is_just_no_preview():
    scheduler = SCHEDULERS["ddim"]
    scheduler.set_timesteps(4)
    sketcher = Sketcher(checkpoint(), width=64, height=64)
    assert sketcher.after_step(scheduler, 3, torch.zeros(5))() == b""
    assert sketcher.after_step(object(), 3, torch.zeros(1, 4, 8, 8))() == b""
