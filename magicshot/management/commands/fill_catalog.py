"""``manage.py fill_catalog``: make the dropdown match what the providers offer."""

from typing import Any

from django.core.management.base import BaseCommand

from generators import catalog
from magicshot import preparing


class Command(BaseCommand):
    """Fills the catalogue; what an admin changed stays. Safe to repeat."""

    help = "Make the dropdown match what the providers offer now."

    def handle(self, **options: Any) -> None:
        """Fill, and say what was done."""
        preparing.make_tables()
        report = catalog.fill()
        for problem in report.problems:
            self.stderr.write(problem)
        self.stdout.write(f"Catalogue: {report}.")
