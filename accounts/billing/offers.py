"""What is for sale, and its prices at Stripe."""

from typing import Any

from accounts.billing.client import client, is_live
from accounts.models import Offer, OfferQuerySet


def on_sale() -> OfferQuerySet:
    """Return what people may buy now."""
    return Offer.objects.on_sale(livemode=is_live())


def offer_of_price(stripe_price: str) -> Offer | None:
    """Return the offer with a price of Stripe's, on sale or not."""
    found = Offer.objects.filter(stripe_price=stripe_price, livemode=is_live())
    return found.first() if stripe_price else None


def publish(offer: Offer) -> None:
    """Make an offer's price at Stripe, once, and note it. Raises StripeError."""
    if offer.stripe_price:
        return
    price: Any = {
        "currency": offer.currency,
        "unit_amount": offer.amount,
        "product_data": {"name": offer.name},
        "metadata": {"offer": str(offer.pk)},
    }
    if offer.kind == Offer.Kind.PLAN:
        price["recurring"] = {"interval": "month"}
    # Another site of the same Stripe account has an offer of the same number, too.
    key = f"offer-{offer.pk}-{offer.created_at.timestamp()}"
    made = client().v1.prices.create(price, {"idempotency_key": key})
    Offer.objects.filter(pk=offer.pk).update(
        stripe_price=made.id, livemode=made.livemode
    )
