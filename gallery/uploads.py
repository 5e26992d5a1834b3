"""Pictures that people bring: written anew, so that only their pixels are kept.

Nothing of the file that came survives: no EXIF with its place and camera, no text, no
second picture behind the first. The pixels are upright and in sRGB. No mark of a
trained model is put on them, for none made them.
"""

import contextlib
import io
from collections.abc import Iterator
from functools import partial
from typing import Final

from django.db import transaction
from PIL import Image as Pillow
from PIL import ImageCms

from accounts.models import User
from gallery import storage
from gallery.decoding import UPLOADS, BrokenPicture, decode
from gallery.files import remove_files
from gallery.models import Image
from gallery.recipes import ImageRecipe
from gallery.storage import PreparedImage
from gallery.thumbnails import make_thumbnails, to_web_mode

__all__ = ["BrokenPicture", "add", "discard", "prepare"]

_QUALITIES: Final = (95, 90, 80)
_LEAST_WHITE: Final = 128
_PNG_LEVEL: Final = 4  # of 0 to 9: 3 % larger than the default, in half the time


def prepare(content: bytes, *, is_mask: bool = False) -> PreparedImage:
    """Check a picture and write it anew with its thumbnails; as grey levels, if a mask.

    May be called outside any transaction; what is not added is swept. Raise
    BrokenPicture for bytes that are no fit picture, StorageFailed where files cannot be
    written.
    """
    picture = decode(content, UPLOADS)
    pixels = _grey(picture.pixels) if is_mask else _in_srgb(picture.pixels)
    pixels.info = {}
    if is_mask and pixels.point(_is_white).getbbox() is None:
        raise BrokenPicture("The mask marks nothing: paint white what should change.")
    image_format, original = _encoded(pixels, is_photo=picture.image_format == "JPEG")
    return storage.write(
        original,
        make_thumbnails(pixels, mark=b""),
        image_format=image_format,
        size=pixels.size,
        recipe=ImageRecipe(operation="", prompt=""),
        kind=Image.Kind.MASK if is_mask else Image.Kind.UPLOADED,
    )


def add(prepared: PreparedImage, *, owner: User) -> Image:
    """Write its rows, inside the caller's transaction.

    What the person brought before and still has is that image again, so that a picture
    used ten times hangs in the gallery once.
    """
    kept = Image.objects.visible_to(owner).kept().select_related("file")
    same = kept.filter(kind=prepared.kind, file__content_hash=prepared.content_hash)
    image: Image | None = same.order_by("pk").first()
    if image is None:
        return storage.add(prepared, owner=owner)
    transaction.on_commit(partial(discard, prepared))
    return image


def discard(prepared: PreparedImage) -> None:
    """Remove the files of a picture that is not added after all."""
    remove_files(prepared.paths)


def _is_white(level: int) -> int:
    return 255 if level >= _LEAST_WHITE else 0


def _grey(pixels: Pillow.Image) -> Pillow.Image:
    """Return 8-bit grey levels; what is transparent marks nothing."""
    pixels = to_web_mode(pixels)
    if pixels.mode == "RGBA":
        ground = Pillow.new("RGBA", pixels.size, (0, 0, 0, 255))
        ground.alpha_composite(pixels)
        pixels = ground
    return pixels.convert("L")


def _in_srgb(pixels: Pillow.Image) -> Pillow.Image:
    """Return the colours as they look, for whoever does not know of profiles."""
    profile = pixels.info.get("icc_profile")
    has_alpha = pixels.has_transparency_data
    if profile and pixels.mode in {"RGB", "RGBA", "CMYK"}:
        converted = None
        with contextlib.suppress(ImageCms.PyCMSError, OSError, ValueError):
            # A profile that makes no sense is left out.
            converted = ImageCms.profileToProfile(
                pixels,
                ImageCms.ImageCmsProfile(io.BytesIO(profile)),
                ImageCms.createProfile("sRGB"),
                outputMode="RGBA" if has_alpha else "RGB",
            )
        if isinstance(converted, Pillow.Image):
            return converted
    return to_web_mode(pixels)


def _encoded(pixels: Pillow.Image, *, is_photo: bool) -> tuple[str, bytes]:
    """Return the format and the bytes, within what an upload may have."""
    for image_format, options in _ways(pixels, is_photo=is_photo):
        target = io.BytesIO()
        pixels.save(target, image_format, **options)
        if target.tell() <= UPLOADS.max_bytes:
            return image_format, target.getvalue()
    raise BrokenPicture("The picture is larger than 20 MB.")


def _ways(
    pixels: Pillow.Image, *, is_photo: bool
) -> Iterator[tuple[str, dict[str, int]]]:
    if not is_photo or pixels.mode == "L":
        yield "PNG", {"compress_level": _PNG_LEVEL}
    lossy = "WEBP" if pixels.mode == "RGBA" else "JPEG"
    for quality in _QUALITIES:
        yield lossy, {"quality": quality}
