"""What needs a hand: a line for each thing that somebody should look at now.

A new kind is one more line of ``SOURCES``; whatever has a badge in the sidebar is there.
"""

from collections.abc import Callable
from dataclasses import dataclass
from typing import Final

from django.db.models import QuerySet
from django.http import HttpRequest
from django.urls import reverse

from accounts.admin_payments import event_badge
from accounts.billing import client
from generators import stuck_jobs
from generators.admin import approval_badge
from generators.admin_connections import badge as connection_badge
from generators.admin_moderation import badge as moderation_badge

COUNTED_TO: Final = 99


@dataclass(frozen=True, slots=True, kw_only=True)
class Source:
    """Counts one kind of thing, for those with the rights to its table.

    ``address`` is the name of the page, ``query`` what stands behind its ``?``.
    """

    count: Callable[[HttpRequest], int]
    one: str
    many: str
    address: str
    query: str = ""
    rights: tuple[str, ...]
    is_grave: bool = False


@dataclass(frozen=True, slots=True, kw_only=True)
class Notice:
    """One thing to look at, and where."""

    words: str
    address: str
    is_grave: bool


def _stripe_news(request: HttpRequest) -> int:
    """Count what failed of Stripe's news, where the site takes money."""
    return event_badge(request) if client.is_on() else 0


def _of(rows: Callable[[], QuerySet]) -> Callable[[HttpRequest], int]:  # type: ignore[type-arg]
    """Return a function that counts rows, as far as anybody wants to know."""
    return lambda request: rows().order_by()[:COUNTED_TO].count()


_JOBS: Final = "admin:generators_generationjob_changelist"
_OF_JOBS: Final = ("generators.view_generationjob",)

SOURCES: Final = (
    Source(
        count=connection_badge,
        one="connection does not work",
        many="connections do not work",
        address="admin:generators_connection_changelist",
        rights=("generators.view_connection",),
        is_grave=True,
    ),
    Source(
        count=_of(stuck_jobs.lost),
        one="job lost its worker",
        many="jobs lost their worker",
        address=_JOBS,
        query="status__exact=running",
        rights=_OF_JOBS,
        is_grave=True,
    ),
    Source(
        count=_of(stuck_jobs.late),
        one="job waits for long",
        many="jobs wait for long",
        address=_JOBS,
        query="status__exact=queued",
        rights=_OF_JOBS,
        is_grave=True,
    ),
    Source(
        count=_of(stuck_jobs.unknown),
        one="job has no known outcome",
        many="jobs have no known outcome",
        address=_JOBS,
        query="status__exact=unknown",
        rights=_OF_JOBS,
    ),
    Source(
        count=approval_badge,
        one="job waits for your yes",
        many="jobs wait for your yes",
        address=_JOBS,
        query="phase__exact=approval",
        rights=_OF_JOBS,
    ),
    Source(
        count=_stripe_news,
        one="piece of Stripe's news failed",
        many="pieces of Stripe's news failed",
        address="admin:accounts_stripeevent_changelist",
        query="status__exact=failed",
        rights=("accounts.view_stripeevent",),
        is_grave=True,
    ),
    Source(
        count=moderation_badge,
        one="flagged prompt waits for a decision",
        many="flagged prompts wait for a decision",
        address="admin:generators_promptverdict_changelist",
        query="state__exact=open",
        rights=("generators.view_promptverdict",),
    ),
)


def notices(request: HttpRequest) -> list[Notice]:
    """Return what needs a hand, of what this member of staff may look at."""
    found = []
    for source in SOURCES:
        if request.user.has_perms(source.rights) and (number := source.count(request)):
            address = reverse(source.address)
            many = f"{number}{'+' * (number >= COUNTED_TO)}"
            found.append(
                Notice(
                    words=f"{many} {source.one if number == 1 else source.many}",
                    address=f"{address}?{source.query}" if source.query else address,
                    is_grave=source.is_grave,
                )
            )
    return found
