"""Parts of a picture that overlap, and how one fades into the next. No torch."""

import itertools
from dataclasses import dataclass

import numpy as np
import numpy.typing as npt

_OVERLAP_SHARE = 6  # neighbours share at least a sixth of a part's side


@dataclass(frozen=True, slots=True, kw_only=True)
class Tile:
    """A part of a picture, in pixels: right and lower are outside.

    ``fades`` are how many pixels of it also belong to its neighbour on the left, above,
    on the right and below.
    """

    left: int
    upper: int
    right: int
    lower: int
    fades: tuple[int, int, int, int] = (0, 0, 0, 0)

    @property
    def corners(self) -> tuple[int, int, int, int]:
        """Return it as Pillow takes it."""
        return self.left, self.upper, self.right, self.lower

    @property
    def slices(self) -> tuple[slice, slice]:
        """Return its rows and columns in an array of the picture."""
        return slice(self.upper, self.lower), slice(self.left, self.right)

    def fade(self) -> npt.NDArray[np.float32]:
        """Return how much each of its pixels counts, 0..1: less towards neighbours."""
        left, upper, right, lower = self.fades
        rows = _ramp(self.lower - self.upper, upper, lower)
        columns = _ramp(self.right - self.left, left, right)
        return np.outer(rows, columns)


def overlapping_tiles(size: tuple[int, int], side: int) -> list[Tile]:
    """Divide a picture into parts of at most ``side`` x ``side`` pixels, row by row.

    Parts are as even as can be. A picture that is no larger is one part.
    """
    columns, rows = (_spans(length, side) for length in size)
    return [
        Tile(
            left=left,
            upper=upper,
            right=right,
            lower=lower,
            fades=(fade_left, fade_upper, fade_right, fade_lower),
        )
        for upper, lower, fade_upper, fade_lower in rows
        for left, right, fade_left, fade_right in columns
    ]


def _spans(length: int, side: int) -> list[tuple[int, int, int, int]]:
    """Return start, end, and the pixels shared before and after, of each span."""
    if length <= side:
        return [(0, length, 0, 0)]
    overlap = side // _OVERLAP_SHARE
    count = 1 + -(-(length - side) // (side - overlap))
    starts = [round((length - side) * k / (count - 1)) for k in range(count)]
    shared = [before + side - after for before, after in itertools.pairwise(starts)]
    return [
        (start, start + side, before, after)
        for start, before, after in zip(starts, [0, *shared], [*shared, 0], strict=True)
    ]


def _ramp(length: int, before: int, after: int) -> npt.NDArray[np.float32]:
    """Return 1 everywhere, but rising over ``before`` and falling over ``after``."""
    ramp = np.ones(length, np.float32)
    ramp[:before] *= (np.arange(before, dtype=np.float32) + 0.5) / max(before, 1)
    ramp[length - after :] *= (np.arange(after, 0, -1, dtype=np.float32) - 0.5) / max(
        after, 1
    )
    return ramp
