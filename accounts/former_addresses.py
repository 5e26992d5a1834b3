"""Addresses of deleted accounts, as digests: whoever comes back starts without free credits.

Otherwise anybody could delete an account and sign up again for the next grant, without
end. The digest is keyed by the site's secret: nobody can read an address from it, nor
try addresses against a copy of the database alone.
"""

import datetime as dt
from collections.abc import Collection

from django.utils import timezone
from django.utils.crypto import salted_hmac

from accounts.models import FormerAddress

DAYS_REMEMBERED = 365


def remember(addresses: Collection[str], *, free_month: str) -> None:
    """Remember the addresses of an account that is being deleted; repeating is harmless.

    ``free_month`` is the month whose free credits it had.
    """
    forget_at = timezone.now() + dt.timedelta(days=DAYS_REMEMBERED)
    for address in addresses:
        FormerAddress.objects.update_or_create(
            digest=_digest(address),
            defaults={"free_month": free_month, "forget_at": forget_at},
        )


def find(address: str) -> FormerAddress | None:
    """Return what is remembered of an address, if an account of it was deleted lately."""
    rows = FormerAddress.objects.filter(forget_at__gt=timezone.now())
    return rows.filter(digest=_digest(address)).first()


def forget_old() -> None:
    """Forget those whose days are over."""
    FormerAddress.objects.filter(forget_at__lte=timezone.now()).delete()


def _digest(address: str) -> str:
    text = address.strip().lower()
    return salted_hmac("accounts.former_address", text, algorithm="sha256").hexdigest()
