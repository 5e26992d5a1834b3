"""From one of our requests to the JSON that an endpoint of the service takes."""

import base64
from collections.abc import Iterator
from typing import Any, Final

from generators.capabilities import (
    Capabilities,
    ImageRole,
    Operation,
    OptionValue,
)
from generators.contracts import Access, GenerationRequest, ModelSpec
from generators.errors import UnsupportedRequest
from generators.providers import ratios

_OUTPUT_FORMAT: Final = "png"

_RATIOS: Final = (
    "21:9",
    "16:9",
    "3:2",
    "4:3",
    "1:1",
    "3:4",
    "2:3",
    "9:16",
    "9:21",
)
"""Any ratio from 21:9 to 9:21 is taken. The pixels that our catalogue lists for these
are a reseller's (?, 2026-11-26): the service's own pages say 1 MP and 4 MP only."""

_SIZED_BY_RATIO: Final = ("flux-kontext-pro", "flux-kontext-max", "flux-pro-1.1-ultra")
_GUIDED_BY_IMAGE: Final = ("flux-pro-1.1", "flux-pro-1.1-ultra", "flux-dev")
"""These mix one picture into the prompt (Redux); others take numbered pictures."""

_FIELDS: Final = {
    "safety": "safety_tolerance",
    "magic_prompt": "prompt_upsampling",
    "raw": "raw",
    "reference_strength": "image_prompt_strength",
    "grow_mask": "dilate_pixels",
    "expand_top": "top",
    "expand_bottom": "bottom",
    "expand_left": "left",
    "expand_right": "right",
}
_FRACTIONS: Final = frozenset({"reference_strength"})
_SIDES: Final = ("expand_top", "expand_bottom", "expand_left", "expand_right")


def payload_of(
    request: GenerationRequest, spec: ModelSpec, access: Access
) -> dict[str, Any]:
    """Return the body of the paid call.

    Raises ``UnsupportedRequest`` for a part of a pixel.
    """
    able = spec.capabilities
    fields = {
        "prompt": request.prompt if able.reads_prompt(request.operation) else None,
        "seed": request.seed,
        "steps": request.num_inference_steps,
        "guidance": request.guidance_scale,
        "output_format": _OUTPUT_FORMAT,
        "webhook_url": access.webhook_url or None,
        "webhook_secret": (access.webhook_url and access.webhook_secret) or None,
        **_size(request, able),
        **_options(request),
        **dict(_pictures(request)),
    }
    return {name: value for name, value in fields.items() if value is not None}


def refuse_unsupported(request: GenerationRequest) -> None:
    """Raise ``UnsupportedRequest`` for an outpainting that adds nothing."""
    grows = any(float(request.option(side) or 0) for side in _SIDES)
    if request.operation is Operation.OUTPAINT and not grows:
        raise UnsupportedRequest(
            "Say by how many pixels the picture shall grow on at least one side.",
            field="expand_right",
        )


def _size(request: GenerationRequest, able: Capabilities) -> dict[str, Any]:
    """Name the size. Left out, the service goes by the first input picture."""
    if request.operation in able.sized_by_image:
        return {}
    if request.provider_model_id in _SIZED_BY_RATIO:
        ratio = ratios.nearest(request.width, request.height, _RATIOS)
        return {"aspect_ratio": ratio}
    return {"width": request.width, "height": request.height}


def _options(request: GenerationRequest) -> dict[str, Any]:
    return {_FIELDS[each.name]: _value(each) for each in request.options}


def _value(option: OptionValue) -> bool | float:
    if option.value in {"on", "off"}:
        return option.value == "on"
    number = float(option.value)
    if option.name in _FRACTIONS:
        return number
    if not number.is_integer():
        raise UnsupportedRequest("This must be a whole number.", field=option.name)
    return int(number)


def _pictures(request: GenerationRequest) -> Iterator[tuple[str, str]]:
    """Name the input pictures: base64, without the prefix of a data URL.

    The mask goes as it is: white is edited here too.
    """
    init = request.images_of(ImageRole.INIT)
    references = request.images_of(ImageRole.REFERENCE)
    if request.operation in {Operation.INPAINT, Operation.OUTPAINT, Operation.ERASE}:
        names = ["image", "mask"]
        pictures = (*init, *request.images_of(ImageRole.MASK))
    elif request.provider_model_id in _GUIDED_BY_IMAGE:
        names, pictures = ["image_prompt"], references
    else:
        pictures = (*init, *references)
        names = ["input_image", *(f"input_image_{n}" for n in range(2, 9))]
    for name, picture in zip(names[: len(pictures)], pictures, strict=True):
        yield name, base64.b64encode(picture.content).decode()
