"""Pictures as files that people take away: names, formats, and the mark in each."""

import io
import unicodedata
from dataclasses import dataclass, field

from django.utils.text import slugify

from gallery import metadata
from gallery.decoding import MIME_TYPES, STORED, decode
from gallery.files import open_file
from gallery.models import Image
from gallery.recipes import recipe_of
from gallery.thumbnails import to_web_mode

FORMATS = {"png": "PNG", "jpeg": "JPEG", "webp": "WEBP"}
EXTENSIONS = {"image/png": "png", "image/jpeg": "jpg", "image/webp": "webp"}
_OPTIONS: dict[str, dict[str, int]] = {
    "PNG": {},
    "JPEG": {"quality": 92, "subsampling": 0},
    "WEBP": {"quality": 90},
}
_LONGEST_SIDES = {"PNG": 2**31 - 1, "JPEG": 65_500, "WEBP": 16_383}
_PLAIN_NAMES = {
    Image.Kind.GENERATED: "picture",
    Image.Kind.UPLOADED: "upload",
    Image.Kind.MASK: "mask",
}
_NAME_BYTES = 100  # file systems take 255 with all that programs add


class TooLong(Exception):
    """A side has more pixels than the format can tell; ``user_message`` says so."""

    def __init__(self, image_format: str) -> None:
        longest = _LONGEST_SIDES[image_format]
        self.user_message = (
            f"A {image_format} picture is at most {longest} pixels wide and high, and "
            "this one is larger. Download it as PNG."
        )
        super().__init__(self.user_message)


@dataclass(frozen=True, slots=True, kw_only=True)
class Download:
    """A file as it is sent."""

    content: bytes = field(repr=False)
    mime_type: str
    name: str


def download(image: Image, choice: str) -> Download:
    """Return the image as ``original`` or in one of ``FORMATS``.

    What a model made is marked as such in each.

    Raise KeyError for another choice, FileNotFoundError and StorageFailed where the
    original cannot be read, BrokenPicture where a damaged one is to be converted,
    TooLong where the format has no room for one.
    """
    if choice == "original":
        content, mime_type = open_file(image.file.path), image.file.mime_type
    else:
        image_format = FORMATS[choice]
        content, mime_type = _convert(image, image_format), MIME_TYPES[image_format]
    name = file_name(image, EXTENSIONS[mime_type])
    return Download(content=content, mime_type=mime_type, name=name)


def file_name(image: Image, extension: str) -> str:
    """Return a friendly name: words of the prompt, then some of the image's own key.

    Only letters, digits, hyphens and underscores of any script are in it, so no prompt
    can make a path, a control character or a header of it.
    """
    words = slugify(
        unicodedata.normalize("NFC", image.prompt[:200]), allow_unicode=True
    )
    short = words.encode()[:_NAME_BYTES].decode(errors="ignore").strip("-_")
    return f"{short or _PLAIN_NAMES[Image.Kind(image.kind)]}-{image.public_id.hex[:8]}.{extension}"


def _convert(image: Image, image_format: str) -> bytes:
    if max(image.file.width, image.file.height) > _LONGEST_SIDES[image_format]:
        raise TooLong(image_format)
    pixels = to_web_mode(decode(open_file(image.file.path), STORED).pixels)
    profile = pixels.info.get("icc_profile")
    if image_format == "JPEG" and pixels.mode == "RGBA":
        ground = pixels.copy()
        ground.paste((255, 255, 255, 255), (0, 0, *pixels.size))
        ground.alpha_composite(pixels)
        pixels = ground.convert("RGB")
    target = io.BytesIO()
    pixels.save(target, image_format, icc_profile=profile, **_OPTIONS[image_format])
    if not image.is_generated:
        return target.getvalue()
    return metadata.label(
        target.getvalue(),
        image_format,
        recipe_of(image),
        created_at=image.created_at,
        size=pixels.size,
    )
