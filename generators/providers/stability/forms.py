"""From a request to the multipart form that one of the services takes."""

from collections.abc import Iterator
from typing import Final

from generators.capabilities import (
    Capabilities,
    ImageRole,
    Operation,
    OptionSpec,
    OptionValue,
)
from generators.contracts import GenerationRequest, InputImage
from generators.errors import UnsupportedRequest
from generators.providers import ratios

Part = tuple[str, tuple[None, str] | tuple[str, bytes, str]]
"""A field, or a file with its name and type, as ``requests`` takes it."""

RATIOS: Final = ("21:9", "16:9", "3:2", "5:4", "1:1", "4:5", "2:3", "9:16", "9:21")

_RELIGHT: Final = "edit/replace-background-and-relight"
_STYLE_TRANSFER: Final = "control/style-transfer"
_SD3: Final = "generate/sd3"
_MODELS_OF_SD3: Final = "sd3.5-"

_FIELD_OF_OPTION: Final = {
    "style": "style_preset",
    "expand_left": "left",
    "expand_right": "right",
    "expand_top": "up",
    "expand_bottom": "down",
}
"""Options that have a name of ours; all others are called as the service calls them."""

_PICTURE_FIELDS: Final = {
    _RELIGHT: {
        ImageRole.INIT: "subject_image",
        ImageRole.REFERENCE: "background_reference",
    },
    _STYLE_TRANSFER: {ImageRole.INIT: "init_image", ImageRole.STYLE: "style_image"},
}
_USUAL_PICTURE_FIELDS: Final = {ImageRole.INIT: "image", ImageRole.MASK: "mask"}

_WITHOUT_WORDS_TOO: Final = {Operation.OUTPAINT, Operation.STYLE_TRANSFER}
_MOST_PICTURE_BYTES: Final = 10_000_000
"""The body may have 10 MiB; what is left is for the words."""


def path_of(request: GenerationRequest) -> str:
    """Return the path of the service that a model is, below the base address."""
    name = request.provider_model_id
    service = _SD3 if name.startswith(_MODELS_OF_SD3) else name
    return f"v2beta/stable-image/{service}"


def headers_of(request: GenerationRequest) -> dict[str, str]:
    """Return the header that tells one person from another, where that is known."""
    user = request.end_user
    return {"stability-client-user-id": user} if user else {}


def refuse_unsupported(able: Capabilities, request: GenerationRequest) -> None:
    """Raise ``UnsupportedRequest`` on what the service refuses and no capability says."""
    for field, is_fine, words in _checks(able, request):
        if not is_fine:
            raise UnsupportedRequest(words, field=field)


def _checks(
    able: Capabilities, request: GenerationRequest
) -> Iterator[tuple[str, bool, str]]:
    wanted = request.operation
    pictures = sum(len(each.content) for each in request.images)
    # 0 asks the service for a random seed, so the picture of seed 0 cannot be had.
    yield "seed", request.seed != 0, "This model cannot use seed 0. Use 1 or more."
    yield (
        "prompt",
        _has_words_enough(able, request),
        "This model needs a description of the picture.",
    )
    yield (
        "style_images",
        bool(request.images_of(ImageRole.STYLE)) == bool(able.max_style_images),
        "This model needs a picture to take the style from.",
    )
    yield (
        "images",
        pictures <= _MOST_PICTURE_BYTES,
        "These pictures are together too large for this model.",
    )
    yield (
        "expand_right",
        wanted is not Operation.OUTPAINT or _grows(request),
        "Say on which side the picture shall grow.",
    )


def _has_words_enough(able: Capabilities, request: GenerationRequest) -> bool:
    wanted = request.operation
    needs_none = not able.reads_prompt(wanted) or wanted in _WITHOUT_WORDS_TOO
    has_reference = bool(request.images_of(ImageRole.REFERENCE))
    return needs_none or has_reference or bool(request.prompt.strip())


def _grows(request: GenerationRequest) -> bool:
    sides = ("expand_left", "expand_right", "expand_top", "expand_bottom")
    return any(float(request.option(side) or 0) > 0 for side in sides)


def parts_of(able: Capabilities, request: GenerationRequest) -> list[Part]:
    """Return the whole form: multipart also where no file is in it."""
    fields: list[Part] = [
        (n, (None, text)) for n, text in _fields(able, request) if text
    ]
    return [*fields, *_files(request)]


def _fields(
    able: Capabilities, request: GenerationRequest
) -> Iterator[tuple[str, str]]:
    wanted = request.operation
    has_init = bool(request.images_of(ImageRole.INIT))
    if path_of(request).endswith(_SD3):
        yield "model", request.provider_model_id
        yield "mode", "image-to-image" if has_init else "text-to-image"
    if able.reads_prompt(wanted):
        is_relit = request.provider_model_id == _RELIGHT
        yield "background_prompt" if is_relit else "prompt", request.prompt
    yield "negative_prompt", request.negative_prompt
    if request.seed is not None:
        yield "seed", str(request.seed)
    if request.guidance_scale is not None:
        yield "cfg_scale", f"{request.guidance_scale:g}"
    if able.strength is not None and has_init:
        strength = (
            able.strength.default if request.strength is None else request.strength
        )
        yield "strength", f"{strength:g}"
    if wanted not in able.sized_by_image:
        yield "aspect_ratio", ratios.nearest(request.width, request.height, RATIOS)
    specs = {spec.name: spec for spec in able.options_of(wanted)}
    for option in request.options:
        field = _FIELD_OF_OPTION.get(option.name, option.name)
        yield field, _option(specs[option.name], option)


def _option(spec: OptionSpec, option: OptionValue) -> str:
    """Return an option as the service reads it: whole numbers without a fraction."""
    if spec.numbers is None:
        return option.value
    number = float(option.value)
    if float(spec.numbers.step).is_integer() and not number.is_integer():
        raise UnsupportedRequest("This must be a whole number.", field=option.name)
    return f"{number:g}"


def _files(request: GenerationRequest) -> Iterator[Part]:
    fields = _PICTURE_FIELDS.get(request.provider_model_id, _USUAL_PICTURE_FIELDS)
    for image in request.images:
        yield fields[image.role], _file(image)


def _file(image: InputImage) -> tuple[str, bytes, str]:
    # Masks go as they are: white is repainted there too, and grey in part.
    ending = image.mime_type.removeprefix("image/")
    return f"{image.role}.{ending}", image.content, image.mime_type
