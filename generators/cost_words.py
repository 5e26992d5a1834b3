"""Dollars as the operator reads them: the price of one picture is a few cents."""

from decimal import Decimal

MICROS = 1_000_000
UNKNOWN = "-"


def usd_words(micros: int | None) -> str:
    """Return an amount as "$0.0530"; a dash where none is known."""
    if micros is None:
        return UNKNOWN
    return f"${Decimal(micros) / MICROS:,.4f}"
