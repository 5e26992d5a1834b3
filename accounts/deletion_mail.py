"""Mail to people whose account is to be deleted; only where the site sends mail."""

import datetime as dt
import logging
import smtplib
from typing import Any

from django.conf import settings
from django.core.mail import send_mail
from django.template.loader import render_to_string
from django.utils import timezone

from accounts.models import User

logger = logging.getLogger(__name__)


def tell_asked(user: User, due_at: dt.datetime) -> None:
    """Tell somebody that their account is to be deleted, and how to keep it."""
    _send("asked", user, due_at)


def warn(user: User) -> bool:
    """Remind somebody a day before; False when it could not be sent."""
    assert user.deletion_due_at is not None  # noqa: S101 (only those are warned)
    return _send("soon", user, user.deletion_due_at)


def _send(name: str, user: User, due_at: dt.datetime) -> bool:
    if not settings.EMAIL_IS_SET:
        return True
    day = timezone.localtime(due_at, timezone.get_default_timezone())
    context: dict[str, Any] = {
        "day": f"{day:%-d %B %Y}",
        "site_name": settings.SITE_NAME,
        "site_url": settings.SITE_URL,
    }
    subject, body = (
        render_to_string(f"leaving/email/{name}_{part}.txt", context).strip()
        for part in ("subject", "message")
    )
    try:
        send_mail(subject, f"{body}\n", None, [user.email])
    except (OSError, smtplib.SMTPException) as error:
        # Its text often repeats the address, which has no place in a log.
        logger.warning("Account %d got no mail: %s", user.pk, type(error).__name__)
        return False
    return True
