"""Prove that every wallet equals its ledger."""

from typing import Any

from django.core.management.base import BaseCommand, CommandError

from accounts import ledger_audit


class Command(BaseCommand):
    """List what does not add up; exit status 1 if anything does not."""

    help = "Recompute every wallet and reservation from the ledger and compare."

    def handle(self, *args: Any, **options: Any) -> None:
        """Audit once."""
        differences = ledger_audit.audit()
        for difference in differences:
            self.stdout.write(str(difference))
        if differences:
            raise CommandError(f"{len(differences)} differences in the ledger.")
        self.stdout.write("The ledger adds up.")
