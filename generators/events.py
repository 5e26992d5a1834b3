"""The change feed: which of a person's jobs changed since the page last heard.

A cursor is a moment of the database's clock. PostgreSQL commits out of order: a change
stamped earlier may become visible later than one the page has seen. So each look goes
back ``OVERLAP_SECONDS`` before the newest change seen, and tells only versions that
this cursor has not told. A transaction that stays open longer than that after its
statement is the only thing that could hide, and none of ours does remote work.

As text (the id of a server-sent event) the cursor is the moment alone: a page that
comes back may be told a version twice, which it ignores by the version number.
"""

import datetime
from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Self

from accounts.models import User
from generators import clock
from generators.models import GenerationJob

OVERLAP_SECONDS = 15.0
MOST_MISSED = 50
"""So many changed jobs are told one by one to a page that comes back."""

_OVERLAP = datetime.timedelta(seconds=OVERLAP_SECONDS)


@dataclass(frozen=True, slots=True, kw_only=True)
class Cursor:
    """Up to where changes were told, and which versions lie within the overlap."""

    moment: datetime.datetime
    told: Mapping[int, int] = field(default_factory=dict)

    def __str__(self) -> str:
        return self.moment.isoformat()

    @classmethod
    def parse(cls, text: str) -> Self:
        """Read what ``str`` made; ``ValueError`` for anything else."""
        moment = datetime.datetime.fromisoformat(text)
        if moment.tzinfo is None:
            raise ValueError("A cursor has a time zone.")
        if not 2000 <= moment.year < 9999:
            raise ValueError("A cursor is a moment of this site.")
        return cls(moment=moment.astimezone(datetime.UTC))


@dataclass(frozen=True, slots=True, kw_only=True)
class Changes:
    """What is new, oldest change first, and the cursor for the next look."""

    jobs: tuple[GenerationJob, ...]
    cursor: Cursor


def cursor_now(user: User) -> Cursor:
    """Return a cursor at this moment: what is there already will not be told."""
    moment = clock.read()
    return Cursor(moment=moment, told=_versions_since(user, moment))


def resume(user: User, cursor: Cursor) -> tuple[Cursor, bool]:
    """Return where a page that comes back goes on, and whether it missed too much.

    Of more than ``MOST_MISSED`` changes only the newest are told; the page must ask for
    the rest. A moment that is still to come is taken for now.
    """
    newest = GenerationJob.objects.filter(
        owner=user, changed_at__gte=cursor.moment
    ).order_by("-changed_at")
    moments = newest.values_list("changed_at", flat=True)
    if beyond := moments[MOST_MISSED : MOST_MISSED + 1].first():
        return Cursor(moment=beyond), True
    return Cursor(moment=min(cursor.moment, clock.read())), False


def changed_since(user: User, cursor: Cursor) -> Changes:
    """Return the person's jobs whose version this cursor has not told, and the next.

    One short walk on an index when nothing changed.
    """
    recent = _versions_since(user, cursor.moment)
    fresh = [pk for pk, version in recent.items() if cursor.told.get(pk) != version]
    if not fresh:
        return Changes(jobs=(), cursor=cursor)
    jobs = tuple(
        GenerationJob.objects.filter(pk__in=fresh)
        .select_related("generation", "image_model__price")
        .order_by("changed_at", "pk")
    )
    told = recent | {job.pk: job.version for job in jobs}
    moment = max([cursor.moment, *(job.changed_at for job in jobs)])
    return Changes(jobs=jobs, cursor=Cursor(moment=moment, told=told))


def _versions_since(user: User, moment: datetime.datetime) -> dict[int, int]:
    recent = GenerationJob.objects.filter(owner=user, changed_at__gte=moment - _OVERLAP)
    return dict(recent.values_list("pk", "version"))
