"""Tells people something on their next visit, until they put it away."""

from collections.abc import Sequence

from django.utils import timezone

from accounts.models import Notice, User

SHOWN_AT_ONCE = 3


def tell(user: User, text: str, *, level: Notice.Level = Notice.Level.INFO) -> Notice:
    """Show a person these words, at most 1,000 characters, on every page from now on."""
    longest = Notice._meta.get_field("text").max_length
    return Notice.objects.create(user=user, level=level, text=text[:longest])


def shown_to(user: User) -> Sequence[Notice]:
    """Return what a person has not put away yet, the newest few."""
    standing = Notice.objects.filter(user=user, dismissed_at__isnull=True)
    return list(standing[:SHOWN_AT_ONCE])


def put_away(user: User, pk: int) -> bool:
    """Show a notice no more; say whether it is one of theirs."""
    own = Notice.objects.filter(user=user, pk=pk)
    own.filter(dismissed_at__isnull=True).update(dismissed_at=timezone.now())
    return own.exists()
