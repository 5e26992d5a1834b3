"""Automatic top-up: buys a pack with the kept card when a balance runs low."""

import logging
import uuid
from datetime import timedelta
from typing import Any

import stripe
from django.conf import settings
from django.db import IntegrityError, transaction
from django.db.models import F, QuerySet, Sum
from django.utils import timezone

from accounts import ledger
from accounts.billing import orders, purchases
from accounts.billing.client import client, is_live
from accounts.billing.findings import NotOurs, Suspicious, expect
from accounts.billing.orders import Kind, Status
from accounts.billing.subscriptions import customer_named
from accounts.models import Customer, Order, TopUp
from accounts.site_days import month_began

ASK_AGAIN_AFTER = timedelta(minutes=1)
GIVEN_UP_AFTER = timedelta(hours=1)
"""Stripe keeps idempotency keys for 24 hours, errors of its own too: after that a repeat
would pay again. https://docs.stripe.com/api/idempotent_requests"""

NO_CARD = "No card is kept. Buy a pack and tick “Keep my card”."
ASKS_BANK = "Your bank wants to be asked each time. Buy a pack by hand."
REFUSED = "The payment was refused. Buy a pack by hand."
OFF_SALE = "The pack is not on sale any more. Choose another."
NO_ANSWER = "Stripe did not answer."

logger = logging.getLogger(__name__)


def is_possible() -> bool:
    """Say whether top-ups can be had: a payment without a page reckons no taxes."""
    return not settings.STRIPE_TAX


def has_card(customer: Customer) -> bool:
    """Say whether a card is kept at Stripe. Raises StripeError."""
    return _card_of(customer) is not None


def run_due() -> None:
    """Buy for all who run low, and ask again about what broke off."""
    if not is_possible():
        return
    TopUp.objects.filter(enabled=True, offer__active=False).update(
        enabled=False, stopped_because=OFF_SALE
    )
    for order in _unanswered():
        if _wanted().filter(customer=order.customer_id).exists():
            _pay_in_peace(order)
        else:  # if it was paid after all, its news counts
            _stop(order, NO_ANSWER)
    for pk in list(_low().values_list("pk", flat=True)):
        if made := _order_for(pk):
            _pay_in_peace(made)


def paid_this_month(top_up: TopUp) -> int:
    """Return what top-ups paid, or are about to pay, this month, in smallest units."""
    counted = Order.objects.filter(
        customer=top_up.customer_id,
        kind=Kind.TOP_UP,
        offer__currency=top_up.offer.currency,
        status__in=(Status.OPEN, Status.PENDING, Status.PAID),
        created_at__gte=month_began(),
    )
    return counted.aggregate(sum=Sum("offer__amount"))["sum"] or 0


def payment_made(payment_intent: str) -> None:
    """Follow the payment of a top-up. Raises StripeError, NotOurs, Suspicious."""
    intent = client().v1.payment_intents.retrieve(payment_intent)
    _follow(_order_of(intent), intent)


def is_top_up(intent: stripe.PaymentIntent) -> bool:
    """Say whether a payment is one of this site's top-ups."""
    try:
        _order_of(intent)
    except NotOurs:
        return False
    return True


def _low() -> QuerySet[TopUp]:
    """Return the top-ups of those who run low."""
    return _wanted().filter(customer__wallet__balance__lt=F("below"))


def _wanted() -> QuerySet[TopUp]:
    """Return the top-ups that are on, of those who may draw and owe nothing.

    A debt is a payment that was taken back: the card is not charged after that.
    """
    return TopUp.objects.filter(
        enabled=True,
        customer__livemode=is_live(),
        customer__wallet__debt=0,
        customer__wallet__user__is_active=True,
        customer__wallet__user__deletion_due_at=None,
    )


def _order_for(pk: int) -> Order | None:
    """Make the order of a top-up, if it is still wanted; one at a time a customer."""
    try:
        with transaction.atomic():
            Customer.objects.select_for_update().get(top_up__pk=pk)
            rows = _low().select_related("customer__wallet__user__group", "offer")
            top_up = rows.filter(pk=pk).first()
            if top_up is None or not _may_pay(top_up):
                return None
            return Order.objects.create(
                kind=Kind.TOP_UP, customer=top_up.customer, offer=top_up.offer
            )
    except (Customer.DoesNotExist, IntegrityError):
        return None  # it is gone, or an order has no end yet


def _may_pay(top_up: TopUp) -> bool:
    """Say whether its cap leaves room, and the wallet pays for its owner's pictures."""
    user = top_up.customer.wallet.user
    is_own = user is not None and ledger.payer_of(user) == user
    return is_own and (
        paid_this_month(top_up) + top_up.offer.amount <= top_up.monthly_cap
    )


def _unanswered() -> list[Order]:
    rows = Order.objects.filter(
        kind=Kind.TOP_UP,
        status=Status.OPEN,
        customer__livemode=is_live(),
        created_at__lt=timezone.now() - ASK_AGAIN_AFTER,
    )
    return list(rows.select_related("customer__wallet", "offer"))


def _pay_in_peace(order: Order) -> None:
    """Pay one; trouble with it is no trouble for the others."""
    try:
        _pay(order)
    except stripe.CardError as error:
        _stop(order, _why(error))
    except stripe.InvalidRequestError as error:
        logger.error("Stripe refused a top-up: %s %s", error.code, error.param)
        _stop(order, REFUSED)
    except Suspicious as error:
        logger.error("Top-up %s: %s", order.public_id, error)
        _stop(order, REFUSED)
    except stripe.StripeError as error:
        logger.warning("A top-up waits: %s", type(error).__name__)


def _pay(order: Order) -> None:
    """Charge the kept card; however often it is asked, once."""
    if order.created_at < timezone.now() - GIVEN_UP_AFTER:
        _stop(order, NO_ANSWER)
        return
    card = _card_of(order.customer)
    if card is None:
        _stop(order, NO_CARD)
        return
    params: Any = {
        "amount": order.offer.amount,
        "currency": order.offer.currency,
        "customer": order.customer.stripe_id,
        "payment_method": card,
        # Others might want to send people away.
        "automatic_payment_methods": {"enabled": True, "allow_redirects": "never"},
        "off_session": True,
        "confirm": True,
        "description": f"{settings.SITE_NAME}: {order.offer.name}",
        "metadata": {"order": str(order.public_id)},
    }
    intent = client().v1.payment_intents.create(
        params, {"idempotency_key": str(order.public_id)}
    )
    _follow(order, intent)


def _card_of(customer: Customer) -> str | None:
    cards = client().v1.payment_methods.list(
        {"customer": customer.stripe_id, "type": "card", "limit": 1}
    )
    return cards.data[0].id if cards.data else None


def _order_of(intent: stripe.PaymentIntent) -> Order:
    """Return the order that a payment belongs to: its id there is only a pointer."""
    said = intent.metadata
    try:
        public_id = uuid.UUID(said["order"] if said and "order" in said else "")
    except ValueError:
        raise NotOurs from None
    customer = customer_named(intent.customer)
    orders_of = Order.objects.filter(customer=customer, kind=Kind.TOP_UP)
    order = orders_of.select_related("customer__wallet", "offer").filter(
        public_id=public_id
    )
    found = order.first()
    if found is None:
        raise NotOurs
    return found


def _follow(order: Order, intent: stripe.PaymentIntent) -> None:
    expect("amount", intent.amount, order.offer.amount)
    expect("currency", intent.currency, order.offer.currency)
    Order.objects.filter(pk=order.pk, stripe_id="").update(stripe_id=intent.id)
    if intent.status == "succeeded":
        payment = purchases.Payment(
            stripe_id=intent.id,
            payment_intent=intent.id,
            amount=intent.amount_received,
            currency=intent.currency,
            made_at=purchases.moment(intent.created),
        )
        purchases.grant(order.customer, order.offer, payment)
        orders.move(order, Status.PAID)
    elif intent.status == "processing":
        orders.move(order, Status.PENDING)
    else:
        said = intent.last_payment_error
        _stop(order, (said.message if said else None) or ASKS_BANK)


def _stop(order: Order, why: str) -> None:
    """End an order in vain, and top up no more until the person has seen to it."""
    if orders.move(order, Status.FAILED, failure=why):
        TopUp.objects.filter(customer=order.customer_id).update(
            enabled=False, stopped_because=why[:200]
        )


def _why(error: stripe.CardError) -> str:
    if error.code == "authentication_required":
        return ASKS_BANK
    return str(error.user_message or "The card was declined.")
