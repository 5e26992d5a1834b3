"""Parts of the multipart forms that both versions take."""

import io
import json

from PIL import Image

from generators.contracts import InputImage
from generators.errors import UnsupportedRequest
from generators.providers import masks

Part = tuple[str, tuple[str | None, bytes | str, str]]
"""A field's name, and its file name (none for plain fields), content and type."""

_ENDINGS = {"image/png": "png", "image/jpeg": "jpg", "image/webp": "webp"}
_MIDDLE = 128


def text(name: str, value: object) -> Part:
    """Return a plain field."""
    return name, (None, str(value), "text/plain; charset=utf-8")


def texts(**values: object) -> list[Part]:
    """Return the plain fields that have a value: neither empty nor ``None``."""
    return [text(name, v) for name, v in values.items() if v not in {None, ""}]


def structure(name: str, value: object) -> Part:
    """Return a field that holds JSON."""
    return name, (None, json.dumps(value), "application/json")


def picture(name: str, image: InputImage) -> Part:
    """Return a picture as a file."""
    filename = f"picture.{_ENDINGS.get(image.mime_type, 'png')}"
    return name, (filename, image.content, image.mime_type)


def mask(image: InputImage) -> Part:
    """Return a mask in which black is repainted and white is kept, and nothing between.

    Raises ``UnsupportedRequest`` for a mask of one colour: the service wants both (s).
    """
    inverted = Image.open(io.BytesIO(masks.black_is_repainted(image)))
    drawn = inverted.point(lambda level: 255 if level >= _MIDDLE else 0)
    if drawn.getextrema() != (0, 255):
        raise UnsupportedRequest(
            "Paint a part of the picture, and leave a part of it unpainted.",
            field="mask_image",
        )
    out = io.BytesIO()
    drawn.save(out, "PNG")
    return "mask", ("mask.png", out.getvalue(), "image/png")
