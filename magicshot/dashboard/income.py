"""What the site takes in, to stand beside what its providers cost."""

from dataclasses import dataclass

from magicshot.dashboard.figures import Amount


@dataclass(frozen=True, slots=True, kw_only=True)
class Income:
    """Credits taken for pictures, and what they were bought for where that is known."""

    credits: int
    usd_micros: int | None = None


def income(total: Amount) -> Income:
    """Return the income of what ended in a span.

    Purchases have no table yet: once they have, what was paid for them in the span
    belongs into ``usd_micros``, and the page shows it.
    """
    return Income(credits=total.credits)
