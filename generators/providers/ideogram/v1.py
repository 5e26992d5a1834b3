"""Forms of the v1 API, whose model ids are the paths themselves."""

import re
from typing import Any

from generators.capabilities import ImageRole, Operation
from generators.contracts import GenerationRequest
from generators.errors import UnsupportedRequest
from generators.providers.ideogram import lettering
from generators.providers.ideogram.parts import (
    Part,
    mask,
    picture,
    structure,
    text,
    texts,
)

STYLE_REFERENCE_BYTES = 10_000_000
"""All style references of a call together (s)."""

_SIZED = {Operation.TEXT_TO_IMAGE, Operation.IMAGE_TO_IMAGE, Operation.OUTPAINT}
_STYLED = {Operation.TEXT_TO_IMAGE, Operation.IMAGE_TO_IMAGE, Operation.INPAINT}
"""What takes ``style_type``: neither reframe nor replace-background does (d)."""

_COLOUR = re.compile(r"#?([0-9A-Fa-f]{6})(?::([0-9.]+))?")


def form(request: GenerationRequest) -> list[Part]:
    """Return a request's form. Raises ``UnsupportedRequest`` for a mask of one colour."""
    init = [picture(_name(request), i) for i in request.images_of(ImageRole.INIT)]
    if request.operation is Operation.REMOVE_BACKGROUND:
        return init
    if request.operation is Operation.UPSCALE:
        return [*init, structure("image_request", _upscaling(request))]
    masks = [mask(each) for each in request.images_of(ImageRole.MASK)]
    return [*_fields(request), *_style(request), *init, *masks]


def _name(request: GenerationRequest) -> str:
    return "image_file" if request.operation is Operation.UPSCALE else "image"


def _fields(request: GenerationRequest) -> list[Part]:
    size = f"{request.width}x{request.height}"
    return texts(
        prompt=request.prompt,
        negative_prompt=request.negative_prompt,
        # Ratios would be an ``aspect_ratio`` written 16x9; the two exclude each other.
        resolution=size if request.operation in _SIZED else "",
        image_weight=_image_weight(request.strength),
        # FLASH, TURBO, DEFAULT or QUALITY; BALANCED is doubtful (?) and left out.
        rendering_speed=request.option("quality").upper(),
        magic_prompt=request.option("magic_prompt").upper(),
        num_images=request.num_images,
        seed=request.seed,
    )


def _image_weight(strength: float | None) -> int | None:
    """Return how much of the picture stays: 50 if nothing is sent (s), 1 to 100 (?)."""
    return None if strength is None else round((1 - strength) * 100)


def _style(request: GenerationRequest) -> list[Part]:
    """Return what steers the look.

    Of the 62 presets the sheet names four, and those are offered; CUSTOM needs a
    trained model and STYLIZED is not explained, so neither style is.
    """
    parts = texts(
        style_type=_style_type(request).upper(),
        style_preset=request.option("style_preset").upper(),
    )
    # A list is sent as one field again and again (?).
    parts += [text("style_codes", code.upper()) for code in _codes(request)]
    if palette := _palette(request):
        parts.append(structure("color_palette", palette))
    styles = request.images_of(ImageRole.STYLE)
    return parts + [picture("style_reference_images", each) for each in styles]


def _style_type(request: GenerationRequest) -> str:
    """Return the style chosen; where none is and words are quoted, the one for lettering."""
    chosen = request.option("style")
    is_steered = bool(
        chosen
        or request.option("style_preset")
        or request.option("style_codes")
        or request.images_of(ImageRole.STYLE)
    )
    is_rewritten = request.option("magic_prompt") != "off"
    if is_steered or not is_rewritten or request.operation not in _STYLED:
        return chosen
    return "design" if lettering.quoted_words(request.prompt) else ""


def _codes(request: GenerationRequest) -> list[str]:
    return re.findall(r"[0-9A-Fa-f]{8}", request.option("style_codes"))


def _palette(request: GenerationRequest) -> dict[str, Any]:
    """Return the colours: those of a name, or each with its weight if it has one."""
    if name := request.option("palette"):
        return {"name": name.upper()}
    members: list[dict[str, Any]] = []
    for digits, weight in _COLOUR.findall(request.option("palette_colors")):
        members.append({"color_hex": f"#{digits.upper()}"})
        if weight:
            members[-1]["color_weight"] = float(weight)
    return {"members": members} if members else {}


def _upscaling(request: GenerationRequest) -> dict[str, Any]:
    """Return what is asked of the upscaler; the sheet names only the field (names: d)."""
    wanted: dict[str, Any] = {}
    if request.prompt:
        wanted["prompt"] = request.prompt
    if request.seed is not None:
        wanted["seed"] = request.seed
    for name in ("resemblance", "detail"):
        if value := request.option(name):
            wanted[name] = round(float(value))
    return wanted


def refuse_unsupported(request: GenerationRequest) -> None:
    """Raise ``UnsupportedRequest`` for choices that exclude each other."""
    styles = request.images_of(ImageRole.STYLE)
    codes, preset = request.option("style_codes"), request.option("style_preset")
    if codes and (styles or request.option("style")):
        _refuse(
            "Style codes go with neither a style nor style pictures.", "style_codes"
        )
    if preset and (codes or styles):  # (d); the sheet does not say
        _refuse(
            "A preset goes with neither style codes nor style pictures.", "style_preset"
        )
    if request.option("palette") and request.option("palette_colors"):
        _refuse(
            "Choose a palette by name or colours of your own, not both.",
            "palette_colors",
        )
    if sum(len(each.content) for each in styles) > STYLE_REFERENCE_BYTES:
        _refuse("The style pictures are more than 10 MB together.", "style_images")


def _refuse(message: str, field: str) -> None:
    raise UnsupportedRequest(message, field=field)
