"""Credits: granted, bought, reserved, settled, refunded, taken back.

The only writer of wallets and entries.

Every function that changes a wallet locks its row first, writes the entry in the same
transaction, and leaves the ``Wallet`` instance it was given as it was: read the row
again to show the new balance.
"""

from typing import TYPE_CHECKING, Any
from uuid import UUID

from django.conf import settings
from django.db import connection, transaction
from django.db.models import F

from accounts import former_addresses
from accounts.models import MAX_CREDITS, CreditEntry, Group, User, Wallet

if TYPE_CHECKING:
    from django.contrib.auth.models import AnonymousUser

Kind = CreditEntry.Kind
JOB_KINDS = (Kind.RESERVE, Kind.SETTLE, Kind.REFUND)


class LedgerError(Exception):
    """The ledger refused; nothing was written."""


class InsufficientCredits(LedgerError):
    """The wallet holds ``available`` credits and ``needed`` were asked for."""

    def __init__(self, *, needed: int, available: int) -> None:
        self.needed = needed
        self.available = available
        super().__init__(f"{needed} credits needed, {available} available.")


class InDebt(LedgerError):
    """The wallet owes ``debt`` credits: nothing is reserved until they are paid."""

    def __init__(self, *, debt: int) -> None:
        self.debt = debt
        super().__init__(f"{debt} credits are owed.")


class NotReserved(LedgerError):
    """The job has no reservation in this wallet, or a smaller one."""


class AlreadyEnded(LedgerError):
    """The job's reservation was settled or refunded before."""


def wallet_of(user: "User | AnonymousUser") -> Wallet:
    """Return the person's wallet, made with its sign-up grant the first time.

    Whoever deleted an account lately gets no second grant. Safe to call at once from
    many places: wallet and grant come in one transaction.
    """
    if not isinstance(user, User):
        raise TypeError("Only a signed-in person has a wallet.")
    if wallet := Wallet.objects.filter(user=user).first():
        return wallet
    with transaction.atomic():
        former = former_addresses.find(user.email)
        had = {"free_month": former.free_month} if former else {}
        wallet, is_new = Wallet.objects.get_or_create(user=user, defaults=had)
        if is_new:
            credits = 0 if former else settings.SIGN_UP_CREDITS
            note = "Welcome back" if former else "Welcome"
            grant(wallet, credits, reference=f"sign-up:{user.pk}", note=note)
            wallet.refresh_from_db()
    return wallet


def paying_wallet(user: "User | AnonymousUser") -> Wallet:
    """Return the wallet that pays for a person's jobs: their own or their group's."""
    payer = payer_of(user)
    return wallet_of_group(payer) if isinstance(payer, Group) else wallet_of(payer)


def payer_of(user: "User | AnonymousUser") -> "User | AnonymousUser | Group":
    """Return who pays for a person's jobs: they, or the group whose credits they share."""
    group = user.group if isinstance(user, User) else None
    return user if group is None or not group.shares_credits else group


def wallet_of_group(group: Group) -> Wallet:
    """Return a group's wallet, made empty the first time."""
    return Wallet.objects.get_or_create(group=group)[0]


def grant(wallet: Wallet, credits: int, *, reference: str, note: str = "") -> bool:
    """Add credits, 0 to ``MAX_CREDITS``, once a reference; say whether they counted.

    Raises ValueError without a reference, out of range, or when the reference was used
    for another wallet.
    """
    return _add(Kind.GRANT, wallet, credits, reference=reference, note=note)


def purchase(wallet: Wallet, credits: int, *, reference: str, note: str = "") -> bool:
    """Add credits that were paid for; as ``grant`` does."""
    return _add(Kind.PURCHASE, wallet, credits, reference=reference, note=note)


def expire(wallet: Wallet, credits: int, *, reference: str, note: str = "") -> int:
    """Take back up to that many credits that were free, once a reference.

    Returns how many were taken: no more than the balance. Raises ValueError as
    ``grant`` does.
    """
    _check_reference(reference, credits)
    with transaction.atomic():
        taken = min(credits, _lock(wallet).balance)
        entry, is_new = _entry_once(
            Kind.EXPIRE, wallet, reference, amount=-taken, note=note
        )
        if is_new:
            _change(wallet, amount=-taken)
    return -entry.amount


def take_back(wallet: Wallet, credits: int, *, reference: str, note: str = "") -> bool:
    """Take credits whose payment was taken back, once a reference; say if it counted.

    What the balance does not hold is owed from then on: the balance is never below 0.
    Raises ValueError as ``grant`` does.
    """
    _check_reference(reference, credits)
    with transaction.atomic():
        taken = min(credits, _lock(wallet).balance)
        owed = credits - taken
        _, is_new = _entry_once(
            Kind.DISPUTE,
            wallet,
            f"taken:{reference}",
            amount=-taken,
            debt=owed,
            note=note,
        )
        if is_new:
            _change(wallet, amount=-taken, debt=owed)
    return is_new


def give_back(wallet: Wallet, credits: int, *, reference: str, note: str = "") -> bool:
    """Undo ``take_back`` for so many credits, once a reference; say if it counted.

    What is owed is paid first. Raises ValueError as ``grant`` does.
    """
    if reference:
        reference = f"returned:{reference}"
    return _add(Kind.DISPUTE, wallet, credits, reference=reference, note=note)


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
        _pay_debt(wallet)


def reserve(wallet: Wallet, credits: int, *, job_id: UUID) -> None:
    """Set credits aside for a job, 0 to ``MAX_CREDITS``; once a job.

    Belongs in the transaction that makes the job: raises TransactionManagementError
    outside one, InDebt, InsufficientCredits, and IntegrityError when the job has a
    reservation.
    """
    if not connection.in_atomic_block:
        raise transaction.TransactionManagementError(
            "Reserve in the transaction that makes the job."
        )
    _check(credits)
    with transaction.atomic():
        if not _change(wallet, amount=-credits, reserved=credits, without_debt=True):
            if debt := _lock(wallet).debt:
                raise InDebt(debt=debt)
            raise InsufficientCredits(needed=credits, available=_lock(wallet).balance)
        _write_for_job(Kind.RESERVE, wallet, job_id, amount=-credits, reserved=credits)


def settle(wallet: Wallet, credits: int, *, job_id: UUID) -> int:
    """Take that many of the job's reserved credits for good; refund and return the rest.

    Raises NotReserved when there is no reservation or a smaller one, AlreadyEnded when
    it was settled or refunded before.
    """
    _check(credits)
    with transaction.atomic():
        owed = _lock(wallet).debt
        reserved = _reserved_for(wallet, job_id)
        if credits > reserved:
            raise NotReserved(f"{credits} to settle, {reserved} reserved.")
        _write_for_job(Kind.SETTLE, wallet, job_id, amount=0, reserved=-credits)
        rest = reserved - credits
        if rest:
            _write_for_job(Kind.REFUND, wallet, job_id, amount=rest, reserved=-rest)
        _change(wallet, amount=rest, reserved=-reserved)
        if owed:
            _pay_debt(wallet)
    return rest


def refund(wallet: Wallet, *, job_id: UUID) -> int:
    """Give back all that is still reserved for the job; return how much that was.

    Returns 0, and writes nothing, when the job never reserved or has ended before.
    """
    with transaction.atomic():
        owed = _lock(wallet).debt
        try:
            rest = _reserved_for(wallet, job_id)
        except LedgerError:
            return 0
        _write_for_job(Kind.REFUND, wallet, job_id, amount=rest, reserved=-rest)
        _change(wallet, amount=rest, reserved=-rest)
        if owed:
            _pay_debt(wallet)
    return rest


def _check(credits: int) -> None:
    if not 0 <= credits <= MAX_CREDITS:
        raise ValueError(f"{credits} credits are out of range.")


def _check_reference(reference: str, credits: int) -> None:
    if not reference:
        raise ValueError("It needs a reference, so that it counts once.")
    _check(credits)


def _lock(wallet: Wallet) -> Wallet:
    """Hold the wallet's row to the end of the transaction and return it as it is."""
    return Wallet.objects.select_for_update().get(pk=wallet.pk)


def _change(
    wallet: Wallet,
    *,
    amount: int,
    reserved: int = 0,
    debt: int = 0,
    without_debt: bool = False,
) -> bool:
    """Move the cached figures in one statement; say whether they allowed it.

    The balance must hold what is taken; ``without_debt``, nothing may be owed either.
    """
    rows = Wallet.objects.filter(pk=wallet.pk, balance__gte=-amount)
    if without_debt:
        rows = rows.filter(debt=0)
    changed = rows.update(
        balance=F("balance") + amount,
        reserved=F("reserved") + reserved,
        debt=F("debt") + debt,
    )
    return changed == 1


def _add(
    kind: Kind, wallet: Wallet, credits: int, *, reference: str, note: str
) -> bool:
    """Add credits once a reference, and pay with them what is owed."""
    _check_reference(reference, credits)
    with transaction.atomic():
        _lock(wallet)
        _, is_new = _entry_once(kind, wallet, reference, amount=credits, note=note)
        if is_new:
            _change(wallet, amount=credits)
            _pay_debt(wallet)
    return is_new


def _entry_once(
    kind: Kind, wallet: Wallet, reference: str, **figures: Any
) -> tuple[CreditEntry, bool]:
    """Return the entry of this reference, and whether it is new."""
    entry, is_new = CreditEntry.objects.get_or_create(
        kind=kind, reference=reference, defaults={"wallet": wallet, **figures}
    )
    if entry.wallet_id != wallet.pk:
        raise ValueError("This reference was used for another wallet.")
    return entry, is_new


def _pay_debt(wallet: Wallet) -> None:
    """Pay what is owed with what the balance holds now; the wallet is locked."""
    row = Wallet.objects.get(pk=wallet.pk)
    paid = min(row.debt, row.balance)
    if paid:
        CreditEntry.objects.create(
            wallet=wallet,
            kind=Kind.DISPUTE,
            amount=-paid,
            debt=-paid,
            note="Pays what was owed",
        )
        _change(wallet, amount=-paid, debt=-paid)


def _write_for_job(
    kind: str, wallet: Wallet, job_id: UUID, *, amount: int, reserved: int
) -> None:
    CreditEntry.objects.create(
        kind=kind, wallet=wallet, job_id=job_id, amount=amount, reserved=reserved
    )


def _reserved_for(wallet: Wallet, job_id: UUID) -> int:
    """Return the job's open reservation. Raises NotReserved or AlreadyEnded."""
    entries = dict(
        CreditEntry.objects.filter(
            wallet=wallet, job_id=job_id, kind__in=JOB_KINDS
        ).values_list("kind", "reserved")
    )
    if Kind.RESERVE not in entries:
        raise NotReserved(f"Job {job_id} has no reservation in this wallet.")
    if len(entries) > 1:
        raise AlreadyEnded(f"Job {job_id} was settled or refunded before.")
    return entries[Kind.RESERVE]
