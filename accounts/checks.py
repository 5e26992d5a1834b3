"""Finds settings of accounts that cannot work before they meet a visitor."""

from collections.abc import Sequence
from typing import Any

from django.apps.config import AppConfig
from django.conf import settings
from django.core.checks import CheckMessage, Error, Tags, Warning, register

from accounts.credit_words import credit_words

SIGN_UP_MODES = ("open", "invitation", "closed")
MOST_DELETION_DAYS = 365


@register(Tags.security)
def check_sign_up(
    app_configs: Sequence[AppConfig] | None, **kwargs: Any
) -> list[CheckMessage]:
    """Refuse an unknown mode, a grant that is no amount, and a way out without a pause."""
    found: list[CheckMessage] = []
    if settings.SIGN_UP not in SIGN_UP_MODES:
        found.append(
            Error(
                f"SIGN_UP is {settings.SIGN_UP!r}.",
                hint=f"Set it to one of: {', '.join(SIGN_UP_MODES)}.",
                id="accounts.E001",
            )
        )
    if settings.SIGN_UP_CREDITS < 0:
        found.append(
            Error(
                f"SIGN_UP_CREDITS is {settings.SIGN_UP_CREDITS}.",
                hint="Set it to 0 or more.",
                id="accounts.E002",
            )
        )
    if not 1 <= settings.DELETION_DAYS <= MOST_DELETION_DAYS:
        found.append(
            Error(
                f"DELETION_DAYS is {settings.DELETION_DAYS}.",
                hint=f"Set it to 1 to {MOST_DELETION_DAYS}: people may think again.",
                id="accounts.E003",
            )
        )
    return found


@register(Tags.security, deploy=True)
def check_sign_up_costs_an_address(
    app_configs: Sequence[AppConfig] | None, **kwargs: Any
) -> list[CheckMessage]:
    """Warn where anybody can make accounts without end, each with credits of its own."""
    is_farmable = settings.SIGN_UP == "open" and settings.SIGN_UP_CREDITS > 0
    if settings.EMAIL_IS_SET or not is_farmable:
        return []
    return [
        Warning(
            "Anybody can sign up again and again and gets "
            f"{credit_words(settings.SIGN_UP_CREDITS)} each time: without EMAIL_URL no "
            "address is confirmed.",
            hint="Set EMAIL_URL, or SIGN_UP=invitation, or SIGN_UP_CREDITS=0.",
            id="accounts.W001",
        )
    ]


@register(Tags.security)
def check_payments(
    app_configs: Sequence[AppConfig] | None, **kwargs: Any
) -> list[CheckMessage]:
    """Refuse keys that are none, and a shop that would not hear of its payments."""
    found: list[CheckMessage] = []
    key, secret = settings.STRIPE_SECRET_KEY, settings.STRIPE_WEBHOOK_SECRET
    if key and not key.startswith(("sk_", "rk_")):
        found.append(
            Error(
                "STRIPE_SECRET_KEY is no secret key.",
                hint="It begins with sk_test_, sk_live_, rk_test_ or rk_live_.",
                id="accounts.E004",
            )
        )
    if key and not secret:
        found.append(
            Warning(
                "STRIPE_WEBHOOK_SECRET is not set: payments are noticed late.",
                hint=f"Add {settings.SITE_URL}/billing/webhook/ at Stripe and set the "
                "secret it shows.",
                id="accounts.W002",
            )
        )
    if secret and not secret.startswith("whsec_"):
        found.append(
            Error(
                "STRIPE_WEBHOOK_SECRET is no signing secret.",
                hint="It begins with whsec_.",
                id="accounts.E005",
            )
        )
    return found
