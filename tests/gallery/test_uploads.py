"""What people bring: only its pixels are kept, and nothing says that a model made it."""

import io
from dataclasses import replace
from pathlib import Path

import pytest
from django.conf import settings as site
from django.db import transaction
from django.urls import reverse
from PIL import Image as Pillow
from PIL import ImageCms

from gallery import pages, uploads
from gallery.decoding import UPLOADS, BrokenPicture, upright_size
from gallery.downloads import download
from gallery.files import open_file
from gallery.metadata import DIGITAL_SOURCE_TYPE
from gallery.models import Image, StoredFile
from tests.gallery.making import decoded, make_image, picture

pytestmark = pytest.mark.django_db
PLACE_AND_CAMERA = {0x010F: "A camera", 0x010E: "At home"}


def bring(owner, content: bytes, *, is_mask: bool = False) -> Image:
    ready = uploads.prepare(content, is_mask=is_mask)
    with transaction.atomic():
        return uploads.add(ready, owner=owner)


def with_exif(image_format: str, *, turned: int = 1, size=(64, 48)) -> bytes:
    exif = Pillow.Exif()
    for tag, words in PLACE_AND_CAMERA.items():
        exif[tag] = words
    exif[0x0112] = turned
    return picture(image_format, size=size, exif=exif)


def files_on_disk() -> list[Path]:
    return [path for path in Path(site.MEDIA_ROOT).rglob("*") if path.is_file()]


@pytest.mark.parametrize("image_format", ["JPEG", "PNG", "WEBP", "AVIF"])
def test_when_a_picture_is_brought_then_only_its_pixels_are_kept(alice, image_format):
    content = with_exif(image_format)
    assert b"A camera" in content
    image = bring(alice, content)
    assert image.kind == Image.Kind.UPLOADED
    for path in (image.file.path, image.file.small_path, image.file.large_path):
        kept = open_file(path)
        for word in (b"A camera", b"At home", b"trainedAlgorithmicMedia", b"Magicshot"):
            assert word not in kept
        assert not decoded(kept).getexif()
    kept = decoded(open_file(image.file.path))
    assert kept.size == (64, 48)
    assert (kept.format == "JPEG") is (image_format == "JPEG")


@pytest.mark.parametrize("turned", [3, 6, 8])
def test_when_a_photo_lies_on_its_side_then_it_is_kept_upright(alice, turned):
    content = with_exif("JPEG", turned=turned)
    expected = (48, 64) if turned in (6, 8) else (64, 48)
    assert upright_size(content) == expected
    image = bring(alice, content)
    assert (image.file.width, image.file.height) == expected
    assert decoded(open_file(image.file.path)).size == expected


def test_when_it_has_a_colour_profile_then_it_needs_none_any_more(alice):
    profile = ImageCms.ImageCmsProfile(ImageCms.createProfile("LAB")).tobytes()
    srgb = ImageCms.ImageCmsProfile(ImageCms.createProfile("sRGB")).tobytes()
    for colours in (profile, srgb, b"no profile at all"):
        image = bring(alice, picture("PNG", icc_profile=colours))
        assert "icc_profile" not in decoded(open_file(image.file.path)).info


def test_when_it_is_a_mask_then_it_becomes_grey_and_see_through_is_black(alice):
    pixels = Pillow.new("RGBA", (64, 48), (255, 255, 255, 0))
    pixels.paste((255, 255, 255, 255), (0, 0, 32, 48))
    out = io.BytesIO()
    pixels.save(out, "PNG")
    image = bring(alice, out.getvalue(), is_mask=True)
    kept = decoded(open_file(image.file.path))
    assert image.kind == Image.Kind.MASK
    assert (kept.format, kept.mode) == ("PNG", "L")
    assert (kept.getpixel((5, 5)), kept.getpixel((60, 5))) == (255, 0)


def test_when_a_mask_marks_nothing_then_it_is_refused():
    out = io.BytesIO()
    Pillow.new("RGB", (64, 48), (20, 20, 20)).save(out, "PNG")
    with pytest.raises(BrokenPicture, match="white"):
        uploads.prepare(out.getvalue(), is_mask=True)
    assert files_on_disk() == []


def test_when_it_is_brought_again_then_it_hangs_in_the_gallery_once(
    alice, bob, django_capture_on_commit_callbacks
):
    content = picture("JPEG")
    first = bring(alice, content)
    with django_capture_on_commit_callbacks(execute=True):
        assert bring(alice, content) == first
    assert len(files_on_disk()) == 3
    assert bring(bob, content) != first
    Image.objects.filter(pk=first.pk).trash()
    assert bring(alice, content) != first
    assert StoredFile.objects.count() == 1


def test_when_a_large_picture_has_no_room_as_png_then_it_is_kept_as_jpeg(
    alice, monkeypatch
):
    noise = Pillow.effect_noise((400, 400), 90).convert("RGB")
    out = io.BytesIO()
    noise.save(out, "WEBP", quality=50)
    small = replace(UPLOADS, max_bytes=150_000)
    monkeypatch.setattr(uploads, "UPLOADS", small)
    image = bring(alice, out.getvalue())
    assert image.file.mime_type == "image/jpeg"
    assert image.file.size <= 150_000


def test_when_it_is_refused_then_discard_leaves_no_file():
    ready = uploads.prepare(picture())
    assert len(files_on_disk()) == 3
    uploads.discard(ready)
    assert files_on_disk() == []


@pytest.mark.parametrize("choice", ["original", "png", "jpeg", "webp"])
def test_when_it_is_downloaded_then_no_mark_is_in_it(alice, choice):
    image = bring(alice, picture("JPEG"))
    made = make_image(alice, 3)
    mark = DIGITAL_SOURCE_TYPE.encode()
    assert mark in download(made, choice).content
    found = download(image, choice)
    assert mark not in found.content
    assert found.name.startswith("upload-")


def test_when_the_gallery_is_looked_at_then_uploads_are_named_and_masks_left_out(
    client, alice
):
    client.force_login(alice)
    older, mask = make_image(alice, 1), bring(alice, picture(), is_mask=True)
    image = bring(alice, picture("JPEG", shade=9))
    body = client.get(reverse("gallery:gallery-list")).content.decode()
    assert str(image.public_id) in body
    assert ">Uploaded<" in body
    assert str(mask.public_id) not in body
    assert pages.neighbours(alice, image).older == older
    page = client.get(reverse("gallery:image-detail", args=[image.public_id]))
    body = page.content.decode()
    assert "Uploaded picture" in body
    assert "Remix" not in body
    assert "free" not in body
    assert f"/?use={image.public_id}&amp;role=init" in body
    assert f"/?use={image.public_id}&amp;role=reference" in body
    page = client.get(reverse("gallery:image-detail", args=[mask.public_id]))
    assert f"/?use={mask.public_id}&amp;role=mask" in page.content.decode()
