"""What people take away: each format marked, and a name no prompt can abuse."""

import re

import pytest
from hypothesis import given
from hypothesis import strategies as st

from gallery.downloads import download, file_name
from gallery.models import Image
from gallery.storage import ImageRecipe, add, prepare
from tests.gallery.making import NOON, decoded, make_image, picture
from tests.gallery.test_metadata import IPTC, MARK, facts


@pytest.mark.parametrize("mode", ["RGB", "RGBA", "L", "P"])
@pytest.mark.parametrize(
    ("choice", "image_format"),
    [("original", "PNG"), ("png", "PNG"), ("jpeg", "JPEG"), ("webp", "WEBP")],
)
def test_each_download_carries_mark_and_recipe(alice, mode, choice, image_format):
    recipe = ImageRecipe(prompt="a red apple", seed=7, image_model_label="Spark")
    image = add(prepare(picture(mode=mode), recipe, created_at=NOON), owner=alice)
    found = download(image, choice)
    kept = decoded(found.content)
    assert (kept.format, kept.size) == (image_format, (64, 48))
    assert found.mime_type == f"image/{image_format.lower()}"
    told = facts(kept.info["xmp"])
    assert (told[IPTC], told["Prompt"], told["Seed"]) == (MARK, "a red apple", "7")


def test_png_is_without_loss(alice):
    image = make_image(alice)
    original = decoded(download(image, "original").content)
    assert decoded(download(image, "png").content).tobytes() == original.tobytes()


def test_transparency_becomes_white_in_jpeg(alice):
    import io

    from PIL import Image as Pillow

    target = io.BytesIO()
    Pillow.new("RGBA", (16, 16), (255, 0, 0, 0)).save(target, "PNG")
    ready = prepare(target.getvalue(), ImageRecipe(), created_at=NOON)
    found = download(add(ready, owner=alice), "jpeg")
    assert decoded(found.content).getpixel((8, 8)) == (255, 255, 255)


def test_another_format_is_refused(alice):
    with pytest.raises(KeyError):
        download(make_image(alice), "gif")


def test_the_name_tells_the_prompt():
    name = file_name(Image(prompt="A red apple, on a table!"), "png")
    assert re.fullmatch(r"a-red-apple-on-a-table-[0-9a-f]{8}\.png", name)
    assert file_name(Image(prompt="静かな山"), "webp").startswith("静かな山-")
    assert file_name(Image(prompt="../../etc/passwd"), "png").startswith("etcpasswd-")
    assert file_name(Image(prompt='"; rm -rf /'), "png").startswith("rm-rf-")
    assert file_name(Image(prompt="🙂"), "png").startswith("picture-")
    assert file_name(Image(prompt="CON"), "png") != "con.png"


@given(st.text())
def test_any_prompt_makes_a_safe_name(prompt):
    name = file_name(Image(prompt=prompt), "png")
    assert re.fullmatch(r"[\w-]+-[0-9a-f]{8}\.png", name)
    assert len(name.encode()) < 130
