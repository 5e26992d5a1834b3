"""Shapes: one a ratio where there are many sizes, and the nearest at another model."""

import pytest

from generators import shapes
from generators.capabilities import Capabilities, Size, SizeRange
from generators.providers import catalog_file


def size(words: str) -> Size:
    width, height = words.split("x")
    return Size(width=int(width), height=int(height))


def able(*sizes: str, **more) -> Capabilities:
    return Capabilities(sizes=tuple(map(size, sizes)), **more)


MANY = able(
    *("1024x1024", "1264x848", "848x1264", "1376x768", "768x1376"),
    *("2048x2048", "2528x1696", "1696x2528", "2752x1536", "1536x2752"),
    *("4096x4096", "5056x3392"),
)


@pytest.mark.parametrize(
    ("words", "ratio"),
    [
        ("1024x1024", "1:1"),
        ("1344x768", "16:9"),
        ("832x1216", "2:3"),
        ("640x1536", "9:21"),
        ("1280x800", "8:5"),
        ("1376x768", "16:9"),
        ("768x1376", "9:16"),
        ("1264x848", "3:2"),
        ("640x480", "4:3"),
    ],
)
def test_a_ratio_is_said_as_people_say_it(words, ratio):
    assert shapes.ratio_words(size(words)) == ratio


def test_when_there_are_few_sizes_then_each_is_a_shape():
    few = able("256x256", "384x256", "512x512")
    assert shapes.plain_sizes(few) == list(few.sizes)
    assert shapes.resolutions(few) == []
    assert list(shapes.labels(few.sizes)) == ["256", "3:2", "512"]


def test_when_there_are_many_sizes_then_each_ratio_is_one_shape():
    assert [str(each) for each in shapes.plain_sizes(MANY)] == [
        "1024x1024",
        "1264x848",
        "848x1264",
        "1376x768",
        "768x1376",
    ]
    found = shapes.resolutions(MANY)
    assert [each.key for each in found] == ["1", "4", "16"]
    assert [each.is_usual for each in found] == [True, False, False]
    assert found[1].label == "About 4 megapixels"


@pytest.mark.parametrize(
    ("words", "key", "expected"),
    [
        ("1264x848", "4", "2528x1696"),
        ("1264x848", "16", "5056x3392"),
        ("1376x768", "16", "2752x1536"),  # none so large: the largest there is
        ("1264x848", "", "1264x848"),
        ("1264x848", "nonsense", "1264x848"),
    ],
)
def test_a_shape_is_found_in_another_resolution(words, key, expected):
    assert str(shapes.in_resolution(MANY, size(words), key)) == expected


def test_when_free_sizes_are_taken_then_a_shape_is_scaled_to_the_resolution():
    free = SizeRange(minimum=64, maximum=4096, step=16, max_pixels=4_194_304)
    model = able(*map(str, MANY.sizes[:7]), *("1440x1440",) * 4, size_range=free)
    found = shapes.in_resolution(model, size("1376x768"), "2")
    assert free.allows(found)
    assert not shapes.is_other_ratio(found, size("1376x768"))
    assert found.width * found.height == pytest.approx(2 * 1024 * 1024, rel=0.05)


def test_the_nearest_size_has_the_ratio_first_and_then_the_area():
    model = able("512x512", "1024x1024", "1264x848", "768x1376")
    for words, expected in (
        ("256x256", "512x512"),
        ("900x900", "1024x1024"),
        ("384x256", "1264x848"),
        ("100x400", "768x1376"),
        ("512x512", "512x512"),
    ):
        assert str(shapes.nearest(model, size(words))) == expected, words


@pytest.mark.parametrize("slug", ["google", "black-forest-labs", "openai", "fake"])
def test_every_size_of_the_catalogue_is_reached_by_a_shape_and_a_resolution(slug):
    for spec in catalog_file.read(slug):
        model = spec.capabilities
        keys = [each.key for each in shapes.resolutions(model)] or [""]
        reached = {
            shapes.in_resolution(model, shape, key)
            for shape in shapes.plain_sizes(model)
            for key in keys
        }
        assert reached >= set(model.sizes), spec.slug
        assert all(model.takes(each) for each in reached), spec.slug
