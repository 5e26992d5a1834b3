"""Compare what Stripe was paid with what was granted here."""

from datetime import timedelta
from typing import Any

import stripe
from django.core.management.base import BaseCommand, CommandError, CommandParser
from django.utils import timezone

from accounts.billing import reconciliation
from accounts.billing.client import is_on

MAX_DAYS = 3660


class Command(BaseCommand):
    """List every difference; exit status 1 if there is any."""

    help = "Compare Stripe's list of payments with the credits that were granted."

    def add_arguments(self, parser: CommandParser) -> None:
        """Take the number of days."""
        parser.add_argument("--days", type=int, default=30)

    def handle(self, *args: Any, **options: Any) -> None:
        """Compare once."""
        if not is_on():
            raise CommandError("Set STRIPE_SECRET_KEY first: nothing is sold here.")
        if not 1 <= options["days"] <= MAX_DAYS:
            raise CommandError(f"--days: from 1 to {MAX_DAYS}.")
        until = timezone.now()
        since = until - timedelta(days=options["days"])
        try:
            report = reconciliation.reconcile(since=since, until=until)
        except stripe.StripeError as error:
            raise CommandError(f"Stripe cannot be asked: {error}") from None
        for difference in report.differences:
            self.stdout.write(difference)
        told = f"{report.num_paid} payments at Stripe, {report.num_granted} here."
        if report.differences:
            raise CommandError(f"{len(report.differences)} differences. {told}")
        self.stdout.write(f"Everything adds up. {told}")
