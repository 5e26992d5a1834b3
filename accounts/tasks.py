"""What accounts do by the clock, and when told to look."""

import logging

import stripe
from celery import shared_task

from accounts import impersonation, ledger_audit, sending
from accounts.billing import backfill, client, events, subscriptions, top_up

logger = logging.getLogger(__name__)


@shared_task(name="accounts.audit_ledger")
def audit_ledger() -> None:
    """Log every figure of the ledger that does not add up, as an error each."""
    for difference in ledger_audit.audit():
        logger.error("The ledger does not add up: %s", difference)


@shared_task(name=sending.STRIPE_EVENTS)
def follow_stripe() -> None:
    """Handle Stripe's news, top up balances that run low, end plans of those who go."""
    if client.is_on():
        events.handle_waiting()
        subscriptions.wind_down()
        top_up.run_due()


@shared_task(name="accounts.backfill_stripe")
def backfill_stripe() -> None:
    """Ask Stripe for the news of the last days that never arrived."""
    if not client.is_on():
        return
    try:
        missed = backfill.backfill(backfill.DAILY)
    except stripe.StripeError as error:
        logger.warning("Stripe's events cannot be listed: %s", type(error).__name__)
        return
    if missed:
        logger.warning("%s events of Stripe's had not arrived.", missed)
    events.handle_waiting()


@shared_task(name="accounts.end_looks")
def end_looks() -> None:
    """End the looks of admins who went away without a word."""
    impersonation.end_overdue()
