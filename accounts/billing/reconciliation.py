"""Stripe's list of what was paid against what was granted here."""

import math
from collections.abc import Iterator
from dataclasses import dataclass
from datetime import datetime
from typing import Any

import stripe

from accounts.billing import purchases, top_up
from accounts.billing.client import client, is_live
from accounts.billing.findings import NotOurs
from accounts.billing.money import money_words
from accounts.billing.subscriptions import customer_named
from accounts.models import Purchase


@dataclass(frozen=True, slots=True, kw_only=True)
class Paid:
    """One thing that Stripe says was paid by a customer of this site."""

    stripe_id: str
    amount: int
    currency: str


@dataclass(frozen=True, slots=True, kw_only=True)
class Report:
    """What was compared, and every difference in words."""

    num_paid: int
    num_granted: int
    differences: tuple[str, ...]


def reconcile(*, since: datetime, until: datetime) -> Report:
    """Compare what was paid in a period of whole seconds. Raises StripeError."""
    since = purchases.moment(math.floor(since.timestamp()))
    until = purchases.moment(math.ceil(until.timestamp()))
    paid = {each.stripe_id: each for each in _paid(since, until)}
    granted = {
        row.stripe_id: row
        for row in Purchase.objects.filter(
            livemode=is_live(), made_at__gte=since, made_at__lt=until
        )
    }
    differences = [
        *_not_granted(paid, granted),
        *_not_paid(paid, granted),
        *_unlike(paid, granted),
    ]
    return Report(
        num_paid=len(paid), num_granted=len(granted), differences=tuple(differences)
    )


def _not_granted(paid: dict[str, Paid], granted: dict[str, Purchase]) -> Iterator[str]:
    for stripe_id in sorted(paid.keys() - granted.keys()):
        one = paid[stripe_id]
        words = money_words(one.amount, one.currency)
        yield f"{stripe_id}: {words} paid, nothing granted"


def _not_paid(paid: dict[str, Paid], granted: dict[str, Purchase]) -> Iterator[str]:
    for stripe_id in sorted(granted.keys() - paid.keys()):
        yield (
            f"{stripe_id}: {granted[stripe_id].credits} credits granted, "
            "no payment at Stripe"
        )


def _unlike(paid: dict[str, Paid], granted: dict[str, Purchase]) -> Iterator[str]:
    for stripe_id in sorted(paid.keys() & granted.keys()):
        one, row = paid[stripe_id], granted[stripe_id]
        if (one.amount, one.currency) != (row.amount, row.currency):
            there = money_words(one.amount, one.currency)
            here = money_words(row.amount, row.currency)
            yield f"{stripe_id}: {there} at Stripe, {here} here"
        yield from _returns(row)


def _returns(row: Purchase) -> Iterator[str]:
    """Compare refunds and disputes of a payment."""
    if not row.payment_intent:
        return
    returned = purchases.returned_of(row.payment_intent)
    if (returned.refunded, returned.disputed) != (row.refunded, row.disputed):
        yield (
            f"{row.stripe_id}: Stripe returned "
            f"{money_words(returned.refunded + returned.disputed, row.currency)}, "
            f"{money_words(row.refunded + row.disputed, row.currency)} is known here"
        )


def _paid(since: datetime, until: datetime) -> Iterator[Paid]:
    period: Any = {
        "created": {"gte": int(since.timestamp()), "lt": int(until.timestamp())},
        "limit": 100,
    }
    api = client().v1
    sessions = api.checkout.sessions.list(period | {"status": "complete"})
    yield from filter(None, map(_of_session, sessions.auto_paging_iter()))
    invoices = api.invoices.list(period | {"status": "paid"})
    yield from filter(None, map(_of_invoice, invoices.auto_paging_iter()))
    intents = api.payment_intents.list(period)
    yield from filter(None, map(_of_intent, intents.auto_paging_iter()))


def _is_ours(customer: Any) -> bool:
    try:
        customer_named(customer)
    except NotOurs:
        return False
    return True


def _of_session(session: stripe.checkout.Session) -> Paid | None:
    is_pack = session.mode == "payment" and session.payment_status == "paid"
    if not is_pack or not _is_ours(session.customer):
        return None
    return Paid(
        stripe_id=session.id,
        amount=session.amount_total or 0,
        currency=session.currency or "",
    )


def _of_invoice(invoice: stripe.Invoice) -> Paid | None:
    parent = invoice.parent
    is_plan = parent is not None and parent.subscription_details is not None
    if not is_plan or not _is_ours(invoice.customer):
        return None
    return Paid(
        stripe_id=str(invoice.id),
        amount=invoice.amount_paid,
        currency=invoice.currency,
    )


def _of_intent(intent: stripe.PaymentIntent) -> Paid | None:
    if intent.status != "succeeded" or not top_up.is_top_up(intent):
        return None
    return Paid(
        stripe_id=intent.id, amount=intent.amount_received, currency=intent.currency
    )
