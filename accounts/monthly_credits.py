"""The free credits of each month: given at its first visit, and gone with its end.

Free credits are spent first. What is left of them when the next month begins expires;
credits that were bought, or given by hand, stay.
"""

from collections.abc import Mapping

from django.db import transaction
from django.db.models import Sum
from django.utils import timezone

from accounts import ledger
from accounts.models import MAX_CREDITS, CreditEntry, User, Wallet
from accounts.quotas import Rule

Kind = CreditEntry.Kind


def renew(user: User, rules: Mapping[str, Rule]) -> Wallet:
    """Give a person this month's free credits, once, and take back last month's rest.

    Returns the wallet that pays for them, as it is then. Months are the site's. To whom their group pays for nothing comes. Call it at every
    visit: it costs a query where there is nothing to do.
    """
    wallet = ledger.paying_wallet(user)
    rule = rules.get("monthly_credits")
    credits = min(rule.limit, MAX_CREDITS) if rule else 0
    month = _month()
    is_done = wallet.free_month == month or not (credits or wallet.free_month)
    if wallet.group_id is not None or is_done:
        return wallet
    with transaction.atomic():
        row = Wallet.objects.select_for_update().get(pk=wallet.pk)
        if row.free_month == month:
            return row  # another visit was first
        if row.free_month:
            _take_rest_back(row)
        if credits:
            note = f"Free credits of {month}"
            reference = _reference(row, month)
            ledger.grant(row, credits, reference=reference, note=note)
        Wallet.objects.filter(pk=row.pk).update(free_month=month if credits else "")
    wallet.refresh_from_db()
    return wallet


def _month() -> str:
    return timezone.localtime(timezone=timezone.get_default_timezone()).strftime(
        "%Y-%m"
    )


def _reference(wallet: Wallet, month: str) -> str:
    return f"monthly:{wallet.pk}:{month}"


def _take_rest_back(wallet: Wallet) -> None:
    reference = _reference(wallet, wallet.free_month)
    grants = CreditEntry.objects.filter(wallet=wallet, kind=Kind.GRANT)
    free = grants.filter(reference=reference).first()
    if free is None:
        return  # they had that month's in an account that they deleted
    note = f"Free credits of {wallet.free_month}, not used"
    ledger.expire(wallet, _left_of(free), reference=reference, note=note)


def _left_of(free: CreditEntry) -> int:
    """Return how many of these credits nothing has used since; the wallet is locked.

    Jobs that began before them, and end after, neither use them nor give any back.
    """
    entries = CreditEntry.objects.filter(wallet=free.wallet_id)
    later = entries.filter(pk__gt=free.pk)
    begun = later.filter(kind=Kind.RESERVE).values("job_id")
    of_jobs = entries.filter(kind__in=ledger.JOB_KINDS, job_id__in=begun)
    taken = later.filter(kind__in=(Kind.ADJUST, Kind.DISPUTE), amount__lt=0)
    used = sum(
        rows.aggregate(sum=Sum("amount"))["sum"] or 0 for rows in (of_jobs, taken)
    )
    return max(0, free.amount + used)
