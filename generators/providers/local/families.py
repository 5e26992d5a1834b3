"""What each family of diffusion models can do; plain facts, no torch.

The ranges are those people use; defaults are the pipelines' own unless the family's
makers advise otherwise.
"""

from dataclasses import dataclass

from generators.capabilities import Capabilities, NumberRange, Size

_MAX_IMAGES = 4  # a press
# Names in diffusers: generators/pipelines/loading.py.
SCHEDULERS = (
    "ddim",
    "dpm++-2m",
    "dpm++-2m-karras",
    "euler",
    "euler-ancestral",
    "pndm",
    "unipc",
)


@dataclass(frozen=True, slots=True, kw_only=True)
class Family:
    """A kind of model that the engine can draw with."""

    key: str
    name: str
    pipeline_class: str
    native_size: int
    steps: int
    guidance_scale: float | None
    has_negative_prompt: bool
    native_batch: int
    size_multiple: int
    max_prompt_chars: int
    sizes: tuple[tuple[int, int], ...] = ()


_AROUND_512 = (
    (512, 512),
    (640, 512),
    (512, 640),
    (768, 512),
    (512, 768),
    (768, 448),
    (448, 768),
)
_AROUND_768 = ((768, 768), (896, 640), (640, 896), (1024, 576), (576, 1024))
# The shapes that SDXL was trained on (its report, appendix I); SD 3 and Flux take them.
_AROUND_1024 = (
    (1024, 1024),
    (1152, 896),
    (896, 1152),
    (1216, 832),
    (832, 1216),
    (1344, 768),
    (768, 1344),
)

SD15 = Family(
    key="sd15",
    name="Stable Diffusion 1.5",
    pipeline_class="StableDiffusionPipeline",
    native_size=512,
    steps=30,
    guidance_scale=7.5,
    has_negative_prompt=True,
    native_batch=4,
    size_multiple=8,
    max_prompt_chars=1000,
    sizes=_AROUND_512,
)
SD2 = Family(
    key="sd2",
    name="Stable Diffusion 2",
    pipeline_class="StableDiffusionPipeline",
    native_size=768,
    steps=30,
    guidance_scale=7.5,
    has_negative_prompt=True,
    native_batch=4,
    size_multiple=8,
    max_prompt_chars=1000,
    sizes=_AROUND_768,
)
SDXL = Family(
    key="sdxl",
    name="Stable Diffusion XL",
    pipeline_class="StableDiffusionXLPipeline",
    native_size=1024,
    steps=30,
    guidance_scale=5.0,
    has_negative_prompt=True,
    native_batch=2,
    size_multiple=8,
    max_prompt_chars=1000,
    sizes=_AROUND_1024,
)
SD3 = Family(
    key="sd3",
    name="Stable Diffusion 3",
    pipeline_class="StableDiffusion3Pipeline",
    native_size=1024,
    steps=28,
    guidance_scale=7.0,
    has_negative_prompt=True,
    native_batch=2,
    size_multiple=16,
    max_prompt_chars=2000,
    sizes=_AROUND_1024,
)
FLUX_DEV = Family(
    key="flux",
    name="Flux",
    pipeline_class="FluxPipeline",
    native_size=1024,
    steps=28,
    guidance_scale=3.5,
    has_negative_prompt=False,
    native_batch=1,  # a batch gained nothing where it was measured
    size_multiple=16,
    max_prompt_chars=4000,
    sizes=_AROUND_1024,
)
FLUX_SCHNELL = Family(
    key="flux-schnell",
    name="Flux, few steps",
    pipeline_class="FluxPipeline",
    native_size=1024,
    steps=4,
    guidance_scale=None,
    has_negative_prompt=False,
    native_batch=1,
    size_multiple=16,
    max_prompt_chars=4000,
    sizes=_AROUND_1024,
)


def capabilities(
    family: Family,
    *,
    native: Size,
    sizes: tuple[Size, ...] = (),
    steps: int | None = None,
    guidance_scale: float | None = None,
    native_batch: int | None = None,
    schedulers: tuple[str, ...] = (),
) -> Capabilities:
    """Say what one checkpoint of a family can do; given values go before the family's."""
    default_steps = steps or family.steps
    default_guidance = (
        None
        if family.guidance_scale is None
        else guidance_scale
        if guidance_scale is not None
        else family.guidance_scale
    )
    return Capabilities(
        sizes=sizes or _sizes_around(native, family),
        default_size=native,
        max_images=max(_MAX_IMAGES, native_batch or family.native_batch),
        native_batch=native_batch or family.native_batch,
        has_seed=True,
        has_negative_prompt=family.has_negative_prompt,
        num_inference_steps=NumberRange(
            minimum=1, maximum=max(100, default_steps), default=default_steps
        ),
        guidance_scale=None
        if default_guidance is None
        else NumberRange(minimum=0, maximum=20, default=default_guidance, step=0.1),
        schedulers=schedulers,
        max_prompt_chars=family.max_prompt_chars,
    )


def _sizes_around(native: Size, family: Family) -> tuple[Size, ...]:
    if native.width == native.height == family.native_size:
        return tuple(Size(width=w, height=h) for w, h in family.sizes)
    if native.width != native.height:
        return (native,)
    scale = native.width / 512
    shapes = {
        (
            _rounded(width * scale, family.size_multiple),
            _rounded(height * scale, family.size_multiple),
        ): None
        for width, height in _AROUND_512
    }
    return (
        native,
        *(
            Size(width=width, height=height)
            for width, height in shapes
            if (width, height) != (native.width, native.height)
        ),
    )


def _rounded(pixels: float, multiple: int) -> int:
    return max(multiple, round(pixels / multiple) * multiple)
