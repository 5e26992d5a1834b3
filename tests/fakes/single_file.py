"""Writes a Stable Diffusion pipeline as one ``.safetensors``, as checkpoints are shared.

The names are those of the original CompVis code, which ``from_single_file`` reads.
"""

from pathlib import Path
from typing import Any

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
    unet, vae = pipeline.unet, pipeline.vae
    tensors = {}
    for name, tensor in unet.state_dict().items():
        layers = unet.config.layers_per_block
        tensors[f"model.diffusion_model.{_unet_name(name, layers)}"] = tensor
    for name, tensor in vae.state_dict().items():
        renamed = _vae_name(name, len(vae.config.block_out_channels))
        if ".attn_1." in renamed and ".norm." not in renamed and tensor.ndim == 2:
            tensor = tensor[:, :, None, None]
        tensors[f"first_stage_model.{renamed}"] = tensor
    for name, tensor in pipeline.text_encoder.state_dict().items():
        full = name if name.startswith("text_model.") else f"text_model.{name}"
        tensors[f"cond_stage_model.transformer.{full}"] = tensor
    save_file({name: each.contiguous() for name, each in tensors.items()}, path)
    return path


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
