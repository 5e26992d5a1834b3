"""The loss of an optimisation, drawn onto its previews as it falls."""

import math
from collections.abc import Sequence
from typing import Final

from PIL import Image, ImageDraw

_BAND: Final = 0.3  # of the height
_DIMMED: Final = 0.35
_INK: Final = (255, 255, 255)
_LEAST: Final = 1e-9


def with_loss_curve(
    picture: Image.Image, losses: Sequence[float], *, steps: int
) -> Image.Image:
    """Return a small RGB picture with the losses so far in a dark band at its head.

    Drawn in logarithms, so that each tenth part is as high as the last; the band is
    as wide as all ``steps``. ``losses`` are 0 or more. The page's own words lie at the
    foot.
    """
    width, height = picture.size
    band = max(1, round(height * _BAND))
    shown = picture.copy()
    head = shown.crop((0, 0, width, band))
    shown.paste(head.point(lambda level: int(level * _DIMMED)), (0, 0))
    if len(losses) < 2:
        return shown
    logs = [math.log(max(each, _LEAST)) for each in losses]
    low, high = min(logs), max(logs)
    room = max(1, band - 5)
    points = [
        (
            step / max(1, steps - 1) * (width - 1),
            band - 3 - room * (value - low) / ((high - low) or 1),
        )
        for step, value in enumerate(logs)
    ]
    ImageDraw.Draw(shown).line(points, fill=_INK, width=2, joint="curve")
    return shown
