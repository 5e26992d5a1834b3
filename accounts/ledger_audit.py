"""Proves that every wallet and every reservation equals the ledger's entries."""

from collections.abc import Iterator
from dataclasses import dataclass
from uuid import UUID

from django.db.models import Count, F, Max, Min, Q, Sum
from django.db.models.functions import Coalesce

from accounts.models import CreditEntry, Wallet

Kind = CreditEntry.Kind


@dataclass(frozen=True, slots=True, kw_only=True)
class Difference:
    """Two figures of the ledger that must be equal and are not."""

    wallet_id: int
    job_id: UUID | None
    what: str
    expected: int
    found: int

    def __str__(self) -> str:
        place = f"wallet {self.wallet_id}" + (
            f", job {self.job_id}" * bool(self.job_id)
        )
        return f"{place}: {self.what}: expected {self.expected}, found {self.found}"


def audit() -> list[Difference]:
    """Recompute everything from the entries; return what does not add up."""
    return [*_audit_wallets(), *_audit_jobs()]


def _audit_wallets() -> Iterator[Difference]:
    wallets = Wallet.objects.annotate(
        balance_sum=Coalesce(Sum("entries__amount"), 0),
        reserved_sum=Coalesce(Sum("entries__reserved"), 0),
        debt_sum=Coalesce(Sum("entries__debt"), 0),
    ).exclude(balance=F("balance_sum"), reserved=F("reserved_sum"), debt=F("debt_sum"))
    for wallet in wallets.order_by("pk"):
        for what, expected, found in (
            ("balance against its entries", wallet.balance_sum, wallet.balance),
            ("reserved against its entries", wallet.reserved_sum, wallet.reserved),
            ("debt against its entries", wallet.debt_sum, wallet.debt),
        ):
            if expected != found:
                yield Difference(
                    wallet_id=wallet.pk,
                    job_id=None,
                    what=what,
                    expected=expected,
                    found=found,
                )


def _audit_jobs() -> Iterator[Difference]:
    jobs = (
        CreditEntry.objects.filter(job_id__isnull=False)
        .order_by("job_id")
        .values("job_id")
        .annotate(
            open=Sum("reserved"),
            reservations=Count("id", filter=Q(kind=Kind.RESERVE)),
            ends=Count("id", filter=~Q(kind=Kind.RESERVE)),
            first_wallet=Min("wallet"),
            last_wallet=Max("wallet"),
        )
    )
    for job in jobs.exclude(
        Q(reservations=1, first_wallet=F("last_wallet"))
        & (Q(ends=0, open__gte=0) | Q(open=0))
    ).iterator():
        for what, expected, found in (
            ("reservations of the job", 1, job["reservations"]),
            ("open after the job's end", 0, job["open"] if job["ends"] else 0),
            ("one wallet a job", job["first_wallet"], job["last_wallet"]),
        ):
            if expected != found:
                yield Difference(
                    wallet_id=job["first_wallet"],
                    job_id=job["job_id"],
                    what=what,
                    expected=expected,
                    found=found,
                )
