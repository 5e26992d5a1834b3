"""What things cost together: with a promotion taken off, and tax put on."""

from collections.abc import Iterable
from dataclasses import dataclass

from tests.fakes.stripe.store import Document


@dataclass(frozen=True, kw_only=True)
class Amounts:
    """Amounts in a currency's smallest unit; ``tax`` comes on top."""

    subtotal: int
    discount: int = 0
    tax: int = 0

    @property
    def total(self) -> int:
        return self.subtotal - self.discount + self.tax

    @property
    def details(self) -> Document:
        """Return the ``total_details`` of a checkout session."""
        return {
            "amount_discount": self.discount,
            "amount_shipping": 0,
            "amount_tax": self.tax,
        }


def add_up(
    parts: Iterable[int], *, percent_off: int = 0, tax_percent: int = 0
) -> Amounts:
    """Add up what lines cost."""
    subtotal = sum(parts)
    discount = subtotal * percent_off // 100
    tax = round((subtotal - discount) * tax_percent / 100)
    return Amounts(subtotal=subtotal, discount=discount, tax=tax)


def shown(amount: int, currency: str) -> str:
    """Write an amount for people, as ``5.00 USD``."""
    if currency == "jpy":
        return f"{amount} JPY"
    return f"{amount / 100:.2f} {currency.upper()}"
