"""What the pages around sign-in need to know of the settings."""

from django.conf import settings
from django.http import HttpRequest


def sign_up(request: HttpRequest) -> dict[str, str | int | bool]:
    """Give templates the sign-up mode and grant, and whether mail can be sent."""
    return {
        "sign_up_mode": settings.SIGN_UP,
        "sign_up_credits": settings.SIGN_UP_CREDITS,
        "site_sends_mail": settings.EMAIL_IS_SET,
    }
