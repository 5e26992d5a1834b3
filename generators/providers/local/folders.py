"""Looks into a diffusers-format folder without loading it."""

import json
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from generators.capabilities import Size
from generators.pipelines.checkpoint_headers import (
    BrokenCheckpoint,
    Tensor,
    read_header,
)
from generators.pipelines.regular_files import read_text
from generators.providers.local import families
from generators.providers.local.families import Family

INDEX = "model_index.json"
PICKLES = (".bin", ".ckpt", ".pt", ".pth", ".pkl")
_LIBRARIES = {"diffusers", "transformers", "stable_diffusion"}
_WITH_WEIGHTS = {
    "unet",
    "transformer",
    "vae",
    "text_encoder",
    "text_encoder_2",
    "text_encoder_3",
}
_OPTIONAL = {"safety_checker", "feature_extractor", "image_encoder"}
# The text-to-image class that diffusers resolves a folder of these to.
_CLASSES = {
    "StableDiffusionPipeline": "StableDiffusionPipeline",
    "StableDiffusionImg2ImgPipeline": "StableDiffusionPipeline",
    "StableDiffusionXLPipeline": "StableDiffusionXLPipeline",
    "StableDiffusionXLImg2ImgPipeline": "StableDiffusionXLPipeline",
    "StableDiffusion3Pipeline": "StableDiffusion3Pipeline",
    "StableDiffusion3Img2ImgPipeline": "StableDiffusion3Pipeline",
    "FluxPipeline": "FluxPipeline",
    "FluxImg2ImgPipeline": "FluxPipeline",
}


@dataclass(frozen=True, slots=True, kw_only=True)
class Anatomy:
    """What a checkpoint was found to be."""

    family: Family
    native: Size
    schedulers: tuple[str, ...]
    float_elements: int
    other_bytes: int
    decoder_channels: int
    variant: str = ""
    has_safety_checker: bool = False


def anatomy(folder: Path) -> Anatomy:
    """Say what the folder holds, or raise ``BrokenCheckpoint`` with the reason."""
    index = read_json(folder / INDEX)
    pipeline_class = _pipeline_class(index)
    components = _components(folder, index)
    weights = {name: _weights(folder / name) for name in components}
    variant = _variant(weights)
    tensors = [
        tensor
        for choices in weights.values()
        for path in choices.get(variant, choices.get("", ()))
        for tensor in read_header(path).values()
    ]
    family = _family(folder, pipeline_class)
    vae = read_json(folder / "vae" / "config.json")
    return Anatomy(
        family=family,
        native=_native_size(folder, family, vae),
        schedulers=_schedulers(folder),
        float_elements=sum(each.elements for each in tensors if each.is_float),
        other_bytes=_other_bytes(tensors),
        decoder_channels=_decoder_channels(vae),
        variant=variant,
        has_safety_checker="safety_checker" in components,
    )


def read_json(path: Path) -> Mapping[str, Any]:
    """Return a JSON object, or raise ``BrokenCheckpoint`` naming the file."""
    name = f"{path.parent.name}/{path.name}"
    try:
        value = json.loads(read_text(path))
    except FileNotFoundError as error:
        raise BrokenCheckpoint(f"{name} is missing.") from error
    except (OSError, RecursionError, ValueError) as error:
        raise BrokenCheckpoint(f"{name} is not readable JSON.") from error
    if not isinstance(value, dict):
        raise BrokenCheckpoint(f"{name} is not a JSON object.")
    return value


def _pipeline_class(index: Mapping[str, Any]) -> str:
    named = index.get("_class_name")
    if not isinstance(named, str):
        raise BrokenCheckpoint(f"{INDEX} names no pipeline class.")
    if named not in _CLASSES:
        raise BrokenCheckpoint(f"Its pipeline, {named[:80]}, is not one we draw with.")
    return _CLASSES[named]


def _components(folder: Path, index: Mapping[str, Any]) -> list[str]:
    """Check each part that the index names; return those that have weights."""
    with_weights = []
    for name, value in index.items():
        if name.startswith("_") or not isinstance(value, list) or value[:1] == [None]:
            continue
        if not name.isidentifier() or value[0] not in _LIBRARIES:
            raise BrokenCheckpoint(f"{INDEX} asks for code of its own ({name[:40]}).")
        is_there = (folder / name).is_dir()
        if not is_there and name not in _OPTIONAL:
            raise BrokenCheckpoint(f"Its folder {name} is missing.")
        if name in _WITH_WEIGHTS or (is_there and name == "safety_checker"):
            with_weights.append(name)
    if not {"unet", "transformer"} & set(with_weights) or "vae" not in with_weights:
        raise BrokenCheckpoint(f"{INDEX} names no denoiser or no VAE.")
    return with_weights


def _weights(component: Path) -> dict[str, tuple[Path, ...]]:
    """Return the weight files of a part by variant ("" or "fp16")."""
    found: dict[str, tuple[Path, ...]] = {}
    for stem in ("diffusion_pytorch_model", "model"):
        for variant in ("", "fp16"):
            dotted = f".{variant}" if variant else ""
            whole = component / f"{stem}{dotted}.safetensors"
            shards = component / f"{stem}.safetensors.index{dotted}.json"
            if whole.is_file():
                found.setdefault(variant, (whole,))
            elif shards.is_file():
                found.setdefault(variant, _shards(shards))
    if not found:
        if any(each.suffix in PICKLES for each in component.iterdir()):
            raise BrokenCheckpoint(
                f"{component.name} has only pickled weights, which can run code when "
                "opened. Get the safetensors ones."
            )
        raise BrokenCheckpoint(f"{component.name} has no weights.")
    return found


def _shards(index: Path) -> tuple[Path, ...]:
    mapping = read_json(index).get("weight_map")
    if not isinstance(mapping, dict) or not mapping:
        raise BrokenCheckpoint(f"{index.name} lists no weights.")
    names = sorted({str(each) for each in mapping.values()})
    if any(Path(name).name != name for name in names):
        raise BrokenCheckpoint(f"{index.name} points outside its folder.")
    return tuple(index.parent / name for name in names)


def _variant(weights: Mapping[str, Mapping[str, object]]) -> str:
    return "" if all("" in choices for choices in weights.values()) else "fp16"


def _family(folder: Path, pipeline_class: str) -> Family:
    if pipeline_class == "StableDiffusion3Pipeline":
        return families.SD3
    if pipeline_class == "FluxPipeline":
        config = read_json(folder / "transformer" / "config.json")
        if config.get("in_channels", 64) != config.get("out_channels") and config.get(
            "out_channels"
        ):
            raise BrokenCheckpoint(
                "It was made to edit pictures, not to draw new ones."
            )
        is_guided = bool(config.get("guidance_embeds"))
        return families.FLUX_DEV if is_guided else families.FLUX_SCHNELL
    config = read_json(folder / "unet" / "config.json")
    if config.get("in_channels") != config.get("out_channels"):
        raise BrokenCheckpoint("It was made to edit pictures, not to draw new ones.")
    if pipeline_class == "StableDiffusionXLPipeline":
        if not (folder / "text_encoder").is_dir():
            raise BrokenCheckpoint("It is a refiner, which only finishes pictures.")
        return families.SDXL
    return families.SD2 if config.get("cross_attention_dim") == 1024 else families.SD15


def _native_size(folder: Path, family: Family, vae: Mapping[str, Any]) -> Size:
    blocks = vae.get("block_out_channels")
    factor = 2 ** (len(blocks) - 1) if isinstance(blocks, list) and blocks else 8
    part = "unet" if (folder / "unet").is_dir() else "transformer"
    sample = read_json(folder / part / "config.json").get("sample_size")
    if isinstance(sample, int) and 1 <= sample * factor <= 4096:
        return Size(width=sample * factor, height=sample * factor)
    # Flux names no size; its pipeline draws 128 latents a side.
    side = 128 * factor if part == "transformer" else family.native_size
    return Size(width=side, height=side)


def _schedulers(folder: Path) -> tuple[str, ...]:
    """Name the schedulers that understand all that the model's own is set to."""
    config = read_json(folder / "scheduler" / "scheduler_config.json")
    prediction = config.get("prediction_type", "epsilon")
    if "FlowMatch" in str(config.get("_class_name")) or prediction not in {
        "epsilon",
        "v_prediction",
    }:
        return ()
    has_zero_snr = bool(config.get("rescale_betas_zero_snr"))
    return tuple(n for n in families.SCHEDULERS if n != "pndm" or not has_zero_snr)


def _decoder_channels(vae: Mapping[str, Any]) -> int:
    blocks = vae.get("block_out_channels")
    if isinstance(blocks, list) and blocks and all(isinstance(b, int) for b in blocks):
        return int(blocks[min(1, len(blocks) - 1)])
    return 256


def _other_bytes(tensors: list[Tensor]) -> int:
    return sum(each.stored_bytes for each in tensors if not each.is_float)
