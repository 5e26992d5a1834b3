"""Bars that the server draws: the geometry of an SVG, and the same as a table.

The SVG is stretched to the room it has, so nothing in it may be round or be text: names
and scale stand beside it in HTML. Colours are classes, see ``static/css/graph.css``.
"""

import math
from collections.abc import Callable, Sequence
from dataclasses import dataclass, replace
from typing import Final

SLOT: Final = 10
BAR: Final = 7
HEIGHT: Final = 100
NAMES: Final = 6
"""How many of the slots have their names below them."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Series:
    """The values of one colour, one a slot; ``tone`` ends the name of its class."""

    tone: str
    label: str
    values: Sequence[float]


@dataclass(frozen=True, slots=True, kw_only=True)
class Shape:
    """All bars of one series, as the data of a path."""

    tone: str
    path: str


@dataclass(frozen=True, slots=True, kw_only=True)
class Legend:
    """What a colour means, and its sum in words."""

    tone: str
    label: str
    words: str


@dataclass(frozen=True, slots=True, kw_only=True)
class Column:
    """One slot: where it lies, what is told of it, its name if it is shown, its cells."""

    x: int
    words: str
    name: str
    is_named: bool
    cells: Sequence[str]


@dataclass(frozen=True, slots=True, kw_only=True)
class Chart:
    """Stacked bars, one a slot, as a template draws them."""

    title: str
    summary: str
    width: int
    shapes: Sequence[Shape]
    columns: Sequence[Column]
    scale: Sequence[str]
    legend: Sequence[Legend]
    slot_title: str

    @property
    def is_empty(self) -> bool:
        """Say whether there is nothing to draw."""
        return not any(shape.path for shape in self.shapes)

    @property
    def height(self) -> int:
        """Return the height of the drawing, in its own units."""
        return HEIGHT

    @property
    def slot(self) -> int:
        """Return the width of a slot, in the drawing's units."""
        return SLOT

    @property
    def grid(self) -> str:
        """Return the lines of the scale as the data of a path."""
        return "".join(f"M0 {y}H{self.width}" for y in (0, HEIGHT // 2, HEIGHT))


def stacked(
    title: str,
    names: Sequence[str],
    series: Sequence[Series],
    *,
    written: Callable[[float], str],
    scaled: Callable[[float], str],
    slot_title: str,
) -> Chart:
    """Draw one bar a slot, the first series at its foot.

    ``written`` writes a value as people read it, ``scaled`` one of the scale. A series
    without any value is left out.
    """
    series = [each for each in series if any(each.values)] or list(series[:1])
    sums = [sum(values) for values in zip(*(s.values for s in series), strict=True)]
    top = nice_top(max(sums, default=0))
    totals = [written(sum(each.values)) for each in series]
    told = ", ".join(
        f"{total} {each.label.lower()}"
        for total, each in zip(totals, series, strict=True)
    )
    return Chart(
        title=title,
        summary=f"{title}: {told}.",
        width=SLOT * len(names),
        shapes=_shapes(series, top),
        columns=_columns(names, series, written),
        scale=[scaled(top), scaled(top / 2), scaled(0)],
        legend=[
            Legend(tone=each.tone, label=each.label, words=total)
            for total, each in zip(totals, series, strict=True)
        ],
        slot_title=slot_title,
    )


def nice_top(highest: float) -> float:
    """Return a round number not below the highest value, whose half is whole too."""
    if highest <= 2:
        return 2
    power = 10.0 ** math.floor(math.log10(highest))
    step = next(each for each in (1, 2, 4, 6, 8, 10) if each * power >= highest)
    return step * power


def _shapes(series: Sequence[Series], top: float) -> list[Shape]:
    feet = [0.0] * len(series[0].values)
    shapes = []
    for each in series:
        bars = []
        for place, value in enumerate(each.values):
            if value > 0:
                high = value / top * HEIGHT
                x = place * SLOT + (SLOT - BAR) / 2
                y = HEIGHT - feet[place] - high
                bars.append(f"M{x:g} {y:.2f}h{BAR}v{high:.2f}h-{BAR}z")
                feet[place] += high
        shapes.append(Shape(tone=each.tone, path="".join(bars)))
    return shapes


def _columns(
    names: Sequence[str], series: Sequence[Series], written: Callable[[float], str]
) -> list[Column]:
    every = max(1, math.ceil(len(names) / NAMES))
    columns = []
    for place, name in enumerate(names):
        cells = [written(each.values[place]) for each in series]
        told = [
            f"{cell} {each.label.lower()}"
            for cell, each in zip(cells, series, strict=True)
            if each.values[place]
        ]
        columns.append(
            Column(
                x=place * SLOT,
                words=f"{name}: {', '.join(told) or 'nothing'}",
                name=name,
                is_named=(len(names) - 1 - place) % every == 0,
                cells=cells,
            )
        )
    return columns


@dataclass(frozen=True, slots=True, kw_only=True)
class Bar:
    """One line of a list: its name, perhaps with an address, and its value in words.

    ``percent`` is its length, of the longest line's.
    """

    name: str
    value: float
    words: str
    note: str = ""
    address: str = ""
    percent: float = 0


def measured(bars: Sequence[Bar]) -> list[Bar]:
    """Give each line its length."""
    longest = max((bar.value for bar in bars), default=0) or 1
    return [replace(bar, percent=round(100 * bar.value / longest, 1)) for bar in bars]
