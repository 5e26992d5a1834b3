"""Decide at random what each training picture shows."""

from __future__ import annotations

import dataclasses
import itertools
from collections import Counter
from collections.abc import Mapping

import numpy as np

from training.concepts import POPULAR, plain
from training.prepare import STYLES, Icons
from training.scenes import (
    BACKDROPS,
    GROUND_Y,
    HUES,
    PLAIN,
    RECOLOUR,
    Item,
    Layout,
    Scene,
    is_held_out,
)

STYLE_SHARE = (0.62, 0.15, 0.15, 0.08)
"""Share of each style in composed scenes; 3D is what an unstyled prompt gets."""

RATES = {"3d": 4.0, "other": 0.8, "seldom": 0.5}
"""How often a drawing alone is shown while the denoiser learns: of a popular concept in
3D, in another style, and of any other concept in 3D. The rest would take hours more."""
FIRST_PROMPT = "red apple"
"""What Magicshot's own example asks for; shown 4 times as often as other drawings."""

CORNERS = {
    "top left corner": (32, 32),
    "top right corner": (96, 32),
    "bottom left corner": (32, 96),
    "bottom right corner": (96, 96),
    "center": (64, 64),
}
COUNTS: dict[int, tuple[int, tuple[tuple[int, int], ...]]] = {
    2: (60, ((32, 64), (96, 64))),
    3: (56, ((64, 34), (32, 92), (96, 92))),
    4: (56, ((33, 33), (95, 33), (33, 95), (95, 95))),
    5: (46, ((26, 26), (102, 26), (64, 64), (26, 102), (102, 102))),
    6: (42, ((22, 40), (64, 40), (106, 40), (22, 88), (64, 88), (106, 88))),
}
"""How many: side of each drawing in pixels, and the centres."""


@dataclasses.dataclass(frozen=True, slots=True)
class Stock:
    """Which drawings may be used in training."""

    icons: Icons
    lookup: dict[tuple[int, int], int]
    by_style: tuple[np.ndarray, ...]
    """For each style the concept indices that may be trained on."""

    @classmethod
    def of(cls, icons: Icons, *, held_out: bool = False) -> Stock:
        """Collect the drawings; ``held_out`` keeps the unseen pairs in."""
        lookup: dict[tuple[int, int], int] = {}
        by_style: list[list[int]] = [[] for _ in STYLES]
        pairs = zip(icons.concept_of.tolist(), icons.style_of.tolist(), strict=True)
        for index, (concept, style) in enumerate(pairs):
            code = icons.concepts[concept].code
            if held_out or not is_held_out(code, style):
                lookup[concept, style] = index
                by_style[style].append(concept)
        return cls(icons, lookup, tuple(np.array(ids) for ids in by_style))


def _colour(rng: np.random.Generator, stock: Stock, concept: int, style: int) -> str:
    """Pick a colour word for things that may change colour, else none."""
    if STYLES[style] == "line":
        return str(rng.choice(list(HUES))) if rng.random() < 0.25 else ""
    label = stock.icons.concepts[concept].label
    if label in RECOLOUR and rng.random() < 0.5:
        return str(rng.choice(list(HUES)))
    return ""


def _plain(rng: np.random.Generator, style: int, *, white: float) -> str:
    """Pick a plain background; black lines would vanish on black."""
    if rng.random() < white:
        return "white"
    names = [
        n for n in PLAIN if n != "white" and (STYLES[style] != "line" or n != "black")
    ]
    return str(rng.choice(names))


def plan_single(
    rng: np.random.Generator, stock: Stock, concept: int, style: int, *, white: float
) -> Scene:
    """Show one drawing large in the middle, usually on white."""
    item = Item(
        concept=concept,
        style=style,
        x=64,
        y=64,
        size=116,
        colour=_colour(rng, stock, concept, style),
    )
    background = _plain(rng, style, white=white)
    return Scene(layout="single", background=background, items=(item,))


def _item(
    rng: np.random.Generator,
    stock: Stock,
    concept: int,
    style: int,
    x: int,
    y: int,
    size: int,
    size_word: str = "",
) -> Item:
    return Item(
        concept=concept,
        style=style,
        x=x,
        y=y,
        size=size,
        flip=bool(rng.random() < 0.3),
        colour=_colour(rng, stock, concept, style),
        size_word=size_word,
    )


def _pick_style(rng: np.random.Generator) -> int:
    return int(rng.choice(len(STYLES), p=STYLE_SHARE))


def _pick_concepts(
    rng: np.random.Generator, stock: Stock, style: int, many: int, weights: np.ndarray
) -> list[int]:
    ids = stock.by_style[style]
    share = weights[ids] / weights[ids].sum()
    return [int(c) for c in rng.choice(ids, size=many, replace=False, p=share)]


def plan_scene(rng: np.random.Generator, stock: Stock, weights: np.ndarray) -> Scene:
    """Compose one scene of a random layout."""
    layout = rng.choice(
        ["backdrop", "corner", "count", "beside", "above", "trio"],
        p=[0.30, 0.08, 0.17, 0.25, 0.12, 0.08],
    )
    style = _pick_style(rng)
    if layout == "backdrop":
        return _plan_backdrop(rng, stock, style, weights)
    background = _plain(rng, style, white=0.65)
    if layout == "corner":
        (concept,) = _pick_concepts(rng, stock, style, 1, weights)
        place = str(rng.choice(list(CORNERS)))
        x, y = CORNERS[place]
        item = _item(rng, stock, concept, style, x, y, 52, "small")
        return Scene(layout="corner", background=background, items=(item,), place=place)
    if layout == "count":
        (concept,) = _pick_concepts(rng, stock, style, 1, weights)
        many = int(rng.choice([2, 3, 4, 5, 6], p=[0.35, 0.3, 0.18, 0.09, 0.08]))
        size, centres = COUNTS[many]
        first = _item(rng, stock, concept, style, *centres[0], size)
        items = tuple(dataclasses.replace(first, x=x, y=y) for x, y in centres)
        return Scene(layout="count", background=background, items=items)
    if layout == "trio":
        concepts = _pick_concepts(rng, stock, style, 3, weights)
        centres = ((33, 38), (95, 38), (64, 94))
        items = tuple(
            _item(rng, stock, concept, style, x, y, 58)
            for concept, (x, y) in zip(concepts, centres, strict=True)
        )
        return Scene(layout="trio", background=background, items=items)
    first_id, second_id = _pick_concepts(rng, stock, style, 2, weights)
    sizes, words = (62, 62), ("", "")
    if layout == "beside" and rng.random() < 0.25:
        sizes, words = ((40, 80), ("small", "big"))
        if rng.random() < 0.5:
            sizes, words = sizes[::-1], words[::-1]
    if layout == "beside":
        places = ((sizes[0] // 2 + 2, 64), (126 - sizes[1] // 2, 64))
    else:
        places = ((64, 33), (64, 95))
    items = tuple(
        _item(rng, stock, concept, style, *place, size, word)
        for concept, place, size, word in zip(
            (first_id, second_id), places, sizes, words, strict=True
        )
    )
    kind: Layout = "beside" if layout == "beside" else "above"
    return Scene(layout=kind, background=background, items=items)


def _plan_backdrop(
    rng: np.random.Generator, stock: Stock, style: int, weights: np.ndarray
) -> Scene:
    """Stand one or two things in a landscape."""
    style = 0 if STYLES[style] == "line" else style
    name = str(rng.choice(BACKDROPS))
    floating = name in ("space", "underwater")
    if rng.random() < 0.65:
        (concept,) = _pick_concepts(rng, stock, style, 1, weights)
        size = int(rng.integers(74, 90))
        y = 64 if floating else GROUND_Y + 6 - size // 2
        item = _item(rng, stock, concept, style, 64, y, size)
        return Scene(layout="single", background=name, items=(item,))
    pair = _pick_concepts(rng, stock, style, 2, weights)
    y = 64 if floating else GROUND_Y + 4 - 29
    items = tuple(
        _item(rng, stock, concept, style, x, y, 58)
        for concept, x in zip(pair, (33, 95), strict=True)
    )
    return Scene(layout="beside", background=name, items=items)


def popularity(stock: Stock) -> np.ndarray:
    """Say for each concept whether people often ask for it; bool, (concepts,)."""
    popular = {plain(label).lower() for label in POPULAR}
    return np.array([concept.label in popular for concept in stock.icons.concepts])


def plan_all(
    stock: Stock, *, singles: Mapping[str, tuple[int, int]], scenes: int, seed: int = 7
) -> list[Scene]:
    """Plan the whole training set: each pair several times alone, and the scenes.

    ``singles`` says for each style how often a popular and any other concept is painted
    alone. Popular concepts are 40 times as likely in scenes.
    """
    rng = np.random.default_rng(seed)
    popular = popularity(stock)
    plans = []
    for style, ids in enumerate(stock.by_style):
        often, seldom = singles[STYLES[style]]
        for concept in ids.tolist():
            for turn in range(often if popular[concept] else seldom):
                white = 1.0 if turn == 0 else 0.65
                plans.append(plan_single(rng, stock, concept, style, white=white))
    weights = np.where(popular, 40.0, 1.0)
    plans.extend(plan_scene(rng, stock, weights) for _ in range(scenes))
    return plans


def _rate(stock: Stock, concept: int, style: int, popular: bool) -> float:
    """Say how often one drawing alone is shown."""
    if not popular:
        return RATES["seldom"] if style == 0 else 0.0
    rate = RATES["3d"] if style == 0 else RATES["other"]
    first = stock.icons.concepts[concept].label == FIRST_PROMPT
    return 4.0 * rate if first else rate


def shares(scenes: list[Scene], stock: Stock, *, composed: float = 0.25) -> np.ndarray:
    """Give how often each picture is shown in training; sums to 1, shape (N,).

    ``composed`` is the share of composed scenes, which show popular concepts only; how
    often single drawings are shown is in ``RATES``.
    """
    popular = popularity(stock)
    rates = np.zeros(len(scenes))
    alone: Counter[tuple[int, int]] = Counter()
    is_alone = np.array(
        [scene.layout == "single" and scene.background in PLAIN for scene in scenes]
    )
    for scene in itertools.compress(scenes, is_alone):
        alone[scene.items[0].concept, scene.items[0].style] += 1
    for index, scene in enumerate(scenes):
        concept, style = scene.items[0].concept, scene.items[0].style
        known = all(popular[item.concept] for item in scene.items)
        if is_alone[index]:
            rates[index] = _rate(stock, concept, style, known) / alone[concept, style]
        else:
            rates[index] = float(known)
    for chosen, share in ((is_alone, 1.0 - composed), (~is_alone, composed)):
        rates[chosen] *= share / max(rates[chosen].sum(), 1e-9)
    total: np.ndarray = rates / rates.sum()
    return total
