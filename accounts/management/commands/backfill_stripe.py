"""Fetch the news of Stripe's that never arrived."""

from datetime import timedelta
from typing import Any

import stripe
from django.core.management.base import BaseCommand, CommandError, CommandParser

from accounts.billing import backfill, events
from accounts.billing.client import is_on


class Command(BaseCommand):
    """Keep and handle what was missed."""

    help = "Ask Stripe for the events of some days, and handle those not known yet."

    def add_arguments(self, parser: CommandParser) -> None:
        """Take the number of days."""
        parser.add_argument(
            "--days", type=int, default=30, choices=range(1, 31), metavar="1-30"
        )

    def handle(self, *args: Any, **options: Any) -> None:
        """Fetch, then handle."""
        if not is_on():
            raise CommandError("Set STRIPE_SECRET_KEY first: nothing is sold here.")
        try:
            missed = backfill.backfill(timedelta(days=options["days"]))
        except stripe.StripeError as error:
            raise CommandError(f"Stripe cannot be asked: {error}") from None
        handled = events.handle_waiting()
        self.stdout.write(f"{missed} events had been missed, {handled} were handled.")
