"""A wallet's entries as its owner reads them: newest first, the balance after each."""

from collections.abc import Iterator
from dataclasses import dataclass
from typing import Any
from uuid import UUID

from django.db.models import OuterRef, QuerySet, Subquery, Sum
from django.db.models.functions import Coalesce

from accounts.ledger import JOB_KINDS
from accounts.models import CreditEntry, CreditEntryQuerySet, Wallet

Jobs = QuerySet[Any, UUID]

PAGE_SIZE = 50


@dataclass(frozen=True, slots=True, kw_only=True)
class Line:
    """One entry, and the credits that could be spent after it.

    ``balance`` is ``None`` where others spend the same credits.
    """

    entry: CreditEntry
    balance: int | None


@dataclass(frozen=True, slots=True, kw_only=True)
class StatementPage:
    """Some lines, newest first; ``older`` is the key of the next page, if there is one."""

    lines: list[Line]
    older: int | None


def statement_page(
    wallet: Wallet, *, before: int | None = None, jobs: Jobs | None = None
) -> StatementPage:
    """Return the newest entries that moved the balance, or those below ``before``.

    With ``jobs``, the ids of one member's, only theirs. Entries of one wallet get their
    keys under its lock, so the sum up to a line is its balance, whatever is added
    meanwhile.
    """
    entries = _entries(wallet, jobs).exclude(amount=0).order_by("-id")
    if before is not None:
        entries = entries.filter(id__lt=before)
    found = list(entries[: PAGE_SIZE + 1])
    page = found[:PAGE_SIZE]
    return StatementPage(
        lines=_lines(wallet, page, has_balance=jobs is None),
        older=page[-1].pk if len(found) > PAGE_SIZE else None,
    )


def all_lines(wallet: Wallet, *, jobs: Jobs | None = None) -> Iterator[Line]:
    """Yield every entry, oldest first, a few at a time from the database."""
    balance = 0
    entries = _entries(wallet, jobs).order_by("id")
    for entry in entries.iterator(chunk_size=2000):
        balance += entry.amount
        yield Line(entry=entry, balance=balance if jobs is None else None)


def _entries(wallet: Wallet, jobs: Jobs | None) -> CreditEntryQuerySet:
    entries = CreditEntry.objects.filter(wallet=wallet)
    if jobs is None:
        return entries
    return entries.filter(kind__in=JOB_KINDS, job_id__in=jobs)


def _lines(wallet: Wallet, page: list[CreditEntry], *, has_balance: bool) -> list[Line]:
    if not has_balance:
        return [Line(entry=entry, balance=None) for entry in page]
    if not page:
        return []
    balance = _balance_after(wallet, page[0])
    lines = []
    for entry in page:
        lines.append(Line(entry=entry, balance=balance))
        balance -= entry.amount
    return lines


def _balance_after(wallet: Wallet, entry: CreditEntry) -> int:
    """Return the balance as an entry left it: today's, without what came later.

    Asked in one statement, which sees both or neither of an entry and what it moved.
    """
    later = CreditEntry.objects.filter(wallet=OuterRef("pk"), id__gt=entry.pk)
    sums = later.order_by().values("wallet").annotate(sum=Sum("amount")).values("sum")
    rows = Wallet.objects.filter(pk=wallet.pk)
    moved: tuple[int, int] = rows.values_list(
        "balance", Coalesce(Subquery(sums), 0)
    ).get()
    return moved[0] - moved[1]
