"""Finds settings of accounts that cannot work before they meet a visitor."""

from collections.abc import Sequence
from typing import Any

from django.apps.config import AppConfig
from django.conf import settings
from django.core.checks import CheckMessage, Error, Tags, register

SIGN_UP_MODES = ("open", "invitation", "closed")


@register(Tags.security)
def check_sign_up(
    app_configs: Sequence[AppConfig] | None, **kwargs: Any
) -> list[CheckMessage]:
    """Refuse an unknown mode, and a grant that is no amount of credits."""
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
    return found
