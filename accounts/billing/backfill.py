"""Asks Stripe for the news that never arrived."""

from datetime import timedelta
from typing import Any

from django.utils import timezone

from accounts.billing import events
from accounts.billing.client import client

LONGEST = timedelta(days=30)
"""Stripe lists events of 30 days. https://docs.stripe.com/api/events"""

DAILY = timedelta(days=3)
"""As long as Stripe itself tries to deliver."""


def backfill(period: timedelta) -> int:
    """Keep what was missed in a period up to now, 30 days at most; return how much.

    Raises StripeError.
    """
    since = timezone.now() - min(period, LONGEST)
    params: Any = {
        "created": {"gte": int(since.timestamp())},
        "limit": 100,
    }
    return sum(
        events.keep(event) is not None
        for some in _in_twenties(sorted(events.HANDLERS))
        for event in client()
        .v1.events.list(params | {"types": some})
        .auto_paging_iter()
    )


def _in_twenties(names: list[str]) -> list[list[str]]:
    """Stripe takes 20 types at once."""
    return [names[start : start + 20] for start in range(0, len(names), 20)]
