"""Checks that bytes are one whole still picture, and decodes them once."""

import io
import struct
import zlib
from collections.abc import Callable
from dataclasses import dataclass
from typing import IO

from PIL import Image as Pillow
from PIL import ImageFile, ImageOps
from PIL.AvifImagePlugin import AvifImageFile
from PIL.JpegImagePlugin import jpeg_factory
from PIL.PngImagePlugin import PngImageFile
from PIL.WebPImagePlugin import WebPImageFile

MIME_TYPES = {"PNG": "image/png", "JPEG": "image/jpeg", "WEBP": "image/webp"}

_DAMAGED = "The picture is damaged or not complete."
_ORIENTATION = 0x0112
_ON_ITS_SIDE = {5, 6, 7, 8}  # the orientation marks that swap width and height

# What Pillow's decoders raise on bytes that were damaged or made to harm.
_DECODING_ERRORS = (
    OSError,
    SyntaxError,
    ValueError,
    EOFError,
    OverflowError,
    TypeError,
    LookupError,
    RuntimeError,
    struct.error,
    zlib.error,
    Pillow.DecompressionBombError,
)


@dataclass(frozen=True, slots=True, kw_only=True)
class Limits:
    """How large a picture may be: its file, and what decoding it takes."""

    max_bytes: int
    max_pixels: int


UPLOADS = Limits(max_bytes=20_000_000, max_pixels=25_000_000)
"""What people may bring."""

RESULTS = Limits(max_bytes=64_000_000, max_pixels=50_000_000)
"""What a model may send: it is paid for, and a 4K PNG has 35 MB and 19 megapixels."""

STORED = Limits(max_bytes=256_000_000, max_pixels=RESULTS.max_pixels)
"""What is read back: the most that so many pixels and a label take as PNG."""


class BrokenPicture(Exception):
    """Bytes that cannot be kept as a picture; ``user_message`` says why."""

    def __init__(self, user_message: str) -> None:
        super().__init__(user_message)
        self.user_message = user_message


@dataclass(frozen=True, slots=True, kw_only=True)
class DecodedPicture:
    """A picture's pixels, upright, and what its file is.

    ``image_format`` is Pillow's name; ``stored_size`` the width and height in the file,
    before its orientation mark is followed.
    """

    image_format: str
    stored_size: tuple[int, int]
    pixels: Pillow.Image


def num_pixels(content: bytes, limits: Limits) -> int:
    """Return how many pixels a picture has, by its header alone.

    Raise BrokenPicture as ``decode`` does, for what the header tells already.
    """
    width, height = _opened(content, limits).size
    return width * height


def upright_size(content: bytes) -> tuple[int, int]:
    """Return the width and height that an upload has on a page.

    Raise BrokenPicture as ``decode`` does, for what is seen already.
    """
    image = _opened(content, UPLOADS)
    try:
        turned = image.getexif().get(_ORIENTATION, 1) in _ON_ITS_SIDE
    except _DECODING_ERRORS as error:
        raise BrokenPicture(_DAMAGED) from error
    width, height = image.size
    return (height, width) if turned else (width, height)


def decode(content: bytes, limits: Limits) -> DecodedPicture:
    """Decode all of the picture.

    Raise BrokenPicture for what is no PNG, JPEG, WebP or AVIF, is larger than
    ``limits``, moves, or ends early. The size is read from the header and refused
    before any pixel is decoded.
    """
    image = _opened(content, limits)
    try:
        image.load()
        stored_size = image.size
        # Orientation is followed once here, so that width, height and thumbnails agree
        # with what browsers show.
        ImageOps.exif_transpose(image, in_place=True)
    except _DECODING_ERRORS as error:
        raise BrokenPicture(_DAMAGED) from error
    return DecodedPicture(
        image_format=str(image.format), stored_size=stored_size, pixels=image
    )


def _opened(content: bytes, limits: Limits) -> ImageFile.ImageFile:
    if len(content) > limits.max_bytes:
        megabytes = limits.max_bytes // 1_000_000
        raise BrokenPicture(f"The picture is larger than {megabytes} MB.")
    open_picture = _opener(content)
    try:
        image = open_picture(io.BytesIO(content))
        _refuse_unfit(image, limits)
    except _DECODING_ERRORS as error:
        raise BrokenPicture(_DAMAGED) from error
    return image


def _opener(content: bytes) -> Callable[[IO[bytes]], ImageFile.ImageFile]:
    """Choose the decoder by the first bytes.

    The classes are used directly: ``Image.open`` only warns of a picture of 100
    megapixels, and would try forty other formats.
    """
    if content.startswith(b"\x89PNG\r\n\x1a\n"):
        return PngImageFile
    if content.startswith(b"\xff\xd8\xff"):
        return jpeg_factory
    if content[:4] == b"RIFF" and content[8:12] == b"WEBP":
        return WebPImageFile
    if content[4:8] == b"ftyp" and content[8:12] in {b"avif", b"avis", b"mif1"}:
        return AvifImageFile
    if not content:
        raise BrokenPicture("The picture is empty.")
    raise BrokenPicture("This is not a PNG, JPEG, WebP or AVIF picture.")


def _refuse_unfit(image: ImageFile.ImageFile, limits: Limits) -> None:
    """Refuse by what the header says: too many pixels, or more than one frame."""
    width, height = image.size
    if width * height > limits.max_pixels:
        megapixels = limits.max_pixels // 1_000_000
        raise BrokenPicture(f"The picture has more than {megapixels} megapixels.")
    if getattr(image, "n_frames", 1) > 1:
        raise BrokenPicture("The picture moves; only still pictures are kept.")
