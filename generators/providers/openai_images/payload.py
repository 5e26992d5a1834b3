"""From a request to the fields of the images protocol, as the ``openai`` package names them."""

from typing import Any

from generators.capabilities import ImageRole
from generators.contracts import GenerationRequest, InputImage
from generators.errors import UnsupportedRequest
from generators.providers import masks

Fields = dict[str, Any]

MASK_BYTES = 4_000_000
"""A mask must be smaller than 4 MB (sheet of 2026-11)."""

_FIELD_OF_OPTION = {
    "quality": "quality",
    "background": "background",
    "complexity": "complexity",
    "safety": "moderation",
}
_SUFFIXES = {"image/png": "png", "image/jpeg": "jpg", "image/webp": "webp"}


def plain_fields(request: GenerationRequest) -> Fields:
    """Return the fields that every server of the protocol takes."""
    return {
        "model": request.provider_model_id,
        "prompt": request.prompt,
        "n": request.num_images,
        "size": f"{request.width}x{request.height}",
    }


def openai_fields(request: GenerationRequest, *, num_previews: int) -> Fields:
    """Return the fields for OpenAI itself.

    ``response_format`` and ``style`` are refused by its models, so they never go along.
    """
    fields = plain_fields(request) | _pictures(request)
    for option in request.options:
        fields[_FIELD_OF_OPTION[option.name]] = option.value
    if "image" in fields and "moderation" in fields:
        # Edits take it (sheet of 2026-11); the package's types of 3.54.0 lack it there.
        fields["extra_body"] = {"moderation": fields.pop("moderation")}
    if request.end_user:
        fields["safety_identifier"] = request.end_user
    if num_previews:
        fields |= {"stream": True, "partial_images": num_previews}
    return fields


def _pictures(request: GenerationRequest) -> Fields:
    """Return what makes it an edit: the picture to change first, then the references."""
    first = request.images_of(ImageRole.INIT)
    marks = request.images_of(ImageRole.MASK)
    if marks and not first:
        raise UnsupportedRequest(
            "A mask needs the picture that it marks.", field="images"
        )
    given = (*first, *request.images_of(ImageRole.REFERENCE))
    if not given:
        return {}
    files = [_file(each, number) for number, each in enumerate(given, start=1)]
    fields: Fields = {"image": files if len(files) > 1 else files[0]}
    if marks:
        fields["mask"] = _mask(marks[0])
    return fields


def _file(image: InputImage, number: int) -> tuple[str, bytes, str]:
    name = f"image-{number}.{_SUFFIXES[image.mime_type]}"
    return name, image.content, image.mime_type


def _mask(mask: InputImage) -> tuple[str, bytes, str]:
    content = masks.transparent_is_repainted(mask)
    if len(content) >= MASK_BYTES:
        raise UnsupportedRequest(
            "This mask has too much detail for this model. Paint it with a larger brush.",
            field="images",
        )
    return "mask.png", content, "image/png"
