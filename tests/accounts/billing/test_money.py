"""Amounts in smallest units, and as people read them."""

from decimal import Decimal

import pytest

from accounts.billing.money import money_words, smallest_units


@pytest.mark.parametrize(
    ("amount", "currency", "words"),
    [
        (999, "usd", "$9.99"),
        (5, "eur", "€0.05"),
        (1200, "jpy", "¥1,200"),
        (123_456, "chf", "1,234.56 CHF"),
        (1500, "kwd", "1.500 KWD"),
        (0, "gbp", "£0.00"),
    ],
)
def test_amounts_read_as_their_currency_is_written(amount, currency, words):
    assert money_words(amount, currency) == words


@pytest.mark.parametrize(
    ("typed", "currency", "units"),
    [
        ("9.99", "usd", 999),
        ("10", "usd", 1000),
        ("1200", "jpy", 1200),
        ("1", "kwd", 1000),
    ],
)
def test_what_is_typed_becomes_smallest_units(typed, currency, units):
    assert smallest_units(Decimal(typed), currency) == units


@pytest.mark.parametrize(("typed", "currency"), [("9.999", "usd"), ("0.5", "jpy")])
def test_parts_of_the_smallest_unit_are_refused(typed, currency):
    with pytest.raises(ValueError, match="digits behind the point"):
        smallest_units(Decimal(typed), currency)
