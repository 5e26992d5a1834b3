"""Writes a Stable Diffusion pipeline as one ``.safetensors``, as checkpoints are shared.

The names are those of the original CompVis code, which ``from_single_file`` reads.
"""

from pathlib import Path
from typing import Any

import torch
from safetensors.torch import save_file

_RESNET = {
    "norm1": "in_layers.0",
    "conv1": "in_layers.2",
    "norm2": "out_layers.0",
    "conv2": "out_layers.3",
    "time_emb_proj": "emb_layers.1",
    "conv_shortcut": "skip_connection",
}
_UNET_ENDS = {
    "time_embedding.linear_1": "time_embed.0",
    "time_embedding.linear_2": "time_embed.2",
    "add_embedding.linear_1": "label_emb.0.0",
    "add_embedding.linear_2": "label_emb.0.2",
    "conv_in": "input_blocks.0.0",
    "conv_norm_out": "out.0",
    "conv_out": "out.2",
}
_VAE_ATTENTION = {
    "group_norm": "norm",
    "to_q": "q",
    "to_k": "k",
    "to_v": "v",
    "to_out.0": "proj_out",
}


def write(pipeline: Any, path: Path) -> Path:
    """Save UNet, VAE and text encoder of the pipeline into one file."""
    unet = pipeline.unet
    tensors = {}
    for name, tensor in unet.state_dict().items():
        layers = unet.config.layers_per_block
        tensors[f"model.diffusion_model.{_unet_name(name, layers)}"] = tensor
    tensors |= _vae_tensors(pipeline.vae)
    for name, tensor in pipeline.text_encoder.state_dict().items():
        full = name if name.startswith("text_model.") else f"text_model.{name}"
        tensors[f"cond_stage_model.transformer.{full}"] = tensor
    save_file({name: each.contiguous() for name, each in tensors.items()}, path)
    return path


def write_xl(pipeline: Any, path: Path) -> Path:
    """Save a Stable Diffusion XL pipeline, whose second text encoder is an OpenCLIP."""
    tensors = {}
    unet = pipeline.unet
    for name, tensor in unet.state_dict().items():
        renamed = _unet_name(name, unet.config.layers_per_block)
        tensors[f"model.diffusion_model.{renamed}"] = tensor
    tensors |= _vae_tensors(pipeline.vae)
    for name, tensor in pipeline.text_encoder.state_dict().items():
        full = name if name.startswith("text_model.") else f"text_model.{name}"
        tensors[f"conditioner.embedders.0.transformer.{full}"] = tensor
    tensors |= _open_clip(pipeline.text_encoder_2.state_dict())
    save_file({name: each.contiguous() for name, each in tensors.items()}, path)
    return path


_OPEN_CLIP = {
    "text_model.embeddings.token_embedding.weight": "token_embedding.weight",
    "text_model.embeddings.position_embedding.weight": "positional_embedding",
    "text_model.final_layer_norm.weight": "ln_final.weight",
    "text_model.final_layer_norm.bias": "ln_final.bias",
}
_OPEN_CLIP_LAYER = {
    "layer_norm1": "ln_1",
    "layer_norm2": "ln_2",
    "mlp.fc1": "mlp.c_fc",
    "mlp.fc2": "mlp.c_proj",
    "self_attn.out_proj": "attn.out_proj",
}


def _open_clip(tensors: dict[str, Any]) -> dict[str, Any]:
    prefix = "conditioner.embedders.1.model."
    renamed = {prefix + "text_projection": tensors["text_projection.weight"].T}
    for name, tensor in tensors.items():
        if name in _OPEN_CLIP:
            renamed[prefix + _OPEN_CLIP[name]] = tensor
        elif ".layers." in name:
            number, rest = name.split(".layers.")[1].split(".", 1)
            part, end = rest.rsplit(".", 1)
            place = f"{prefix}transformer.resblocks.{number}"
            if part in _OPEN_CLIP_LAYER:
                renamed[f"{place}.{_OPEN_CLIP_LAYER[part]}.{end}"] = tensor
            elif part == "self_attn.q_proj":
                of = name.replace
                renamed[f"{place}.attn.in_proj_{end}"] = torch.cat(
                    [tensors[of("q_proj", f"{each}_proj")] for each in "qkv"]
                )
    return renamed


def _vae_tensors(vae: Any) -> dict[str, Any]:
    tensors = {}
    for name, tensor in vae.state_dict().items():
        renamed = _vae_name(name, len(vae.config.block_out_channels))
        if ".attn_1." in renamed and ".norm." not in renamed and tensor.ndim == 2:
            tensor = tensor[:, :, None, None]
        tensors[f"first_stage_model.{renamed}"] = tensor
    return tensors


def _unet_name(name: str, layers: int) -> str:
    for ours, theirs in _UNET_ENDS.items():
        if name.startswith(f"{ours}."):
            return name.replace(ours, theirs, 1)
    side, *rest = name.split(".")
    if side == "mid_block":
        kind, number, *tail = rest
        slot = 1 if kind == "attentions" else 2 * int(number)
        return f"middle_block.{slot}.{_resnet(kind, tail)}"
    block, kind, number, *tail = rest
    if kind == "downsamplers":
        return f"input_blocks.{(int(block) + 1) * (layers + 1)}.0.op.{tail[-1]}"
    if kind == "upsamplers":
        slot = 1 if int(block) == 0 else 2  # the first up block has no attention
        place = int(block) * (layers + 1) + layers
        return f"output_blocks.{place}.{slot}.{'.'.join(tail)}"
    slot = 1 if kind == "attentions" else 0
    if side == "down_blocks":
        place = int(block) * (layers + 1) + int(number) + 1
        return f"input_blocks.{place}.{slot}.{_resnet(kind, tail)}"
    place = int(block) * (layers + 1) + int(number)
    return f"output_blocks.{place}.{slot}.{_resnet(kind, tail)}"


def _resnet(kind: str, tail: list[str]) -> str:
    if kind == "resnets":
        tail = [_RESNET[tail[0]], *tail[1:]]
    return ".".join(tail)


def _vae_name(name: str, blocks: int) -> str:
    parts = name.replace("conv_norm_out", "norm_out").split(".")
    if "mid_block" in parts:
        half, _, kind, number, *tail = parts
        if kind == "attentions":
            part = ".".join(tail[:-1])
            return f"{half}.mid.attn_1.{_VAE_ATTENTION[part]}.{tail[-1]}"
        return f"{half}.mid.block_{int(number) + 1}.{'.'.join(tail)}"
    if len(parts) < 5:
        return ".".join(parts)
    half, side, block, kind, number, *tail = parts
    rest = ".".join(tail).replace("conv_shortcut", "nin_shortcut")
    place = (
        f"down.{block}" if side == "down_blocks" else f"up.{blocks - 1 - int(block)}"
    )
    if kind == "resnets":
        return f"{half}.{place}.block.{number}.{rest}"
    return f"{half}.{place}.{'down' if side == 'down_blocks' else 'up'}sample.{rest}"
