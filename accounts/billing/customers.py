"""Wallets as Stripe's customers."""

from accounts.billing.client import client, is_live
from accounts.models import Customer, User, Wallet


def customer_of(wallet: Wallet) -> Customer | None:
    """Return a wallet's customer in the mode of the keys, if it has one."""
    return Customer.objects.filter(wallet=wallet, livemode=is_live()).first()


def make_customer(wallet: Wallet, user: User) -> Customer:
    """Return a wallet's customer, made at Stripe the first time.

    Two at once may make two at Stripe; one of them is never used. Raises StripeError.
    """
    if found := customer_of(wallet):
        return found
    made = client().v1.customers.create(
        {"email": user.email, "metadata": {"wallet": str(wallet.pk)}}
    )
    row, _ = Customer.objects.get_or_create(
        wallet=wallet, livemode=is_live(), defaults={"stripe_id": made.id}
    )
    return row
