"""What is left of a price when the provider is paid: for staff alone.

A credit is worth ``CREDIT_USD``. Where that is not known, or no cost is, there is none.
"""

from dataclasses import dataclass
from decimal import Decimal, InvalidOperation
from fractions import Fraction
from typing import Final

from django.conf import settings

from generators.cost_words import MICROS, UNKNOWN, usd_words

LEAST_USD: Final = Decimal("0.000001")
MOST_USD: Final = Decimal(10_000)


@dataclass(frozen=True, slots=True, kw_only=True)
class Margin:
    """What credits are worth beside what they cost the operator, both in dollars."""

    worth: Fraction
    cost: Fraction

    @property
    def percent(self) -> int | None:
        """Return how much of the worth is left, rounded down; ``None`` of nothing."""
        if not self.worth:
            return None
        return int((self.worth - self.cost) * 100 // self.worth)

    @property
    def is_loss(self) -> bool:
        """Say whether it costs more than it is worth."""
        return self.cost > self.worth

    @property
    def words(self) -> str:
        """Return it as people read it: ``12 %``, ``loss 20 %``, ``all a loss`` if free."""
        if not self.is_loss:
            return UNKNOWN if self.percent is None else f"{self.percent} %"
        return "all a loss" if self.percent is None else f"loss {-self.percent} %"


def credit_usd() -> Fraction | None:
    """Return what a credit is worth in dollars, if the operator said so."""
    try:
        amount = Decimal(settings.CREDIT_USD or "NaN")
    except InvalidOperation:
        return None
    is_sensible = amount.is_finite() and LEAST_USD <= amount <= MOST_USD
    return Fraction(amount) if is_sensible else None


def margin_of(credits: int, usd: Fraction | None) -> Margin | None:
    """Return what is left of credits that cost the operator so many dollars."""
    each = credit_usd()
    if each is None or usd is None:
        return None
    return Margin(worth=credits * each, cost=usd)


def worth_words(credits: int) -> str:
    """Return what credits are worth in dollars; a dash where that is not known."""
    each = credit_usd()
    return usd_words(None if each is None else round(credits * each * MICROS))
