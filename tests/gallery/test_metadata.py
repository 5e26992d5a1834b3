"""Each file carries the mark and the recipe, and not one pixel changes."""

import contextlib
import io
from xml.etree import ElementTree

import pytest
from hypothesis import given
from hypothesis import strategies as st
from PIL import Image as Pillow
from PIL.PngImagePlugin import PngInfo

from gallery.containers import BrokenContainer, insert_xmp
from gallery.metadata import RECIPE_NAMESPACE, build_packet, label
from gallery.recipes import ImageRecipe
from tests.gallery.making import NOON, decoded, picture, png_chunk

IPTC = "{http://iptc.org/std/Iptc4xmpExt/2008-02-29/}DigitalSourceType"
LI = "{http://www.w3.org/1999/02/22-rdf-syntax-ns#}li"
MARK = "http://cv.iptc.org/newscodes/digitalsourcetype/trainedAlgorithmicMedia"
RECIPE = ImageRecipe(
    prompt="a red <apple> & a pear",
    negative_prompt="worms",
    seed=42,
    provider="local",
    provider_model_id="spark-1",
    image_model_slug="spark",
    image_model_label="Spark",
    parameters={"num_inference_steps": 20, "prompt": "a red <apple> & a pear"},
)


def facts(packet: bytes) -> dict[str, str]:
    """Return what an XMP packet says, by name without its namespace."""
    root = ElementTree.fromstring(packet.decode().strip())  # noqa: S314
    told = {
        element.tag.removeprefix(f"{{{RECIPE_NAMESPACE}}}"): element.text or ""
        for element in root.iter()
    }
    return told


def xmp_of(content):
    return Pillow.open(io.BytesIO(content)).info["xmp"]


CASES = [
    ("PNG", "RGB", {}),
    ("PNG", "RGBA", {}),
    ("PNG", "P", {}),
    ("PNG", "L", {}),
    ("JPEG", "RGB", {}),
    ("JPEG", "CMYK", {}),
    ("JPEG", "RGB", {"progressive": True}),
    ("JPEG", "RGB", {"xmp": b"<x:older/>"}),
    ("WEBP", "RGB", {}),
    ("WEBP", "RGB", {"xmp": b"<x:older/>"}),
    ("WEBP", "RGBA", {"lossless": True}),
    ("WEBP", "RGBA", {"exif": b"Exif\0\0MM\0*\0\0\0\x08\0\0\0\0\0\0"}),
]


@pytest.mark.parametrize(("image_format", "mode", "options"), CASES)
def test_mark_and_recipe_are_read_back_and_pixels_stay(image_format, mode, options):
    before = picture(image_format, mode=mode, size=(61, 33), **options)
    after = label(before, image_format, RECIPE, created_at=NOON, size=(61, 33))
    told = facts(xmp_of(after))
    assert told[IPTC] == MARK
    assert told["Prompt"] == "a red <apple> & a pear"
    assert told["NegativePrompt"] == "worms"
    assert (told["Seed"], told["Model"], told["ModelSlug"]) == ("42", "Spark", "spark")
    assert told["Parameters"] == '{"num_inference_steps": 20}'
    assert told[LI] == "a red <apple> & a pear · Made by AI with Spark, seed 42"
    was, is_now = decoded(before), decoded(after)
    assert (was.mode, was.size) == (is_now.mode, is_now.size)
    assert was.tobytes() == is_now.tobytes()


def test_a_transparent_webp_stays_transparent():
    pixels = Pillow.new("RGBA", (20, 20), (200, 10, 10, 0))
    target = io.BytesIO()
    pixels.save(target, "WEBP", lossless=True, exact=True)
    after = label(target.getvalue(), "WEBP", RECIPE, created_at=NOON, size=pixels.size)
    assert decoded(after).tobytes() == pixels.tobytes()


@pytest.mark.parametrize("image_format", ["PNG", "JPEG", "WEBP"])
def test_a_second_label_takes_the_place_of_the_first(image_format):
    once = label(
        picture(image_format), image_format, RECIPE, created_at=NOON, size=(64, 48)
    )
    other = ImageRecipe(prompt="a pear", image_model_label="Flux")
    twice = label(once, image_format, other, created_at=NOON, size=(64, 48))
    assert facts(xmp_of(twice))["Prompt"] == "a pear"
    assert b"red" not in twice
    assert len(twice) < len(once)


def test_a_broken_provenance_seal_is_not_kept():
    info = PngInfo()
    info.add(b"caBX", b"somebody's signature")
    before = picture("PNG", pnginfo=info)
    assert b"somebody's signature" in before
    after = label(before, "PNG", RECIPE, created_at=NOON, size=(64, 48))
    assert b"somebody's signature" not in after


def test_what_trails_a_png_is_dropped():
    after = label(
        picture("PNG") + b"<script>", "PNG", RECIPE, created_at=NOON, size=(64, 48)
    )
    assert b"<script>" not in after
    assert after.endswith(png_chunk(b"IEND", b""))


@pytest.mark.parametrize("image_format", ["PNG", "JPEG", "WEBP"])
@pytest.mark.parametrize("end", [12, 40, 100])
def test_a_container_that_ends_early_is_told(image_format, end):
    with pytest.raises(BrokenContainer):
        insert_xmp(picture(image_format)[:end], image_format, b"", size=(64, 48))


@given(
    st.sampled_from([(f, picture(f, size=(24, 16))) for f in ("PNG", "JPEG", "WEBP")]),
    st.lists(st.tuples(st.integers(8, 3000), st.integers(0, 255)), max_size=12),
)
def test_hostile_containers_raise_nothing_else(case, changes):
    image_format, content = case
    damaged = bytearray(content)
    for place, value in changes:
        damaged[place % len(damaged)] = value
    with contextlib.suppress(BrokenContainer):
        insert_xmp(bytes(damaged), image_format, b"x", size=(24, 16))


def test_a_packet_beyond_one_segment_is_refused():
    with pytest.raises(ValueError, match="too long"):
        insert_xmp(picture("PNG"), "PNG", b"x" * 70_000, size=(64, 48))


@given(
    st.text(), st.text(), st.integers(0, 2**63 - 1) | st.none(), st.integers(1, 40_000)
)
def test_any_text_becomes_well_formed_xmp_of_bounded_size(
    prompt, negative, seed, times
):
    recipe = ImageRecipe(
        prompt=prompt * times,
        negative_prompt=negative,
        seed=seed,
        image_model_label="Spark",
        parameters={"style": negative},
    )
    packet = build_packet(recipe, created_at=NOON)
    assert len(packet) <= 60_000
    told = facts(packet)
    assert told[IPTC] == MARK
    if seed is not None:
        assert told["Seed"] == str(seed)


def test_a_lone_surrogate_does_not_stop_the_label():
    recipe = ImageRecipe(prompt="an apple \ud800\0", image_model_label="Spark")
    assert (
        facts(build_packet(recipe, created_at=NOON))["Prompt"]
        == "an apple \ufffd\ufffd"
    )
