"""The free credits of each month: given at its first visit, and gone with its end.

Free credits are spent first. What is left of them when the next month's come expires;
credits that were bought, or given by hand, stay.
"""

from collections.abc import Mapping

from django.db import transaction
from django.db.models import Sum
from django.utils import timezone

from accounts import ledger
from accounts.models import CreditEntry, User
from accounts.quotas import Rule

Kind = CreditEntry.Kind


def renew(user: User, rules: Mapping[str, Rule]) -> bool:
    """Give a person this month's free credits, if their quotas say so and they have not.

    Months are the site's. Says whether any came. Safe to call at every visit.
    """
    rule = rules.get("monthly_credits")
    if rule is None or not rule.limit:
        return False
    wallet = ledger.wallet_of(user)
    begins = f"monthly:{wallet.pk}:"
    month = timezone.localdate(timezone=timezone.get_default_timezone()).strftime(
        "%Y-%m"
    )
    given = CreditEntry.objects.filter(kind=Kind.GRANT)
    if given.filter(reference=f"{begins}{month}").exists():
        return False
    with transaction.atomic():
        last = (
            given.filter(wallet=wallet, reference__startswith=begins)
            .order_by("-id")
            .first()
        )
        if last is not None:
            ledger.expire(
                wallet,
                _left_of(last),
                reference=last.reference,
                note=f"Free credits of {last.reference.removeprefix(begins)}, not used",
            )
        return ledger.grant(
            wallet,
            rule.limit,
            reference=f"{begins}{month}",
            note=f"Free credits of {month}",
        )


def _left_of(free: CreditEntry) -> int:
    """Return how many of these credits no job has used since."""
    later = CreditEntry.objects.filter(wallet=free.wallet_id, pk__gt=free.pk)
    of_jobs = later.filter(kind__in=(Kind.RESERVE, Kind.REFUND))
    moved: int = of_jobs.aggregate(sum=Sum("amount"))["sum"] or 0
    return max(0, free.amount + min(0, moved))
