"""Leaves nothing running at Stripe for an account that goes."""

import contextlib

import stripe

from accounts.billing import orders, subscriptions
from accounts.billing.client import client, is_live, is_on
from accounts.models import Customer, Order, Subscription, TopUp, Wallet


class CannotClose(Exception):
    """A plan goes on that these keys, or their absence, cannot end."""


def close(wallet: Wallet) -> None:
    """End a wallet's plans, top-up and open pages; have Stripe forget its cards.

    Stripe keeps the payments, which bookkeeping needs. Safe to call again. Raises
    StripeError and CannotClose, after which it has to be called again.
    """
    TopUp.objects.filter(customer__wallet=wallet).delete()
    Order.objects.filter(customer__wallet=wallet).update(url="", failure="")
    if is_on():
        for customer in Customer.objects.filter(wallet=wallet, livemode=is_live()):
            _close(customer)
    left = Subscription.objects.filter(
        customer__wallet=wallet, status__in=subscriptions.LIVE
    )
    if left.exists():
        raise CannotClose(
            f"Set the keys of Stripe that {left[0].stripe_id} belongs to."
        )


def _close(customer: Customer) -> None:
    """End what a customer has; what Stripe does not know any more has ended."""
    api = client().v1
    waiting = customer.orders.filter(kind=orders.Kind.CHECKOUT)
    for order in waiting.filter(status=orders.Status.OPEN).exclude(stripe_id=""):
        with contextlib.suppress(stripe.InvalidRequestError):
            api.checkout.sessions.expire(order.stripe_id)
    for plan in customer.subscriptions.filter(status__in=subscriptions.LIVE):
        with contextlib.suppress(stripe.InvalidRequestError):
            api.subscriptions.cancel(plan.stripe_id)
        Subscription.objects.filter(pk=plan.pk).update(
            status=Subscription.Status.CANCELED
        )
    with contextlib.suppress(stripe.InvalidRequestError):
        api.customers.delete(customer.stripe_id)
