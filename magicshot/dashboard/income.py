"""What the site takes in, to stand beside what its providers cost."""

from dataclasses import dataclass

from django.utils import timezone

from accounts.billing import client, purchases
from accounts.billing.money import money_words
from generators import day_figures
from magicshot.dashboard.figures import Amount
from magicshot.dashboard.spans import Span


@dataclass(frozen=True, slots=True, kw_only=True)
class Income:
    """Credits taken for pictures, and the money that came in, in words.

    ``paid`` is empty where nothing is sold.
    """

    credits: int
    paid: str = ""


def income(span: Span, total: Amount) -> Income:
    """Return what came in on the days of a span, refunds and disputes taken off."""
    if not client.is_on():
        return Income(credits=total.credits)
    since = day_figures.began_at(span.dates()[0])
    sums = purchases.income(since=since, until=timezone.now())
    words = [money_words(amount, currency) for currency, amount in sums.items()]
    return Income(credits=total.credits, paid=" and ".join(words) or "nothing")
