"""Amounts of money in templates."""

from django import template

from accounts.billing.money import money_words

register = template.Library()


@register.simple_tag
def money(amount: int, currency: str) -> str:
    """Return an amount in smallest units as people read it."""
    return money_words(amount, currency)
