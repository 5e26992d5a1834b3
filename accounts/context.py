"""What pages need to know of the settings, and of who looks at them."""

from typing import Any

from django.conf import settings
from django.http import HttpRequest
from django.utils.functional import SimpleLazyObject

from accounts import ledger


def sign_up(request: HttpRequest) -> dict[str, str | int | bool]:
    """Give templates the sign-up mode and grant, and whether mail can be sent."""
    return {
        "sign_up_mode": settings.SIGN_UP,
        "sign_up_credits": settings.SIGN_UP_CREDITS,
        "site_sends_mail": settings.EMAIL_IS_SET,
    }


def credits(request: HttpRequest) -> dict[str, Any]:
    """Give templates ``paying_wallet``, looked up only where one shows it."""
    return {
        "paying_wallet": SimpleLazyObject(lambda: ledger.paying_wallet(request.user))
    }
