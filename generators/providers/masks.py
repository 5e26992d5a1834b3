"""Turns the canonical mask, in which white is repainted, into what services take."""

import io

from PIL import Image, ImageOps

from generators.contracts import InputImage


def black_is_repainted(mask: InputImage) -> bytes:
    """Return a greyscale PNG of the opposite polarity."""
    return _png(ImageOps.invert(_opened(mask)))


def transparent_is_repainted(mask: InputImage) -> bytes:
    """Return an RGBA PNG that is transparent where the mask is white."""
    level = _opened(mask)
    picture = Image.new("RGBA", level.size, (0, 0, 0, 255))
    picture.putalpha(ImageOps.invert(level))
    return _png(picture)


def _opened(mask: InputImage) -> Image.Image:
    return Image.open(io.BytesIO(mask.content), formats=["PNG"]).convert("L")


def _png(picture: Image.Image) -> bytes:
    out = io.BytesIO()
    picture.save(out, "PNG")
    return out.getvalue()
