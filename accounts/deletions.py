"""Accounts that are to be deleted: asked for, kept after all, begun, over.

The only writer of ``Deletion`` and of a person's ``deletion_due_at``. What is deleted
then, and in which order, stands in ``magicshot.leaving.deletion``.
"""

import datetime as dt
import logging
from functools import partial

from django.conf import settings
from django.db import transaction
from django.db.models import Q, QuerySet
from django.utils import timezone

from accounts import deletion_mail
from accounts.models import Deletion, User

WARNED_BEFORE = dt.timedelta(days=1)
OWN_WISH = "Their own wish"
ONLY_SUPERUSER = (
    "This is the site's only superuser: without one nobody could look after it. Make "
    "somebody else a superuser first, in the admin."
)

logger = logging.getLogger(__name__)


class CannotDelete(Exception):
    """The account has to stay; ``user_message`` says why."""

    def __init__(self, user_message: str) -> None:
        self.user_message = user_message
        super().__init__(user_message)


def refusal(user: User) -> str:
    """Say why an account cannot be deleted; empty when it can."""
    return ONLY_SUPERUSER if _is_only_superuser(user) else ""


def ask(user: User, *, by: User, reason: str = OWN_WISH) -> dt.datetime:
    """Let an account be deleted in ``DELETION_DAYS``, tell its owner; return when.

    Asked again, the first day stays. Raises CannotDelete for the only superuser.
    """
    due_at = timezone.now() + dt.timedelta(days=settings.DELETION_DAYS)
    with transaction.atomic():
        row = _lock(user)
        if row.deletion_due_at is not None:
            return row.deletion_due_at
        if words := refusal(user):
            raise CannotDelete(words)
        Deletion.objects.create(user=user, requested_by=by, reason=reason)
        User.objects.filter(pk=user.pk).update(deletion_due_at=due_at)
        transaction.on_commit(partial(deletion_mail.tell_asked, row, due_at))
    return due_at


def keep(user: User) -> bool:
    """Let an account stay after all; False when nothing was asked, or it has begun."""
    with transaction.atomic():
        _lock(user)
        gone, _ = Deletion.objects.filter(user=user, begun_at__isnull=True).delete()
        if gone:
            User.objects.filter(pk=user.pk).update(deletion_due_at=None)
    return bool(gone)


def due() -> list[User]:
    """Return whose days are over, the longest first."""
    rows = User.objects.filter(deletion_due_at__lte=timezone.now())
    return list(rows.order_by("deletion_due_at", "pk"))


def begin(user: User) -> bool:
    """Make it final, and shut the account; say whether it is, also when it was before.

    It is not when somebody kept it a moment ago, or when no other superuser is left.
    """
    with transaction.atomic():
        _lock(user)
        rows = Deletion.objects.filter(user=user)
        if not rows.exists():
            return False
        if rows.filter(begun_at__isnull=True).exists() and _is_only_superuser(user):
            logger.error("Account %d is not deleted: the only superuser", user.pk)
            return False
        rows.filter(begun_at__isnull=True).update(begun_at=timezone.now())
        User.objects.filter(pk=user.pk).update(is_active=False)
    return True


def warn() -> None:
    """Write to those whose account is deleted within a day, once."""
    tomorrow = timezone.now() + WARNED_BEFORE
    soon = Deletion.objects.filter(
        user__deletion_due_at__lte=tomorrow,
        warned_at__isnull=True,
        begun_at__isnull=True,
    )
    for row in soon.select_related("user"):
        if row.user is not None and deletion_mail.warn(row.user):
            Deletion.objects.filter(pk=row.pk).update(warned_at=timezone.now())


def without_person() -> QuerySet[Deletion, Deletion]:
    """Return those that are done but for what outlives the person's row."""
    return Deletion.objects.filter(user__isnull=True)


def _lock(user: User) -> User:
    """Hold this person's row and all superusers', always in the same order.

    Raise User.DoesNotExist where they are gone.
    """
    held = Q(pk=user.pk) | Q(is_superuser=True)
    rows = User.objects.select_for_update().filter(held).order_by("pk")
    for row in list(rows):
        if row.pk == user.pk:
            return row
    raise User.DoesNotExist


def _is_only_superuser(user: User) -> bool:
    """Say whether nobody who stays would be left to look after the site."""
    if not user.is_superuser:
        return False
    others = User.objects.filter(is_superuser=True, is_active=True)
    return not others.filter(deletion_due_at__isnull=True).exclude(pk=user.pk).exists()
