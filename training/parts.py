"""The Stable Diffusion parts of diffusers and transformers, for the type checker Any.

Their own type hints are partial (diffusers 0.42, transformers 5.23): calls count as
untyped and torch's module methods as missing.
"""

from __future__ import annotations

from typing import Any, TypeAlias

import diffusers
import transformers

Vae: TypeAlias = Any
Unet: TypeAlias = Any
Scheduler: TypeAlias = Any
Pipeline: TypeAlias = Any
TextEncoder: TypeAlias = Any
WordTokenizer: TypeAlias = Any

AutoencoderKL: Any = diffusers.AutoencoderKL
UNet2DConditionModel: Any = diffusers.UNet2DConditionModel
DDIMScheduler: Any = diffusers.DDIMScheduler
StableDiffusionPipeline: Any = diffusers.StableDiffusionPipeline
CLIPTextConfig: Any = transformers.CLIPTextConfig
CLIPTextModel: Any = transformers.CLIPTextModel
CLIPTokenizer: Any = transformers.CLIPTokenizer
