"""Loads pipelines from disk, never from the network. Runs in the engine only."""

import importlib
import logging
from pathlib import Path
from typing import Any

import torch
from diffusers.utils import logging as diffusers_logging
from transformers.utils import logging as transformers_logging

from generators.pipelines import clip_words, devices
from generators.pipelines.memory import Device
from generators.pipelines.protocol import Checkpoint

# Modules rather than ``diffusers`` names: importing only what is used is quicker.
_PIPELINES = {
    "StableDiffusionPipeline": "diffusers.pipelines.stable_diffusion.pipeline_stable_diffusion",
    "StableDiffusionXLPipeline": "diffusers.pipelines.stable_diffusion_xl.pipeline_stable_diffusion_xl",
    "StableDiffusion3Pipeline": "diffusers.pipelines.stable_diffusion_3.pipeline_stable_diffusion_3",
    "FluxPipeline": "diffusers.pipelines.flux.pipeline_flux",
}
# Flow models overflow in fp16; the U-Nets were published and are used in it.
_NEEDS_BFLOAT16 = {"sd3", "flux", "flux-schnell"}
_SCHEDULERS: dict[str, tuple[str, dict[str, Any]]] = {
    "ddim": ("DDIMScheduler", {}),
    "dpm++-2m": ("DPMSolverMultistepScheduler", {"use_karras_sigmas": False}),
    "dpm++-2m-karras": ("DPMSolverMultistepScheduler", {"use_karras_sigmas": True}),
    "euler": ("EulerDiscreteScheduler", {}),
    "euler-ancestral": ("EulerAncestralDiscreteScheduler", {}),
    "pndm": ("PNDMScheduler", {"skip_prk_steps": True}),
    "unipc": ("UniPCMultistepScheduler", {}),
}


# Below this many numbers, threads wait for each other more than they work: measured with
# Spark, 0.8 s a picture with one and 9 to 22 s with two beside other work on two cores.
_FEW_ELEMENTS = 100_000_000


def use_fitting_threads(checkpoint: Checkpoint) -> None:
    """Set how many threads draw on a CPU; the same for a model each time.

    The last bit of a sum depends on it, so it may not follow the machine's load.
    """
    is_small = checkpoint.float_elements < _FEW_ELEMENTS
    torch.set_num_threads(1 if is_small else devices.ALL_THREADS)


def quiet() -> None:
    """Keep the libraries' chatter, which quotes prompts, out of the log."""
    diffusers_logging.set_verbosity_error()
    diffusers_logging.disable_progress_bar()
    transformers_logging.set_verbosity(logging.CRITICAL)
    transformers_logging.disable_progress_bar()  # type: ignore[no-untyped-call]


def load(checkpoint: Checkpoint, device: Device) -> Any:
    """Return a pipeline ready to draw on the device."""
    module = importlib.import_module(_PIPELINES[checkpoint.pipeline_class])
    pipeline_class = getattr(module, checkpoint.pipeline_class)
    options: dict[str, Any] = {"dtype": _dtype(checkpoint, device)}
    if not checkpoint.has_safety_checker and checkpoint.family in {"sd15", "sd2"}:
        options |= {"safety_checker": None, "requires_safety_checker": False}
    if Path(checkpoint.path).is_dir():
        if checkpoint.variant:
            options["variant"] = checkpoint.variant
        pipeline = pipeline_class.from_pretrained(
            checkpoint.path, local_files_only=True, use_safetensors=True, **options
        )
    else:
        if not (Path(checkpoint.config_path) / "tokenizer").is_dir():
            options |= _clip_tokenizers(checkpoint)
        pipeline = pipeline_class.from_single_file(
            checkpoint.path,
            config=checkpoint.config_path,
            local_files_only=True,
            **options,
        )
    pipeline.set_progress_bar_config(disable=True)
    return pipeline.to(device.name)


def _clip_tokenizers(checkpoint: Checkpoint) -> dict[str, Any]:
    """Return what a single file of SD 1.5 or SDXL needs beside its weights."""
    tokenizers = {"tokenizer": clip_words.tokenizer()}
    if checkpoint.family == "sdxl":
        tokenizers["tokenizer_2"] = clip_words.tokenizer(padding="!")
    return tokenizers


def scheduler_named(name: str, pipeline: Any) -> Any:
    """Build another scheduler from the configuration of the pipeline's own."""
    class_name, options = _SCHEDULERS[name]
    scheduler_class = getattr(importlib.import_module("diffusers"), class_name)
    return scheduler_class.from_config(pipeline.scheduler.config, **options)


def _dtype(checkpoint: Checkpoint, device: Device) -> torch.dtype:
    if device.name == "cpu":
        return torch.float32
    if checkpoint.family in _NEEDS_BFLOAT16 and torch.cuda.is_bf16_supported():
        return torch.bfloat16
    return torch.float16
