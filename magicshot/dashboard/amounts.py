"""Figures as the page writes them."""

from decimal import Decimal
from typing import Final

from generators.cost_words import MICROS, usd_words

_SUFFIXES: Final = ((10**9, "B"), (10**6, "M"), (10**3, "k"))
_UNITS: Final = ((10**12, "TB"), (10**9, "GB"), (10**6, "MB"), (10**3, "kB"))


def whole(number: float) -> str:
    """Return a whole number with its thousands apart: ``12,345``."""
    return f"{round(number):,}"


def short(number: float) -> str:
    """Return a number for a scale: ``0.5``, ``200``, ``1.2k``, ``4M``."""
    for size, suffix in _SUFFIXES:
        if number >= size:
            return f"{number / size:.3g}{suffix}"
    return f"{number:g}"


def dollars(micros: float) -> str:
    """Return an amount of dollars: in cents, or finer below a dollar."""
    if 0 < micros < MICROS:
        return usd_words(round(micros))
    return f"${Decimal(round(micros)) / MICROS:,.2f}"


def short_dollars(micros: float) -> str:
    """Return an amount of dollars for a scale: ``$0.05``, ``$40``, ``$1.2k``."""
    return f"${short(micros / MICROS)}"


def seconds(number: float) -> str:
    """Return a time as people say it: ``0.4 s``, ``12 s``, ``3 min``, ``2.5 h``."""
    if number < 9.95:
        return f"{number:.1f} s"
    if number < 99.5:
        return f"{number:.0f} s"
    if number < 99.5 * 60:
        return f"{number / 60:.0f} min"
    return f"{number / 3600:.1f} h"


def size(num_bytes: int) -> str:
    """Return a size in units of a thousand, as quotas count: ``1.4 GB``."""
    for unit, suffix in _UNITS:
        if num_bytes >= unit:
            return f"{num_bytes / unit:.1f} {suffix}"
    return f"{num_bytes} bytes"


def counted(number: int, thing: str) -> str:
    """Return so many of a thing: ``1 picture``, ``1,200 pictures``."""
    return f"{number:,} {thing}{'s' * (number != 1)}"
