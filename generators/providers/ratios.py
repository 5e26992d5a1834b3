"""From a size in pixels to the ratio a service takes instead."""

import math
from collections.abc import Iterable


def nearest(width: int, height: int, allowed: Iterable[str]) -> str:
    """Return the ratio, as ``16:9``, that is nearest to a size, among those allowed."""
    wanted = math.log(width / height)
    return min(allowed, key=lambda ratio: abs(math.log(_quotient(ratio)) - wanted))


def _quotient(ratio: str) -> float:
    width, _, height = ratio.partition(":")
    return int(width) / int(height)
