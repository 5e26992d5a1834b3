"""The Stripe account that the settings name."""

import functools

import stripe
from django.conf import settings

TIMEOUT_SECONDS = 20
RETRIES = 2
"""Sent again by the SDK, with the same idempotency key."""

LIVE_KEYS = ("sk_live_", "rk_live_")


def is_on() -> bool:
    """Say whether this site sells credits at all."""
    return bool(settings.STRIPE_SECRET_KEY)


def is_live() -> bool:
    """Say whether the key moves real money. Objects of the other mode are not ours."""
    return str(settings.STRIPE_SECRET_KEY).startswith(LIVE_KEYS)


def client() -> stripe.StripeClient:
    """Return the client; threads may share it."""
    return _client(settings.STRIPE_SECRET_KEY, settings.STRIPE_API_URL)


@functools.lru_cache(maxsize=4)
def _client(key: str, url: str) -> stripe.StripeClient:
    return stripe.StripeClient(
        key,
        base_addresses={"api": url} if url else None,
        max_network_retries=RETRIES,
        http_client=stripe.RequestsClient(timeout=TIMEOUT_SECONDS),
    )
