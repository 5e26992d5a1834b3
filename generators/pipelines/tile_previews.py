"""Small pictures of a picture that is worked on tile by tile: what is done lights up."""

import io
import time

from PIL import Image

_LONGER_SIDE = 256
_PREVIEW_SECONDS = 0.33  # as often as they are shown
_DIMMED = 0.4


class TileSketcher:
    """Keeps a small copy of an RGB picture; tiles that are done take their place in it."""

    def __init__(self, picture: Image.Image) -> None:
        self._scale = min(1.0, _LONGER_SIDE / max(picture.size))
        width, height = (max(1, round(side * self._scale)) for side in picture.size)
        small = picture.resize((width, height), Image.Resampling.BOX)
        self._sketch = small.point(lambda level: int(level * _DIMMED))
        self._due_at = 0.0  # the first one at once

    def after_tile(
        self, made: Image.Image, corners: tuple[int, int, int, int]
    ) -> bytes:
        """Put a tile where it belongs; return a small WebP now and then, else nothing.

        ``corners`` are its left, upper, right and lower edge in the start picture.
        """
        left, upper, right, lower = (round(each * self._scale) for each in corners)
        if right > left and lower > upper:
            tile = made.resize((right - left, lower - upper), Image.Resampling.BOX)
            self._sketch.paste(tile, (left, upper))
        now = time.monotonic()
        if now < self._due_at:
            return b""
        self._due_at = now + _PREVIEW_SECONDS
        out = io.BytesIO()
        self._sketch.save(out, "WEBP", quality=70, method=0)
        return out.getvalue()
