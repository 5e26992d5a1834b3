"""Builds pictures as bytes, and images in somebody's gallery."""

import datetime as dt
import io
import struct
import zlib

from django.db import transaction
from PIL import Image as Pillow

from accounts.models import User
from gallery.containers import PNG_SIGNATURE
from gallery.models import Image
from gallery.storage import ImageRecipe, PreparedImage, add, prepare

NOON = dt.datetime(2026, 11, 23, 12, 0, tzinfo=dt.UTC)


def picture(
    image_format: str = "PNG",
    *,
    size: tuple[int, int] = (64, 48),
    mode: str = "RGB",
    shade: int = 120,
    **options,
) -> bytes:
    """Return a small picture with some detail in it; ``shade`` makes it another one."""
    pixels = Pillow.radial_gradient("L").resize(size).point(lambda v: (v + shade) % 256)
    target = io.BytesIO()
    pixels.convert(mode).save(target, image_format, **options)
    return target.getvalue()


def decoded(content: bytes) -> Pillow.Image:
    """Return all pixels of a picture."""
    image = Pillow.open(io.BytesIO(content))
    image.load()
    return image


def png_chunk(kind: bytes, body: bytes) -> bytes:
    """Return one PNG chunk."""
    checksum = struct.pack(">I", zlib.crc32(kind + body))
    return struct.pack(">I", len(body)) + kind + body + checksum


def large_png(width: int, height: int, *more: bytes) -> bytes:
    """Return a PNG whose rows compress to nothing, with other chunks before them."""
    header = struct.pack(">IIBBBBB", width, height, 8, 0, 0, 0, 0)
    packer = zlib.compressobj(9)
    row = b"\0" * (width + 1)
    rows = b"".join(packer.compress(row) for _ in range(height)) + packer.flush()
    chunks = [
        png_chunk(b"IHDR", header),
        *more,
        png_chunk(b"IDAT", rows),
        png_chunk(b"IEND", b""),
    ]
    return PNG_SIGNATURE + b"".join(chunks)


def prepared(shade: int = 120, *, size=(64, 48), **recipe) -> PreparedImage:
    """Write the files of a picture without a row."""
    recipe = {"prompt": "a red apple", "image_model_label": "Spark"} | recipe
    content = picture(size=size, shade=shade)
    return prepare(content, ImageRecipe(**recipe), created_at=NOON)


def make_image(owner: User, shade: int = 120, *, size=(64, 48), **recipe) -> Image:
    """Put a picture in somebody's gallery."""
    ready = prepared(shade, size=size, **recipe)
    with transaction.atomic():
        return add(ready, owner=owner)
