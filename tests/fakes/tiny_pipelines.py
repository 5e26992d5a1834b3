"""Tiny random pipelines of each family, built from configuration only and saved.

They draw noise, but through the same classes, files and code as the real ones.
"""

import json
from pathlib import Path
from typing import Any

import torch
from diffusers import (
    AutoencoderKL,
    DDIMScheduler,
    EulerDiscreteScheduler,
    FlowMatchEulerDiscreteScheduler,
    FluxPipeline,
    FluxTransformer2DModel,
    SD3Transformer2DModel,
    StableDiffusion3Pipeline,
    StableDiffusionPipeline,
    StableDiffusionXLPipeline,
    UNet2DConditionModel,
)
from tokenizers import Tokenizer, models, pre_tokenizers
from transformers import (
    CLIPTextConfig,
    CLIPTextModel,
    CLIPTextModelWithProjection,
    CLIPTokenizer,
    PreTrainedTokenizerFast,
    T5Config,
    T5EncoderModel,
)

from tests.fakes import single_file

FAMILIES = ("sd15", "sdxl", "sd3", "flux")
SIDE = 64
_WIDTH, _WIDTH_2 = 32, 24


def save_all(root: Path) -> dict[str, Path]:
    """Save a folder a family under ``root`` and return them by family."""
    return {family: save(family, root / f"tiny-{family}") for family in FAMILIES}


def save(family: str, folder: Path, *, seed: int = 0, **described: Any) -> Path:
    """Save one family's pipeline, with a ``magicshot.json`` that keeps it quick."""
    torch.manual_seed(seed)
    make: dict[str, Any] = {"sd15": _sd15, "sdxl": _sdxl, "sd3": _sd3, "flux": _flux}
    make[family]().save_pretrained(folder, safe_serialization=True)
    told = {"width": SIDE, "height": SIDE, "num_inference_steps": 4} | described
    (folder / "magicshot.json").write_text(json.dumps(told))
    return folder


def save_single_file(path: Path, *, family: str = "sd15", seed: int = 0) -> Path:
    """Save a pipeline as one file, as checkpoints are shared, its configurations beside."""
    save(family, path.with_suffix(""), seed=seed)
    torch.manual_seed(seed)
    if family == "sd15":
        single_file.write(_sd15(), path)
    else:
        single_file.write_xl(_sdxl(), path)
    for weights in path.with_suffix("").rglob("*.safetensors"):
        weights.unlink()
    described = path.with_suffix("") / "magicshot.json"
    described.rename(path.with_suffix(".magicshot.json"))
    return path


def _vae(latent_channels: int, scaling: float = 0.18215) -> AutoencoderKL:
    return AutoencoderKL(
        block_out_channels=(16, 32, 32, 32),
        down_block_types=("DownEncoderBlock2D",) * 4,
        up_block_types=("UpDecoderBlock2D",) * 4,
        latent_channels=latent_channels,
        layers_per_block=1,
        norm_num_groups=8,
        sample_size=SIDE,
        scaling_factor=scaling,
        use_quant_conv=latent_channels == 4,
        use_post_quant_conv=latent_channels == 4,
        shift_factor=None if latent_channels == 4 else 0.06,
    )


def _clip(kind: Any = CLIPTextModel, width: int = _WIDTH, *, layers: int = 2) -> Any:
    return kind(
        CLIPTextConfig(
            hidden_size=width,
            intermediate_size=64,
            num_hidden_layers=layers,
            num_attention_heads=4,
            vocab_size=1000,
            projection_dim=width,
            max_position_embeddings=77,
            bos_token_id=998,
            eos_token_id=999,
            pad_token_id=999,
        )
    )


def _clip_tokenizer() -> CLIPTokenizer:
    """A byte-level vocabulary without merges: every word is spelled out."""
    letters = sorted(pre_tokenizers.ByteLevel.alphabet())
    vocabulary = {
        piece: i
        for i, piece in enumerate(letters + [f"{each}</w>" for each in letters])
    }
    vocabulary |= {"<|startoftext|>": 998, "<|endoftext|>": 999}
    return CLIPTokenizer(vocab=vocabulary, merges=[], model_max_length=77)


def _t5() -> T5EncoderModel:
    return T5EncoderModel(
        T5Config(
            d_model=_WIDTH, d_kv=8, d_ff=64, num_layers=2, num_heads=4, vocab_size=1000
        )
    )


def _t5_tokenizer() -> PreTrainedTokenizerFast:
    pieces = [("<pad>", 0.0), ("</s>", 0.0), ("<unk>", 0.0), ("▁", -2.0)]
    pieces += [(chr(code), -3.0) for code in range(33, 127)]
    tokenizer = Tokenizer(models.Unigram(pieces, unk_id=2))
    tokenizer.pre_tokenizer = pre_tokenizers.Metaspace()
    return PreTrainedTokenizerFast(
        tokenizer_object=tokenizer,
        pad_token="<pad>",
        eos_token="</s>",
        unk_token="<unk>",
        model_max_length=64,
    )


def _unet(**more: Any) -> UNet2DConditionModel:
    return UNet2DConditionModel(
        sample_size=SIDE // 8,
        block_out_channels=(16, 32),
        down_block_types=("CrossAttnDownBlock2D", "DownBlock2D"),
        up_block_types=("UpBlock2D", "CrossAttnUpBlock2D"),
        layers_per_block=1,
        norm_num_groups=8,
        **{"cross_attention_dim": _WIDTH, "attention_head_dim": 4} | more,
    )


def _sd15() -> StableDiffusionPipeline:
    return StableDiffusionPipeline(
        vae=_vae(4),
        text_encoder=_clip(),
        tokenizer=_clip_tokenizer(),
        unet=_unet(),
        scheduler=DDIMScheduler(
            beta_start=0.00085,
            beta_end=0.012,
            beta_schedule="scaled_linear",
            clip_sample=False,
            set_alpha_to_one=False,
            steps_offset=1,
        ),
        safety_checker=None,
        feature_extractor=None,
        requires_safety_checker=False,
    )


def _sdxl() -> StableDiffusionXLPipeline:
    return StableDiffusionXLPipeline(
        vae=_vae(4, 0.13025),
        text_encoder=_clip(),
        # SDXL files are known by the tenth layer and the width of this one.
        text_encoder_2=_clip(CLIPTextModelWithProjection, _WIDTH_2, layers=10),
        tokenizer=_clip_tokenizer(),
        tokenizer_2=_clip_tokenizer(),
        unet=_unet(
            cross_attention_dim=_WIDTH + _WIDTH_2,
            addition_embed_type="text_time",
            addition_time_embed_dim=8,
            projection_class_embeddings_input_dim=6 * 8 + _WIDTH_2,
            transformer_layers_per_block=(1, 1),
            use_linear_projection=True,
        ),
        scheduler=EulerDiscreteScheduler(
            beta_start=0.00085,
            beta_end=0.012,
            beta_schedule="scaled_linear",
            timestep_spacing="leading",
            steps_offset=1,
        ),
    )


def _sd3() -> StableDiffusion3Pipeline:
    return StableDiffusion3Pipeline(
        vae=_vae(16, 1.5305),
        text_encoder=_clip(CLIPTextModelWithProjection, 16),
        text_encoder_2=_clip(CLIPTextModelWithProjection, 16),
        text_encoder_3=_t5(),
        tokenizer=_clip_tokenizer(),
        tokenizer_2=_clip_tokenizer(),
        tokenizer_3=_t5_tokenizer(),
        transformer=SD3Transformer2DModel(
            sample_size=SIDE // 8,
            patch_size=2,
            in_channels=16,
            out_channels=16,
            num_layers=2,
            attention_head_dim=8,
            num_attention_heads=4,
            joint_attention_dim=_WIDTH,
            caption_projection_dim=_WIDTH,
            pooled_projection_dim=2 * 16,
            pos_embed_max_size=32,
        ),
        scheduler=FlowMatchEulerDiscreteScheduler(shift=3.0),
    )


def _flux() -> FluxPipeline:
    return FluxPipeline(
        vae=_vae(16, 0.3611),
        text_encoder=_clip(),
        text_encoder_2=_t5(),
        tokenizer=_clip_tokenizer(),
        tokenizer_2=_t5_tokenizer(),
        transformer=FluxTransformer2DModel(
            patch_size=1,
            in_channels=64,
            num_layers=1,
            num_single_layers=1,
            attention_head_dim=16,
            num_attention_heads=2,
            joint_attention_dim=_WIDTH,
            pooled_projection_dim=_WIDTH,
            guidance_embeds=True,
            axes_dims_rope=(4, 4, 8),
        ),
        scheduler=FlowMatchEulerDiscreteScheduler(shift=3.0, use_dynamic_shifting=True),
    )
