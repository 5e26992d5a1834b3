"""Stripe's news: kept once an id, and each followed by asking how things stand.

Nothing in an event is believed but which object changed.
"""

import logging
from collections.abc import Callable
from datetime import timedelta
from typing import Any, Final

import stripe
from django.db.models import F
from django.utils import timezone

from accounts.billing import checkout, purchases, subscriptions, top_up
from accounts.billing.client import client, is_live
from accounts.billing.findings import NotOurs, Suspicious
from accounts.models import StripeEvent

CLAIM = timedelta(minutes=2)
"""A worker that died with an event in hand is forgotten after it."""

LONGEST_PAUSE = timedelta(hours=1)
MAX_ATTEMPTS = 80
"""Some three days of asking in vain."""

Status = StripeEvent.Status

logger = logging.getLogger(__name__)


def _charge_changed(stripe_id: str) -> None:
    purchases.payment_changed(
        purchases.paid_by(client().v1.charges.retrieve(stripe_id))
    )


def _refund_changed(stripe_id: str) -> None:
    purchases.payment_changed(
        purchases.paid_by(client().v1.refunds.retrieve(stripe_id))
    )


def _dispute_changed(stripe_id: str) -> None:
    found = client().v1.disputes.retrieve(stripe_id)
    purchases.payment_changed(purchases.paid_by(found))


HANDLERS: Final[dict[str, Callable[[str], Any]]] = {
    "checkout.session.completed": checkout.session_changed,
    "checkout.session.async_payment_succeeded": checkout.session_changed,
    "checkout.session.async_payment_failed": checkout.session_changed,
    "checkout.session.expired": checkout.session_changed,
    "customer.subscription.created": subscriptions.subscription_changed,
    "customer.subscription.updated": subscriptions.subscription_changed,
    "customer.subscription.deleted": subscriptions.subscription_changed,
    "customer.subscription.paused": subscriptions.subscription_changed,
    "customer.subscription.resumed": subscriptions.subscription_changed,
    "invoice.paid": subscriptions.invoice_changed,
    "payment_intent.succeeded": top_up.payment_made,
    "payment_intent.payment_failed": top_up.payment_made,
    "payment_intent.canceled": top_up.payment_made,
    "charge.refunded": _charge_changed,
    "refund.created": _refund_changed,
    "refund.updated": _refund_changed,
    "refund.failed": _refund_changed,
    "charge.dispute.created": _dispute_changed,
    "charge.dispute.updated": _dispute_changed,
    "charge.dispute.closed": _dispute_changed,
    "charge.dispute.funds_withdrawn": _dispute_changed,
    "charge.dispute.funds_reinstated": _dispute_changed,
}
"""What is listened to. Send these to the webhook; others are not kept."""


class WrongMode(Exception):
    """News of test objects for live keys, or the other way round."""


def keep(event: stripe.Event) -> StripeEvent | None:
    """Keep an event, once; ``None`` where it is known or of no interest.

    Raises WrongMode.
    """
    if bool(event.livemode) != is_live():
        raise WrongMode
    if event.type not in HANDLERS:
        return None
    row, is_new = StripeEvent.objects.get_or_create(
        stripe_id=event.id,
        defaults={
            "type": event.type,
            "object_id": event.data.object["id"],
            "livemode": event.livemode,
            "happened_at": purchases.moment(event.created),
        },
    )
    return row if is_new else None


def handle_waiting() -> int:
    """Handle every event whose turn it is; return how many were."""
    num_handled = 0
    due = StripeEvent.objects.filter(status=Status.WAITING, livemode=is_live())
    while True:
        now = timezone.now()
        event = due.filter(next_attempt_at__lte=now).order_by("next_attempt_at").first()
        if event is None:
            return num_handled
        if _claim(event):
            _handle(event)
            num_handled += 1


def _claim(event: StripeEvent) -> bool:
    rows = StripeEvent.objects.filter(
        pk=event.pk, status=Status.WAITING, num_attempts=event.num_attempts
    )
    claimed = rows.update(
        num_attempts=F("num_attempts") + 1, next_attempt_at=timezone.now() + CLAIM
    )
    return claimed == 1


def _handle(event: StripeEvent) -> None:
    try:
        HANDLERS[event.type](event.object_id)
    except NotOurs:
        _end(event, Status.IGNORED, "")
    except Suspicious as error:
        logger.error("%s %s: %s", event.type, event.object_id, error)
        _end(event, Status.FAILED, str(error))
    except stripe.InvalidRequestError as error:
        _end(event, Status.FAILED, f"Stripe refused: {error.code or error.param}")
    except stripe.StripeError as error:
        _try_later(event, f"Stripe: {type(error).__name__}")
    except Exception as error:
        logger.exception("%s %s", event.type, event.object_id)
        _try_later(event, type(error).__name__)
    else:
        _end(event, Status.HANDLED, "")


def _end(event: StripeEvent, status: Status, told: str) -> None:
    rows = StripeEvent.objects.filter(pk=event.pk, status=Status.WAITING)
    rows.update(status=status, told=told[:300])


def _try_later(event: StripeEvent, told: str) -> None:
    attempts = event.num_attempts + 1
    if attempts >= MAX_ATTEMPTS:
        logger.error("%s %s was given up: %s", event.type, event.object_id, told)
        _end(event, Status.FAILED, told)
        return
    pause = min(timedelta(seconds=5 * 2 ** min(attempts, 12)), LONGEST_PAUSE)
    rows = StripeEvent.objects.filter(pk=event.pk, status=Status.WAITING)
    rows.update(next_attempt_at=timezone.now() + pause, told=told)
