"""Sizes as the shapes that people choose, and what a shape is at another model.

A model with many sizes draws each ratio in several resolutions. Then a shape is chosen
by its ratio, and the resolution beside it, as megapixels.
"""

import itertools
import math
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from typing import Final

from generators.capabilities import Capabilities, Size

MAX_CHIP_SIDE: Final = 18
COMMON_RATIOS: Final = ("1:1", "5:4", "4:3", "3:2", "16:9", "2:1", "21:9", "3:1")
ALIKE: Final = 0.04
"""A size so near to a common ratio is called by it: models round to steps of pixels."""
MOST_PLAIN_SIZES: Final = 10
"""More sizes than that are told apart by ratio and resolution."""

_MEGAPIXEL: Final = 1024 * 1024


@dataclass(frozen=True, slots=True, kw_only=True)
class Shape:
    """One size drawn as a shape: ``drawn_width`` by ``drawn_height`` of 24 pixels.

    ``sizes`` are what each chosen model draws for it, in their order.
    """

    size: Size
    label: str
    is_chosen: bool
    sizes: tuple[Size, ...] = ()

    @property
    def all_sizes(self) -> str:
        """Return what each chosen model draws, with spaces between."""
        return " ".join(str(each) for each in self.sizes or (self.size,))

    @property
    def drawn_width(self) -> float:
        """Return the width of its drawing, in pixels."""
        return self._scale * self.size.width

    @property
    def drawn_height(self) -> float:
        """Return the height of its drawing, in pixels."""
        return self._scale * self.size.height

    @property
    def left(self) -> float:
        """Return where its drawing starts from the left."""
        return 12 - self.drawn_width / 2

    @property
    def top(self) -> float:
        """Return where its drawing starts from the top."""
        return 12 - self.drawn_height / 2

    @property
    def _scale(self) -> float:
        return MAX_CHIP_SIDE / max(self.size.width, self.size.height)


@dataclass(frozen=True, slots=True, kw_only=True)
class Resolution:
    """One of the resolutions that a model with many sizes draws in."""

    key: str
    is_usual: bool

    @property
    def label(self) -> str:
        """Return it as people read it."""
        plural = "" if float(self.key) <= 1 else "s"
        return f"About {self.key} megapixel{plural}"


def ratio_words(size: Size) -> str:
    """Return the ratio as people say it: ``16:9``, also for 1344 by 768."""
    wanted = max(size.width, size.height) / min(size.width, size.height)
    near = min(COMMON_RATIOS, key=lambda ratio: abs(_ratio(ratio) - wanted))
    divisor = math.gcd(size.width, size.height)
    width, height = size.width // divisor, size.height // divisor
    if abs(_ratio(near) / wanted - 1) > ALIKE and max(width, height) <= 21:
        return f"{width}:{height}"
    return near if size.width >= size.height else ":".join(reversed(near.split(":")))


def plain_sizes(able: Capabilities) -> list[Size]:
    """Return the sizes to choose from: one a ratio, where there are many."""
    if len(able.sizes) <= MOST_PLAIN_SIZES:
        return list(able.sizes)
    usual = able.usual_size() or able.sizes[0]
    of_ratio: dict[str, list[Size]] = {}
    for size in able.sizes:
        of_ratio.setdefault(ratio_words(size), []).append(size)
    return [
        min(sizes, key=lambda each: _area_apart(each, usual))
        for sizes in of_ratio.values()
    ]


def resolutions(able: Capabilities) -> list[Resolution]:
    """Return the resolutions of a model with many sizes, smallest first, or none."""
    usual = able.usual_size()
    if len(able.sizes) <= MOST_PLAIN_SIZES or usual is None:
        return []
    classes = sorted({_area_class(size) for size in able.sizes})
    found = [
        Resolution(key=f"{each:g}", is_usual=each == _area_class(usual))
        for each in classes
    ]
    return found if len(found) > 1 else []


def in_resolution(able: Capabilities, size: Size, key: str) -> Size:
    """Return a size's shape in another resolution, as near as the model has it."""
    wanted = next((each for each in resolutions(able) if each.key == key), None)
    if wanted is None:
        return size
    area = float(wanted.key) * _MEGAPIXEL
    alike = [each for each in able.sizes if ratio_words(each) == ratio_words(size)]
    near = [each for each in alike if _area_class(each) == float(wanted.key)]
    if near:
        return near[0]
    if (scaled := _scaled(able, size, area)) is not None:
        return scaled
    return min(alike or [size], key=lambda each: abs(math.log(_area(each) / area)))


def nearest(able: Capabilities, size: Size) -> Size:
    """Return the size a model draws that looks most like another: by ratio, then area."""
    if able.takes(size) or not able.sizes:
        return size
    wanted = _log_ratio(size)

    def distance(each: Size) -> tuple[float, float]:
        return round(abs(_log_ratio(each) - wanted), 2), _area_apart(each, size)

    return min(able.sizes, key=distance)


def labels(sizes: Sequence[Size]) -> Iterator[str]:
    """Name each of these sizes: by its ratio, or by its width where ratios repeat."""
    ratios = [ratio_words(size) for size in sizes]
    for size, ratio in zip(sizes, ratios, strict=True):
        yield ratio if ratios.count(ratio) == 1 else f"{size.width}"


def is_other_ratio(size: Size, other: Size) -> bool:
    """Say whether two sizes look different side by side."""
    return abs(_log_ratio(size) - _log_ratio(other)) > 0.08


def _scaled(able: Capabilities, size: Size, area: float) -> Size | None:
    """Return the same ratio at another area, where the model takes free sizes."""
    limits = able.size_range
    if limits is None:
        return None
    factor = math.sqrt(area / _area(size))
    sides = (size.width * factor, size.height * factor)
    for width, height in itertools.product(*(_steps(s, limits.step) for s in sides)):
        if limits.allows(fitting := Size(width=width, height=height)):
            return fitting
    return None


def _steps(side: float, step: int) -> tuple[int, int]:
    """Return the multiples of a step around a side, the nearer one first."""
    near = round(side / step) * step
    return (near, near - step)


def _area_apart(size: Size, other: Size) -> float:
    return abs(math.log(_area(size) / _area(other)))


def _area_class(size: Size) -> float:
    """Return the power of two of megapixels that is nearest: 0.25, 0.5, 1, 2, 4."""
    return float(2.0 ** round(math.log2(_area(size) / _MEGAPIXEL)))


def _area(size: Size) -> int:
    return size.width * size.height


def _log_ratio(size: Size) -> float:
    return math.log(size.width / size.height)


def _ratio(words: str) -> float:
    long, short = words.split(":")
    return int(long) / int(short)
