"""Reads values as people type them: whole numbers, decimals, sizes.

Each reader answers ``None`` for what it does not know, whatever that is.
"""

import math
import re
import unicodedata
from typing import Final

from generators.capabilities import Size

_WHOLE_NUMBER: Final = re.compile(r"[+-]?[0-9]{1,20}")
_NUMBER: Final = re.compile(r"[+-]?([0-9]{1,20}(\.[0-9]{0,20})?|\.[0-9]{1,20})")
_SIZE: Final = re.compile(r"([0-9]{1,6}) ?[xX×] ?([0-9]{1,6})")  # noqa: RUF001 (the sign people type)
_MAX_SHOWN = 40


def is_blank(value: object) -> bool:
    """Say whether nothing was typed."""
    return value is None or (isinstance(value, str) and not value.strip())


def is_invisible(text: str) -> bool:
    """Say whether a text shows nothing: spaces, zero width and control characters."""
    return all(
        char.isspace() or unicodedata.category(char) in ("Cc", "Cf") for char in text
    )


def whole_number(value: object) -> int | None:
    """Read a whole number: an int, a float without fraction, or plain digits."""
    if isinstance(value, str) and _WHOLE_NUMBER.fullmatch(value.strip()):
        return int(value)
    if isinstance(value, float) and math.isfinite(value) and value.is_integer():
        return int(value)
    if isinstance(value, int) and not isinstance(value, bool):
        return value
    return None


def decimal_number(value: object) -> float | None:
    """Read a plain decimal number; ``1e9``, ``0x10``, ``nan`` and the like are none."""
    if isinstance(value, str) and _NUMBER.fullmatch(value.strip()):
        return float(value)
    if isinstance(value, float) and math.isfinite(value):
        return value
    whole = whole_number(value)
    return float(whole) if whole is not None and abs(whole) < 10**20 else None


def read_size(value: object) -> Size | None:
    """Read a size: ``"512x768"``, a ``Size``, or a pair of whole numbers."""
    if isinstance(value, Size):
        return value
    if isinstance(value, str):
        match = _SIZE.fullmatch(value.strip())
        return Size(width=int(match[1]), height=int(match[2])) if match else None
    if isinstance(value, tuple | list) and len(value) == 2:
        width, height = value
        if all(isinstance(n, int) and not isinstance(n, bool) for n in value):
            return Size(width=width, height=height)
    return None


def shown(value: object) -> str:
    """Quote what was given, short and free of characters that cannot be written."""
    is_short = isinstance(value, int) and value.bit_length() < 200
    if not (is_short or isinstance(value, str | float)):
        return "What was given"
    text = str(value)
    text = "".join(char if char.isprintable() else "�" for char in text[:_MAX_SHOWN])
    return f"“{text}”"
