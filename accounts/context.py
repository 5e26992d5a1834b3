"""What pages need to know of the settings, and of who looks at them."""

from collections.abc import Sequence
from typing import Any

from django.conf import settings
from django.http import HttpRequest
from django.utils.functional import SimpleLazyObject

from accounts import ledger, notices
from accounts.billing import client
from accounts.looking import look_of
from accounts.models import Group, Notice, User, Wallet


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


def told(request: HttpRequest) -> dict[str, Any]:
    """Give templates the look of an admin, and what the person was told lately.

    An admin who looks is told nothing: the notices wait for the person.
    """
    look = look_of(request)
    return {
        "look": look,
        "standing_notices": SimpleLazyObject(
            lambda: [] if look else _standing(request)
        ),
    }


def _standing(request: HttpRequest) -> Sequence[Notice]:
    return notices.shown_to(request.user) if isinstance(request.user, User) else []


def _wallet_shown(request: HttpRequest) -> Wallet | None:
    """Return the wallet that pays, if there is one yet: showing a page makes none."""
    payer = ledger.payer_of(request.user)
    of = "group" if isinstance(payer, Group) else "user"
    return Wallet.objects.filter(**{of: payer.pk}).first()
