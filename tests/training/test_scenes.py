"""Scenes are painted as planned and captioned as painted."""

import numpy as np
import pytest

from training.captions import caption, is_plural, plural, with_article
from training.concepts import Concept
from training.plans import Planner, Stock, plan_all, shares
from training.prepare import STYLES, Icons
from training.scenes import (
    BACKDROPS,
    PLAIN,
    Item,
    Scene,
    is_held_out,
    paint,
    paint_background,
    recolour,
)


@pytest.fixture(scope="module")
def stock():
    names = ["red apple", "cat", "bus", "owl"]
    concepts = [
        Concept(code=f"1f{i}", label=name, names=(name,), tags=("nice",), group=3)
        for i, name in enumerate(names)
    ]
    pairs = [(c, s) for s in range(len(STYLES)) for c in range(len(names))]
    pixels = np.zeros((len(pairs), 128, 128, 4), dtype=np.uint8)
    pixels[:, 16:112, 16:112] = (210, 30, 30, 255)
    icons = Icons(
        pixels,
        concepts,
        np.array([c for c, _ in pairs]),
        np.array([s for _, s in pairs]),
    )
    return Stock.of(icons, held_out=True)


def scene(layout, *items, background="white", place=""):
    return Scene(layout=layout, background=background, items=items, place=place)


def item(concept=0, style=0, **more):
    return Item(concept=concept, style=style, x=64, y=64, size=64, **more)


def captions(stock, shown, many=60):
    rng = np.random.default_rng(0)
    return [caption(rng, stock, shown) for _ in range(many)]


@pytest.mark.parametrize(
    ("noun", "said"),
    [
        ("owl", "an owl"),
        ("red apple", "a red apple"),
        ("grapes", "grapes"),
        ("octopus", "an octopus"),
        ("bowl of ramen", "a bowl of ramen"),
    ],
)
def test_when_a_noun_is_named_then_its_article_fits(noun, said):
    assert with_article(noun) == said


@pytest.mark.parametrize(
    ("one", "many"),
    [
        ("cherry", "cherries"),
        ("bus", "buses"),
        ("fox", "foxes"),
        ("grapes", "grapes"),
        ("mouse", "mice"),
        ("snowman", "snowmen"),
        ("cup of coffee", "cups of coffee"),
        ("fish", "fish"),
        ("toy", "toys"),
    ],
)
def test_when_there_are_several_then_the_plural_fits(one, many):
    assert plural(one) == many


def test_when_a_word_ends_in_s_then_only_plurals_count():
    assert is_plural("cherries")
    assert not is_plural("bus")


def test_when_a_style_needs_naming_then_the_caption_names_it(stock):
    for text in captions(stock, scene("single", item(style=3))):
        assert "line" in text


def test_when_things_are_counted_then_the_number_is_said(stock):
    three = scene("count", item(1), item(1), item(1))
    assert all("three cats" in text for text in captions(stock, three))


def test_when_a_thing_is_recoloured_then_its_new_colour_is_said(stock):
    for text in captions(stock, scene("single", item(0, colour="blue"))):
        assert "blue apple" in text
        assert "red" not in text


def test_when_the_background_is_not_white_then_it_is_said(stock):
    shown = scene("single", item(1), background="pink")
    assert all("on a pink background" in text for text in captions(stock, shown))


def test_when_two_things_stand_side_by_side_then_left_is_left(stock):
    texts = captions(stock, scene("beside", item(1), item(2)), many=200)
    said = [text for text in texts if "to the left of" in text]
    assert said
    assert all(text.index("cat") < text.index("bus") for text in said)


@pytest.mark.parametrize("name", [*PLAIN, *BACKDROPS])
def test_when_a_background_is_painted_then_it_fills_the_picture(name):
    assert paint_background(name).size == (128, 128)


def test_when_recoloured_then_the_main_hue_changes_and_alpha_stays(stock):
    red = stock.icons.pixels[0]
    blue = recolour(red, 0.6)
    assert blue[64, 64, 2] > blue[64, 64, 0]
    assert np.array_equal(blue[..., 3], red[..., 3])


def test_when_any_scene_is_planned_then_it_can_be_painted(stock):
    rng = np.random.default_rng(4)
    planner = Planner(rng, stock, np.ones(len(stock.icons.concepts)))
    for _ in range(80):
        shown = planner.scene()
        picture = paint(shown, stock.icons, stock.lookup)
        assert picture.shape == (128, 128, 3)
        assert picture.dtype == np.uint8


def test_when_everything_is_planned_then_shares_sum_to_one(stock):
    singles = dict.fromkeys(STYLES, (3, 1))
    scenes = plan_all(stock, singles=singles, scenes=30)
    given = shares(scenes, stock)
    assert given.sum() == pytest.approx(1.0)
    apples = [scene.items[0].concept == 0 for scene in scenes]
    assert given[apples].sum() > 0
    assert (given >= 0).all()


def test_when_pairs_are_held_out_then_they_are_few_and_never_3d():
    codes = [f"1f{number:03x}" for number in range(600)]
    assert not any(is_held_out(code, 0) for code in codes)
    share = np.mean([is_held_out(code, 1) for code in codes])
    assert 0.02 < share < 0.09
