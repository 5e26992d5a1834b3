"""Finds settings of jobs and models that cannot work before they meet a visitor."""

from collections.abc import Sequence
from typing import Any

from django.apps.config import AppConfig
from django.conf import settings
from django.core.checks import CheckMessage, Error, register

from generators import margins


@register
def check_local_model_price(
    app_configs: Sequence[AppConfig] | None, **kwargs: Any
) -> list[CheckMessage]:
    """Refuse a price that is no amount of credits."""
    if settings.LOCAL_MODEL_PRICE >= 0:
        return []
    return [
        Error(
            f"LOCAL_MODEL_PRICE is {settings.LOCAL_MODEL_PRICE}.",
            hint="Set it to 0 or more.",
            id="generators.E001",
        )
    ]


@register
def check_credit_usd(
    app_configs: Sequence[AppConfig] | None, **kwargs: Any
) -> list[CheckMessage]:
    """Refuse a worth of a credit that is no amount of dollars."""
    if not settings.CREDIT_USD or margins.credit_usd() is not None:
        return []
    return [
        Error(
            f"CREDIT_USD is {settings.CREDIT_USD!r:.80}.",
            hint="Set it to an amount such as 0.01, or leave it empty.",
            id="generators.E002",
        )
    ]
