"""Decide at random what each training picture shows."""

from __future__ import annotations

import dataclasses
import itertools
from collections import Counter
from collections.abc import Mapping
from typing import Literal

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


class Planner:
    """Plans scenes from the drawings of a stock; ``weights`` is how likely each concept
    is in a composed scene, (concepts,)."""

    def __init__(
        self, rng: np.random.Generator, stock: Stock, weights: np.ndarray
    ) -> None:
        self.rng, self.stock, self.weights = rng, stock, weights

    def single(self, concept: int, style: int, *, white: float) -> Scene:
        """Show one drawing large in the middle; ``white`` is the chance of white."""
        item = dataclasses.replace(
            self._item(concept, style, size=116, place=(64, 64)), flip=False
        )
        background = self._plain(style, white=white)
        return Scene(layout="single", background=background, items=(item,))

    def scene(self) -> Scene:
        """Compose one scene of a random layout."""
        style = int(self.rng.choice(len(STYLES), p=STYLE_SHARE))
        layout: Layout | Literal["backdrop"] = self.rng.choice(
            ["backdrop", "corner", "count", "beside", "above", "trio"],
            p=[0.30, 0.08, 0.17, 0.25, 0.12, 0.08],
        )
        if layout == "backdrop":
            return self._backdrop(style)
        items, place = {
            "corner": self._corner,
            "count": self._count,
            "beside": self._beside,
            "above": self._above,
            "trio": self._trio,
        }[layout](style)
        background = self._plain(style, white=0.65)
        return Scene(layout=layout, background=background, items=items, place=place)

    def _corner(self, style: int) -> tuple[tuple[Item, ...], str]:
        place = str(self.rng.choice(list(CORNERS)))
        (concept,) = self._concepts(style, 1)
        item = self._item(concept, style, size=52, place=CORNERS[place])
        return (dataclasses.replace(item, size_word="small"),), place

    def _count(self, style: int) -> tuple[tuple[Item, ...], str]:
        many = int(self.rng.choice([2, 3, 4, 5, 6], p=[0.35, 0.3, 0.18, 0.09, 0.08]))
        size, centres = COUNTS[many]
        (concept,) = self._concepts(style, 1)
        first = self._item(concept, style, size=size, place=centres[0])
        return tuple(dataclasses.replace(first, x=x, y=y) for x, y in centres), ""

    def _trio(self, style: int) -> tuple[tuple[Item, ...], str]:
        return self._several(style, size=58, places=((33, 38), (95, 38), (64, 94))), ""

    def _above(self, style: int) -> tuple[tuple[Item, ...], str]:
        return self._several(style, size=62, places=((64, 33), (64, 95))), ""

    def _beside(self, style: int) -> tuple[tuple[Item, ...], str]:
        if self.rng.random() < 0.75:
            return self._several(style, size=62, places=((33, 64), (95, 64))), ""
        sizes = [(40, "small"), (80, "big")]
        if self.rng.random() < 0.5:
            sizes.reverse()
        (left, left_word), (right, right_word) = sizes
        one, other = self._concepts(style, 2)
        first = self._item(one, style, size=left, place=(left // 2 + 2, 64))
        second = self._item(other, style, size=right, place=(126 - right // 2, 64))
        return (
            dataclasses.replace(first, size_word=left_word),
            dataclasses.replace(second, size_word=right_word),
        ), ""

    def _backdrop(self, style: int) -> Scene:
        """Stand one or two things in a landscape."""
        style = 0 if STYLES[style] == "line" else style
        name = str(self.rng.choice(BACKDROPS))
        floating = name in ("space", "underwater")
        if self.rng.random() < 0.65:
            size = int(self.rng.integers(74, 90))
            y = 64 if floating else GROUND_Y + 6 - size // 2
            items = self._several(style, size=size, places=((64, y),))
            return Scene(layout="single", background=name, items=items)
        y = 64 if floating else GROUND_Y + 4 - 29
        items = self._several(style, size=58, places=((33, y), (95, y)))
        return Scene(layout="beside", background=name, items=items)

    def _several(
        self, style: int, *, size: int, places: tuple[tuple[int, int], ...]
    ) -> tuple[Item, ...]:
        return tuple(
            self._item(concept, style, size=size, place=place)
            for concept, place in zip(
                self._concepts(style, len(places)), places, strict=True
            )
        )

    def _item(
        self, concept: int, style: int, *, size: int, place: tuple[int, int]
    ) -> Item:
        return Item(
            concept=concept,
            style=style,
            x=place[0],
            y=place[1],
            size=size,
            flip=bool(self.rng.random() < 0.3),
            colour=self._colour(concept, style),
        )

    def _concepts(self, style: int, many: int) -> list[int]:
        ids = self.stock.by_style[style]
        share = self.weights[ids] / self.weights[ids].sum()
        chosen: list[int] = self.rng.choice(
            ids, size=many, replace=False, p=share
        ).tolist()
        return chosen

    def _colour(self, concept: int, style: int) -> str:
        """Pick a colour word for things that may change colour, else none."""
        may = self.stock.icons.concepts[concept].label in RECOLOUR
        chance = 0.25 if STYLES[style] == "line" else 0.5 * may
        return str(self.rng.choice(list(HUES))) if self.rng.random() < chance else ""

    def _plain(self, style: int, *, white: float) -> str:
        """Pick a plain background; black lines would vanish on black."""
        if self.rng.random() < white:
            return "white"
        hidden = {"white", "black"} if STYLES[style] == "line" else {"white"}
        return str(self.rng.choice([name for name in PLAIN if name not in hidden]))


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
    popular = popularity(stock)
    rng = np.random.default_rng(seed)
    planner = Planner(rng, stock, np.where(popular, 40.0, 1.0))
    plans = []
    for style, ids in enumerate(stock.by_style):
        often, seldom = singles[STYLES[style]]
        for concept in ids.tolist():
            for turn in range(often if popular[concept] else seldom):
                white = 1.0 if turn == 0 else 0.65
                plans.append(planner.single(concept, style, white=white))
    plans.extend(planner.scene() for _ in range(scenes))
    return plans


def _rate(stock: Stock, concept: int, style: int, *, popular: bool) -> float:
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
            rates[index] = (
                _rate(stock, concept, style, popular=known) / alone[concept, style]
            )
        else:
            rates[index] = float(known)
    for chosen, share in ((is_alone, 1.0 - composed), (~is_alone, composed)):
        rates[chosen] *= share / max(rates[chosen].sum(), 1e-9)
    total: np.ndarray = rates / rates.sum()
    return total
