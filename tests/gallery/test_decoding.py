"""Bytes that are no fit picture are refused in plain words, before they cost anything."""

import contextlib
import io
import resource
import zlib

import pytest
from hypothesis import given
from hypothesis import strategies as st
from PIL import Image as Pillow

from gallery.decoding import RESULTS, UPLOADS, BrokenPicture, decode
from tests.gallery.making import large_png, picture, png_chunk

FORMATS = ["PNG", "JPEG", "WEBP", "AVIF"]


def animation(image_format: str) -> bytes:
    frames = [Pillow.new("RGB", (20, 20), colour) for colour in ("red", "blue")]
    target = io.BytesIO()
    frames[0].save(target, image_format, save_all=True, append_images=frames[1:])
    return target.getvalue()


def refusal(content: bytes) -> str:
    with pytest.raises(BrokenPicture) as caught:
        decode(content, UPLOADS)
    return caught.value.user_message


@pytest.mark.parametrize("image_format", FORMATS)
def test_each_format_is_decoded(image_format):
    found = decode(picture(image_format, size=(31, 17)), UPLOADS)
    assert (found.image_format, found.pixels.size) == (image_format, (31, 17))


@pytest.mark.parametrize(
    "content",
    [
        b"<html><body>502 Bad Gateway</body></html>",
        b"<svg xmlns='http://www.w3.org/2000/svg'/>",
        b"%PDF-1.7",
        picture("GIF"),
        picture("BMP"),
        picture("TIFF"),
        b"RIFF\x04\0\0\0WAVE",
    ],
)
def test_other_files_are_refused(content):
    assert refusal(content) == "This is not a PNG, JPEG, WebP or AVIF picture."


def test_nothing_at_all_is_refused():
    assert refusal(b"") == "The picture is empty."


@pytest.mark.parametrize("image_format", FORMATS)
@pytest.mark.parametrize("part", [0.05, 0.5, 0.9])
def test_a_truncated_picture_is_refused(image_format, part):
    content = picture(image_format, size=(300, 200))
    assert "damaged" in refusal(content[: int(len(content) * part)])


def test_a_damaged_picture_is_refused():
    content = bytearray(picture("PNG", size=(300, 200)))
    content[len(content) // 2] ^= 0xFF
    assert "damaged" in refusal(bytes(content))


@pytest.mark.parametrize("image_format", ["PNG", "WEBP", "AVIF"])
def test_a_moving_picture_is_refused(image_format):
    assert "moves" in refusal(animation(image_format))


def test_a_jpeg_of_several_pictures_is_refused():
    frames = [Pillow.new("RGB", (20, 20), colour) for colour in ("red", "blue")]
    target = io.BytesIO()
    frames[0].save(target, "MPO", save_all=True, append_images=frames[1:])
    assert "moves" in refusal(target.getvalue())


def test_more_than_20_mb_are_refused_unread():
    assert "20 MB" in refusal(picture() + b"\0" * UPLOADS.max_bytes)


@pytest.mark.parametrize(("width", "height"), [(5001, 5000), (13_000, 13_000)])
def test_more_than_25_megapixels_are_refused_undecoded(width, height):
    content = large_png(width, height)
    before = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss
    assert "25 megapixels" in refusal(content)
    grown = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss - before
    assert grown < 20_000  # KiB; decoding the larger one takes 800 MB


def test_exactly_25_megapixels_are_taken():
    assert decode(large_png(5000, 5000), UPLOADS).pixels.size == (5000, 5000)


def test_a_result_may_be_larger_than_an_upload():
    content = large_png(5001, 5000, png_chunk(b"prVt", b"\0" * UPLOADS.max_bytes))
    assert decode(content, RESULTS).pixels.size == (5001, 5000)
    with pytest.raises(BrokenPicture, match="50 megapixels"):
        decode(large_png(7072, 7072), RESULTS)
    with pytest.raises(BrokenPicture, match="64 MB"):
        decode(content + b"\0" * RESULTS.max_bytes, RESULTS)


def test_a_webp_of_a_huge_canvas_is_refused():
    content = bytearray(picture("WEBP", mode="RGBA", exif=b"Exif\0\0x"))
    assert content[12:16] == b"VP8X"
    content[24:30] = b"\xff\x3f\0\xff\x3f\0"  # 16384 by 16384
    assert refusal(bytes(content))


def test_a_compressed_text_bomb_is_refused():
    bomb = png_chunk(b"zTXt", b"Comment\0\0" + zlib.compress(b"\0" * 50_000_000, 9))
    assert "damaged" in refusal(large_png(10, 10, bomb))


def test_the_orientation_mark_is_followed():
    exif = Pillow.Exif()
    exif[0x0112] = 6
    found = decode(picture("JPEG", size=(60, 40), exif=exif.tobytes()), UPLOADS)
    assert (found.stored_size, found.pixels.size) == ((60, 40), (40, 60))


@given(
    st.sampled_from([picture(f, size=(24, 16)) for f in FORMATS]),
    st.lists(st.tuples(st.integers(0, 5000), st.integers(0, 255)), max_size=12),
    st.integers(0, 5000),
)
def test_hostile_bytes_raise_nothing_else(content, changes, end):
    damaged = bytearray(content)
    for place, value in changes:
        damaged[place % len(damaged)] = value
    with contextlib.suppress(BrokenPicture):
        decode(bytes(damaged[: max(end, 30)]), UPLOADS)
