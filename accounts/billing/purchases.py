"""Money that came, and credits for it: once each, and back again when it leaves."""

from dataclasses import dataclass
from datetime import UTC, datetime
from typing import Any, Final

import stripe
from django.db import transaction
from django.db.models import Sum

from accounts import audit, ledger
from accounts.billing.client import client, is_live
from accounts.billing.findings import NotOurs, Suspicious, id_of
from accounts.billing.fresh import write_fresh
from accounts.billing.money import money_words
from accounts.models import AuditEntry, Customer, Offer, Purchase, TopUp

Action = AuditEntry.Action

# An inquiry ("warning_...") has taken nothing yet, a dispute that was won gave it back.
# https://docs.stripe.com/api/disputes/object#dispute_object-status
_HOLDS_MONEY: Final = frozenset({"needs_response", "under_review", "lost"})


@dataclass(frozen=True, slots=True, kw_only=True)
class Payment:
    """What Stripe says was paid; ``stripe_id`` is what it was paid for."""

    stripe_id: str
    payment_intent: str
    amount: int
    currency: str
    made_at: datetime


@dataclass(frozen=True, slots=True, kw_only=True)
class Returned:
    """How much of a payment of ``amount`` has left again."""

    amount: int
    refunded: int
    disputed: int


def moment(seconds: int) -> datetime:
    """Return Stripe's time of an object as ours."""
    return datetime.fromtimestamp(seconds, UTC)


def grant(customer: Customer, offer: Offer, payment: Payment) -> Purchase:
    """Give a payment's credits, once, less what has left again since.

    Safe to call again and at once. Raises StripeError, after which it has to be called
    again, and Suspicious where the account was deleted meanwhile.
    """
    if customer.wallet.user_id is None and customer.wallet.group_id is None:
        raise Suspicious(
            f"{payment.stripe_id} was paid by an account that was deleted."
        )
    with transaction.atomic():
        purchase, is_new = Purchase.objects.get_or_create(
            stripe_id=payment.stripe_id,
            defaults={
                "wallet": customer.wallet,
                "customer": customer,
                "offer": offer,
                "payment_intent": payment.payment_intent,
                "credits": offer.credits,
                "amount": payment.amount,
                "currency": payment.currency,
                "livemode": customer.livemode,
                "made_at": payment.made_at,
            },
        )
        ledger.purchase(
            purchase.wallet,
            purchase.credits,
            reference=purchase.stripe_id,
            note=f"{offer.name}, {money_words(payment.amount, payment.currency)}",
        )
        if is_new:
            after = {"credits": purchase.credits, "amount": purchase.amount}
            _record(purchase, Action.PURCHASE, before={}, after=after)
    # News of a refund that came before these rows found nothing: look for it here.
    follow_returns(purchase)
    return purchase


def payment_changed(payment_intent: str) -> None:
    """Follow refunds and disputes of a payment. Raises StripeError, NotOurs."""
    purchase = Purchase.objects.filter(payment_intent=payment_intent).first()
    if not payment_intent or purchase is None:
        raise NotOurs
    follow_returns(purchase)


def follow_returns(purchase: Purchase) -> None:
    """Take back what was refunded or disputed, or give it back. Raises StripeError."""
    if purchase.payment_intent:
        write_fresh(purchase, lambda: returned_of(purchase.payment_intent), _follow)


def paid_by(charge: Any) -> str:
    """Return the payment intent that a charge, refund or dispute belongs to."""
    return id_of(charge.payment_intent)


def income(*, since: datetime, until: datetime) -> dict[str, int]:
    """Return what was paid and not returned, by currency, in its smallest units."""
    rows = Purchase.objects.filter(
        livemode=is_live(), made_at__gte=since, made_at__lt=until
    )
    sums = (
        rows.values("currency")
        .order_by("currency")
        .annotate(paid=Sum("amount"), refunds=Sum("refunded"), disputes=Sum("disputed"))
    )
    return {
        row["currency"]: row["paid"] - row["refunds"] - row["disputes"] for row in sums
    }


def returned_of(payment_intent: str) -> Returned:
    """Ask how much of a payment has left again. Raises StripeError."""
    api = client().v1
    intent = api.payment_intents.retrieve(payment_intent, {"expand": ["latest_charge"]})
    charge = intent.latest_charge
    disputes = api.disputes.list({"payment_intent": payment_intent})
    held = sum(
        each.amount
        for each in disputes.auto_paging_iter()
        if each.status in _HOLDS_MONEY
    )
    if not isinstance(charge, stripe.Charge):
        return Returned(amount=intent.amount, refunded=0, disputed=held)
    return Returned(
        amount=charge.amount, refunded=charge.amount_refunded, disputed=held
    )


def _follow(purchase: Purchase, returned: Returned) -> None:
    """Move the ledger to where the money stands; the row is locked."""
    gone = min(returned.amount, returned.refunded + returned.disputed)
    # In the person's favour: a part of a credit is not taken.
    target = purchase.credits * gone // returned.amount if returned.amount else 0
    difference = target - purchase.taken_back
    reference = f"{purchase.stripe_id}:{purchase.num_looks}"
    if difference > 0:
        note = "Payment disputed" if returned.disputed else "Payment refunded"
        ledger.take_back(purchase.wallet, difference, reference=reference, note=note)
        # Whoever wanted their money back does not want their card charged.
        TopUp.objects.filter(customer=purchase.customer_id, enabled=True).update(
            enabled=False, stopped_because=f"{note}."
        )
    elif difference < 0:
        ledger.give_back(
            purchase.wallet, -difference, reference=reference, note="Payment came back"
        )
    before = _figures(purchase)
    purchase.taken_back = target
    purchase.refunded = min(returned.refunded, purchase.amount)
    purchase.disputed = min(returned.disputed, purchase.amount - purchase.refunded)
    after = _figures(purchase)
    if before != after:
        is_dispute = before["disputed"] != after["disputed"]
        action = Action.DISPUTE if is_dispute else Action.REFUND
        _record(purchase, action, before=before, after=after)


def _figures(purchase: Purchase) -> dict[str, int]:
    """Return what of a purchase moves."""
    names = ("taken_back", "refunded", "disputed")
    return {name: getattr(purchase, name) for name in names}


def _record(
    purchase: Purchase,
    action: AuditEntry.Action,
    *,
    before: dict[str, int],
    after: dict[str, int],
) -> None:
    person = purchase.wallet.user
    audit.record(action, purchase, person=person, before=before, after=after)
