"""The loss of an optimisation, as a curve on the page of its picture."""

import math
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Final

WIDTH: Final = 100
HEIGHT: Final = 36
_SHOWN: Final = 0.001


@dataclass(frozen=True, slots=True, kw_only=True)
class LossCurve:
    """What an SVG of ``WIDTH`` x ``HEIGHT`` draws: points from left to right.

    ``highest`` and ``lowest`` are the losses at the upper and the lower edge.
    """

    points: str
    num_steps: int
    first: str
    highest: str
    lowest: str


def loss_curve(losses: Sequence[float]) -> LossCurve | None:
    """Return the curve of losses in logarithms, ``None`` where there is none to draw.

    The first loss is that before any step. There must be two, all above 0.
    """
    if len(losses) < 2 or min(losses) <= 0:
        return None
    logs = [math.log(each) for each in losses]
    low, height = min(logs), (max(logs) - min(logs)) or 1
    points = (
        f"{WIDTH * step / (len(logs) - 1):.2f},{HEIGHT * (1 - (log - low) / height):.2f}"
        for step, log in enumerate(logs)
    )
    return LossCurve(
        points=" ".join(points),
        num_steps=len(losses) - 1,
        first=_short(losses[0]),
        highest=_short(max(losses)),
        lowest=_short(min(losses)),
    )


def _short(loss: float) -> str:
    if loss >= 10:
        return f"{loss:.0f}"
    return f"{loss:.2g}" if loss >= _SHOWN else f"under {_SHOWN}"
