"""``manage.py cost_report``: what remote models cost, as the admin's page shows it."""

from argparse import ArgumentParser
from collections.abc import Sequence
from typing import Any

from django.core.management.base import BaseCommand, CommandError
from django.utils import timezone

from generators import cost_report
from generators.cost_report import Loss, OfModel, Sums
from generators.cost_words import UNKNOWN
from generators.margins import credit_usd

HEAD = (
    "day",
    "provider",
    "model",
    "jobs",
    "pictures",
    "estimated",
    "actual",
    "difference",
    "credits",
    "",
)
MARGINS_HEAD = ("provider", "model", "credits", "worth", "cost", "margin")
MARK = "<- check"


class Command(BaseCommand):
    """Prints the daily sums, and the jobs that may have cost something for nothing."""

    help = "Show what remote models cost: estimated and, where told, actual."

    def add_arguments(self, parser: ArgumentParser) -> None:
        """Take how far to look back."""
        parser.add_argument("--days", type=int, default=7, help="today and before it")

    def handle(self, *, days: int, **options: Any) -> None:
        """Add up, and print."""
        if not 1 <= days <= cost_report.MOST_DAYS:
            raise CommandError(f"--days takes 1 to {cost_report.MOST_DAYS}.")
        found = cost_report.report(days)
        rows = [
            (
                f"{line.day:%Y-%m-%d}",
                line.provider,
                line.image_model,
                *_cells(line.sums),
            )
            for line in found.lines
        ]
        self._table([HEAD, *rows, ("total", "", "", *_cells(found.total))])
        if credit_usd() is not None and found.models:
            self.stdout.write("\nMargins, at what a credit is worth:")
            self._table([MARGINS_HEAD, *map(_margin_cells, found.models)])
        self._losses("Ended without a known outcome:", found.unknown)
        self._losses("Failed, though a price was told:", found.paid_in_vain)

    def _losses(self, title: str, losses: Sequence[Loss]) -> None:
        self.stdout.write(f"\n{title}{'' if losses else ' none'}")
        self._table([_loss(each) for each in losses])

    def _table(self, rows: Sequence[Sequence[str]]) -> None:
        widths = [max(map(len, column)) for column in zip(*rows, strict=True)]
        for row in rows:
            cells = (cell.ljust(width) for cell, width in zip(row, widths, strict=True))
            self.stdout.write("  ".join(cells).rstrip())


def _cells(sums: Sums) -> tuple[str, ...]:
    return (
        str(sums.num_jobs),
        str(sums.num_pictures),
        sums.estimated_words,
        f"{sums.actual_words} {sums.told_words}".rstrip(),
        sums.difference_words,
        str(sums.credits),
        MARK if sums.is_parted else "",
    )


def _margin_cells(line: OfModel) -> tuple[str, ...]:
    sums = line.sums
    return (
        line.provider,
        line.image_model,
        str(sums.costed_credits),
        sums.worth_words,
        sums.cost_words,
        sums.margin.words if sums.margin else UNKNOWN,
    )


def _loss(loss: Loss) -> tuple[str, ...]:
    when = timezone.localtime(loss.ended_at)
    return (
        f"{when:%Y-%m-%d %H:%M}",
        loss.job.provider,
        loss.connection,
        loss.usd_words,
        str(loss.job.public_id),
    )
