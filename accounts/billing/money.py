"""Amounts of money as people read and type them."""

from decimal import Decimal

# https://docs.stripe.com/currencies: zero-decimal and three-decimal currencies.
# UGX has none, and is counted in hundredths all the same.
_WITHOUT_DECIMALS = frozenset(
    [
        "bif",
        "clp",
        "djf",
        "gnf",
        "jpy",
        "kmf",
        "krw",
        "mga",
        "pyg",
        "rwf",
        "vnd",
        "vuv",
        "xaf",
        "xof",
        "xpf",
    ]
)
_THREE_DECIMALS = frozenset(["bhd", "jod", "kwd", "omr", "tnd"])
_SIGNS = {"usd": "$", "eur": "€", "gbp": "£", "jpy": "¥"}


def decimals_of(currency: str) -> int:
    """Return how many digits a currency has behind the point: 0, 2 or 3."""
    if currency in _WITHOUT_DECIMALS:
        return 0
    return 3 if currency in _THREE_DECIMALS else 2


def smallest_units(sum_of_money: Decimal, currency: str) -> int:
    """Return ``9.99`` dollars as 999 cents. Raises ``ValueError`` for parts of a cent."""
    units = sum_of_money.scaleb(decimals_of(currency))
    if units != units.to_integral_value():
        raise ValueError(
            f"{currency.upper()} has {decimals_of(currency)} digits behind the point."
        )
    return int(units)


def money_words(amount: int, currency: str) -> str:
    """Return 999 as ``$9.99``, 1200 as ``12.00 CHF``."""
    digits = decimals_of(currency)
    number = f"{Decimal(amount).scaleb(-digits):,.{digits}f}"
    sign = _SIGNS.get(currency)
    return f"{sign}{number}" if sign else f"{number} {currency.upper()}"
