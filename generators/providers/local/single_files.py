"""Looks into a single ``.safetensors`` checkpoint by the names of its tensors.

The patterns are those by which diffusers itself tells the families apart
(``diffusers/loaders/single_file_utils.py``, 0.42.1).
"""

from collections.abc import Mapping
from pathlib import Path

from generators.capabilities import Size
from generators.pipelines.checkpoint_headers import (
    BrokenCheckpoint,
    Tensor,
    read_header,
)
from generators.providers.local import families
from generators.providers.local.families import Family
from generators.providers.local.folders import Anatomy

_UNET = "model.diffusion_model."
_SD2_KEY = (
    f"{_UNET}input_blocks.2.1.transformer_blocks.0.attn2.to_k.weight"  # 1024 wide
)
_XL_BASE = "conditioner.embedders.1.model.transformer.resblocks.9.mlp.c_proj.bias"
_XL_REFINER = "conditioner.embedders.0.model.transformer.resblocks.9.mlp.c_proj.bias"
_SD3 = "joint_blocks.0.context_block.adaLN_modulation.1.bias"
_FLUX = "double_blocks.0.img_attn.norm.key_norm.scale"
_FLUX_GUIDANCE = "guidance_in.in_layer.bias"


def anatomy(path: Path) -> Anatomy:
    """Say what the file holds, or raise ``BrokenCheckpoint`` with the reason."""
    tensors = read_header(path)
    family = _family(tensors)
    return Anatomy(
        family=family,
        native=Size(width=family.native_size, height=family.native_size),
        schedulers=families.SCHEDULERS if family.key in {"sd15", "sd2", "sdxl"} else (),
        float_elements=sum(t.elements for t in tensors.values() if t.is_float),
        other_bytes=sum(t.stored_bytes for t in tensors.values() if not t.is_float),
        decoder_channels=256,
    )


def _family(tensors: Mapping[str, Tensor]) -> Family:
    if any("lora_" in name or ".lora" in name for name in tensors):
        raise BrokenCheckpoint("It is a LoRA, an addition to a model, not a model.")
    if _has(tensors, _FLUX):
        guided = _has(tensors, _FLUX_GUIDANCE)
        return families.FLUX_DEV if guided else families.FLUX_SCHNELL
    if _has(tensors, _SD3):
        return families.SD3
    if _XL_REFINER in tensors:
        raise BrokenCheckpoint("It is a refiner, which only finishes pictures.")
    return _unet_family(tensors)


def _unet_family(tensors: Mapping[str, Tensor]) -> Family:
    entry = tensors.get(f"{_UNET}input_blocks.0.0.weight")
    if entry is None or len(entry.shape) != 4:
        raise BrokenCheckpoint("It is not a kind of model that we can draw with.")
    if entry.shape[1] != 4:
        raise BrokenCheckpoint("It was made to edit pictures, not to draw new ones.")
    if not any(name.startswith("first_stage_model.") for name in tensors):
        raise BrokenCheckpoint("It has no VAE, the part that makes the pixels.")
    if _XL_BASE in tensors:
        return families.SDXL
    if _SD2_KEY in tensors and tensors[_SD2_KEY].shape[-1] == 1024:
        return families.SD2
    if any(name.startswith("cond_stage_model.") for name in tensors):
        return families.SD15
    raise BrokenCheckpoint("It has no text encoder, the part that reads the prompt.")


def _has(tensors: Mapping[str, Tensor], name: str) -> bool:
    return name in tensors or _UNET + name in tensors
