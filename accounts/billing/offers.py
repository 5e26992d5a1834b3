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
    """Make an offer's price at Stripe, unless it has one. Raises StripeError.

    A price whose answer was lost stays there, and nobody buys by it.
    """
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
    made = client().v1.prices.create(price)
    Offer.objects.filter(pk=offer.pk).update(
        stripe_price=made.id, livemode=made.livemode
    )
