"""Credits: granted, reserved, settled, refunded. The only writer of wallets and entries.

Every function that changes a wallet locks its row first, writes the entry in the same
transaction, and leaves the ``Wallet`` instance it was given as it was: read the row
again to show the new balance.
"""

from collections.abc import Iterator
from dataclasses import dataclass
from typing import TYPE_CHECKING
from uuid import UUID

from django.conf import settings
from django.db import connection, transaction
from django.db.models import Count, F, Max, Min, Q, Sum
from django.db.models.functions import Coalesce

from accounts.models import CreditEntry, User, Wallet

if TYPE_CHECKING:
    from django.contrib.auth.models import AnonymousUser

Kind = CreditEntry.Kind
MAX_CREDITS = 10**12
"""The most one entry may move, far below what the column holds."""


class LedgerError(Exception):
    """The ledger refused; nothing was written."""


class InsufficientCredits(LedgerError):
    """The wallet holds ``available`` credits and ``needed`` were asked for."""

    def __init__(self, *, needed: int, available: int) -> None:
        self.needed = needed
        self.available = available
        super().__init__(f"{needed} credits needed, {available} available.")


class NotReserved(LedgerError):
    """The job has no reservation in this wallet, or a smaller one."""


class AlreadyEnded(LedgerError):
    """The job's reservation was settled or refunded before."""


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


def wallet_of(user: "User | AnonymousUser") -> Wallet:
    """Return the person's wallet, made with its sign-up grant the first time.

    Safe to call at once from many places: wallet and grant come in one transaction.
    """
    if not isinstance(user, User):
        raise TypeError("Only a signed-in person has a wallet.")
    if wallet := Wallet.objects.filter(user=user).first():
        return wallet
    with transaction.atomic():
        wallet, is_new = Wallet.objects.get_or_create(user=user)
        if is_new:
            grant(
                wallet,
                settings.SIGN_UP_CREDITS,
                reference=f"sign-up:{user.pk}",
                note="Welcome",
            )
            wallet.refresh_from_db()
    return wallet


def grant(wallet: Wallet, credits: int, *, reference: str, note: str = "") -> bool:
    """Add credits, 0 to ``MAX_CREDITS``, once a reference; say whether they counted.

    Raises ValueError without a reference, out of range, or when the reference was used
    for another wallet.
    """
    if not reference:
        raise ValueError("A grant needs a reference, so that it counts once.")
    _check(credits)
    with transaction.atomic():
        _lock(wallet)
        entry, is_new = CreditEntry.objects.get_or_create(
            kind=Kind.GRANT,
            reference=reference,
            defaults={"wallet": wallet, "amount": credits, "note": note},
        )
        if entry.wallet_id != wallet.pk:
            raise ValueError("This reference was granted to another wallet.")
        if is_new:
            _change(wallet, amount=credits)
    return is_new


def adjust(wallet: Wallet, credits: int, *, reference: str = "", note: str) -> None:
    """Add or, when negative, take credits by hand; ``note`` says why.

    Raises InsufficientCredits when more is taken than the wallet holds, ValueError
    without a note or beyond ``MAX_CREDITS``.
    """
    if not note.strip():
        raise ValueError("An adjustment needs a reason.")
    _check(abs(credits))
    with transaction.atomic():
        if not _change(wallet, amount=credits):
            raise InsufficientCredits(needed=-credits, available=_lock(wallet).balance)
        CreditEntry.objects.create(
            wallet=wallet,
            kind=Kind.ADJUST,
            amount=credits,
            reference=reference,
            note=note,
        )


def reserve(wallet: Wallet, credits: int, *, job_id: UUID) -> None:
    """Set credits aside for a job, 0 to ``MAX_CREDITS``; once a job.

    Belongs in the transaction that makes the job: raises TransactionManagementError
    outside one, InsufficientCredits, and IntegrityError when the job has a reservation.
    """
    if not connection.in_atomic_block:
        raise transaction.TransactionManagementError(
            "Reserve in the transaction that makes the job."
        )
    _check(credits)
    with transaction.atomic():
        if not _change(wallet, amount=-credits, reserved=credits):
            raise InsufficientCredits(needed=credits, available=_lock(wallet).balance)
        _write_for_job(Kind.RESERVE, wallet, job_id, amount=-credits, reserved=credits)


def settle(wallet: Wallet, credits: int, *, job_id: UUID) -> int:
    """Take that many of the job's reserved credits for good; refund and return the rest.

    Raises NotReserved when there is no reservation or a smaller one, AlreadyEnded when
    it was settled or refunded before.
    """
    _check(credits)
    with transaction.atomic():
        _lock(wallet)
        reserved = _reserved_for(wallet, job_id)
        if credits > reserved:
            raise NotReserved(f"{credits} to settle, {reserved} reserved.")
        _write_for_job(Kind.SETTLE, wallet, job_id, amount=0, reserved=-credits)
        rest = reserved - credits
        if rest:
            _write_for_job(Kind.REFUND, wallet, job_id, amount=rest, reserved=-rest)
        _change(wallet, amount=rest, reserved=-reserved)
    return rest


def refund(wallet: Wallet, *, job_id: UUID) -> int:
    """Give back all that is still reserved for the job; return how much that was.

    Returns 0, and writes nothing, when the job never reserved or has ended before.
    """
    with transaction.atomic():
        _lock(wallet)
        try:
            rest = _reserved_for(wallet, job_id)
        except LedgerError:
            return 0
        _write_for_job(Kind.REFUND, wallet, job_id, amount=rest, reserved=-rest)
        _change(wallet, amount=rest, reserved=-rest)
    return rest


def audit() -> list[Difference]:
    """Recompute everything from the entries; return what does not add up."""
    return [*_audit_wallets(), *_audit_jobs()]


def _check(credits: int) -> None:
    if not 0 <= credits <= MAX_CREDITS:
        raise ValueError(f"{credits} credits are out of range.")


def _lock(wallet: Wallet) -> Wallet:
    """Hold the wallet's row to the end of the transaction and return it as it is."""
    return Wallet.objects.select_for_update().get(pk=wallet.pk)


def _change(wallet: Wallet, *, amount: int, reserved: int = 0) -> bool:
    """Move the cached figures in one statement; say whether the balance allowed it."""
    changed = Wallet.objects.filter(pk=wallet.pk, balance__gte=-amount).update(
        balance=F("balance") + amount, reserved=F("reserved") + reserved
    )
    return changed == 1


def _write_for_job(
    kind: str, wallet: Wallet, job_id: UUID, *, amount: int, reserved: int
) -> None:
    CreditEntry.objects.create(
        kind=kind, wallet=wallet, job_id=job_id, amount=amount, reserved=reserved
    )


def _reserved_for(wallet: Wallet, job_id: UUID) -> int:
    """Return the job's open reservation. Raises NotReserved or AlreadyEnded."""
    entries = dict(
        CreditEntry.objects.filter(wallet=wallet, job_id=job_id).values_list(
            "kind", "reserved"
        )
    )
    if Kind.RESERVE not in entries:
        raise NotReserved(f"Job {job_id} has no reservation in this wallet.")
    if len(entries) > 1:
        raise AlreadyEnded(f"Job {job_id} was settled or refunded before.")
    return entries[Kind.RESERVE]


def _audit_wallets() -> Iterator[Difference]:
    wallets = Wallet.objects.annotate(
        balance_sum=Coalesce(Sum("entries__amount"), 0),
        reserved_sum=Coalesce(Sum("entries__reserved"), 0),
    ).exclude(balance=F("balance_sum"), reserved=F("reserved_sum"))
    for wallet in wallets.order_by("pk"):
        for what, expected, found in (
            ("balance against its entries", wallet.balance_sum, wallet.balance),
            ("reserved against its entries", wallet.reserved_sum, wallet.reserved),
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
