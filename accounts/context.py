"""What pages need to know of the settings, and of who looks at them."""

from typing import Any

from django.conf import settings
from django.http import HttpRequest
from django.utils.functional import SimpleLazyObject

from accounts import ledger
from accounts.billing import client
from accounts.models import Group, Wallet


def sign_up(request: HttpRequest) -> dict[str, str | int | bool]:
    """Give templates the sign-up mode and grant, and whether mail can be sent."""
    return {
        "sign_up_mode": settings.SIGN_UP,
        "sign_up_credits": settings.SIGN_UP_CREDITS,
        "site_sends_mail": settings.EMAIL_IS_SET,
    }


def billing(request: HttpRequest) -> dict[str, bool]:
    """Tell templates whether credits can be bought."""
    return {"sells_credits": client.is_on()}


def credits(request: HttpRequest) -> dict[str, Any]:
    """Give templates ``paying_wallet``, looked up only where one shows it."""
    return {"paying_wallet": SimpleLazyObject(lambda: _wallet_shown(request))}


def _wallet_shown(request: HttpRequest) -> Wallet | None:
    """Return the wallet that pays, if there is one yet: showing a page makes none."""
    payer = ledger.payer_of(request.user)
    of = "group" if isinstance(payer, Group) else "user"
    return Wallet.objects.filter(**{of: payer.pk}).first()
