"""Leaves nothing running at Stripe for an account that goes."""

import contextlib

import stripe

from accounts.billing import subscriptions
from accounts.billing.client import client, is_live, is_on
from accounts.models import Customer, TopUp, Wallet


def close(wallet: Wallet) -> None:
    """End a wallet's plans and top-up, and have Stripe forget its cards.

    Stripe keeps the payments, which bookkeeping needs. Safe to call again. Raises
    StripeError, after which it has to be called again.
    """
    TopUp.objects.filter(customer__wallet=wallet).delete()
    if not is_on():
        return
    for customer in Customer.objects.filter(wallet=wallet, livemode=is_live()):
        for plan in customer.subscriptions.filter(status__in=subscriptions.LIVE):
            with contextlib.suppress(stripe.InvalidRequestError):  # it has ended
                client().v1.subscriptions.cancel(plan.stripe_id)
            subscriptions.subscription_changed(plan.stripe_id)
        with contextlib.suppress(stripe.InvalidRequestError):  # it is forgotten
            client().v1.customers.delete(customer.stripe_id)
