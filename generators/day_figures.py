"""Adds each day's jobs up, and writes finished days down: the only writer of figures.

A job belongs to the day on which it ended, by the site's clock. So a day that is over
does not change any more, and today is a short range on an index.
"""

import datetime as dt
from collections.abc import Iterable, Iterator
from typing import Any, Final

from django.conf import settings
from django.db import transaction
from django.db.models import Case, Count, F, Max, QuerySet, Sum, When
from django.db.models.functions import Coalesce
from django.utils import timezone

from generators.models import DayFigure, GenerationJob, PersonDay
from generators.time_buckets import bucket

GRACE: Final = dt.timedelta(minutes=10)
"""How long after midnight a day is added up anew: a last job may still be on its way."""

KEPT_DAYS: Final = 92

Jobs = QuerySet[GenerationJob, GenerationJob]
Status = GenerationJob.Status
Subject = DayFigure.Subject

COST: Final = Case(
    When(actual_usd_micros__isnull=False, then=F("actual_usd_micros")),
    When(status=Status.SUCCEEDED, then=F("estimated_usd_micros")),
)
"""What a job cost the operator: as told, else as estimated of what was delivered."""

SUMS: Final[dict[str, Any]] = {
    "num_jobs": Count("pk"),
    "num_pictures": Coalesce(Sum("num_delivered"), 0),
    "credits": Coalesce(Sum("settled_credits"), 0),
    "cost_usd_micros": Coalesce(Sum(COST), 0),
    "told_usd_micros": Coalesce(Sum("actual_usd_micros"), 0),
}


def site_day(moment: dt.datetime | None = None) -> dt.date:
    """Return the day of a moment, of now without one, by the site's clock."""
    return timezone.localdate(moment, timezone.get_default_timezone())


def began_at(day: dt.date) -> dt.datetime:
    """Return the site's midnight that a day begins with."""
    zone = timezone.get_default_timezone()
    return dt.datetime.combine(day, dt.time.min, tzinfo=zone)


def ended_on(day: dt.date) -> Jobs:
    """Return the jobs that ended on a day."""
    return GenerationJob.objects.filter(
        finished_at__gte=began_at(day), finished_at__lt=began_at(_next(day))
    )


def figures_of(day: dt.date) -> list[DayFigure]:
    """Add up a day as it stands now; nothing is saved."""
    jobs = ended_on(day)
    return [*_sums(jobs, day), *_times(jobs, day)]


def people_of(day: dt.date) -> list[PersonDay]:
    """Add up each person's day as it stands now; nothing is saved.

    Jobs of deleted accounts are nobody's; they stay in all other figures.
    """
    wanted = ("num_jobs", "num_pictures", "credits")
    owned = ended_on(day).filter(owner__isnull=False)
    rows = owned.order_by().values("owner_id")
    return [
        PersonDay(day=day, **row)
        for row in rows.annotate(**{name: SUMS[name] for name in wanted})
    ]


def keep(day: dt.date) -> None:
    """Write down what a day adds up to, in the place of what was written before."""
    figures, people = figures_of(day), people_of(day)
    done = DayFigure(day=day, subject=Subject.DAY, key=settings.TIME_ZONE)
    with transaction.atomic():
        for table in (DayFigure, PersonDay):
            table.objects.filter(day=day).delete()
            table.objects.filter(day__lt=day - dt.timedelta(days=KEPT_DAYS)).delete()
        # Another process may write the same just now: one of them is enough.
        PersonDay.objects.bulk_create(people, batch_size=500, ignore_conflicts=True)
        DayFigure.objects.bulk_create([*figures, done], ignore_conflicts=True)


def catch_up(first: dt.date, last: dt.date) -> None:
    """Write down the days of a range, both ends included, that are not yet."""
    rows = DayFigure.objects.filter(subject=Subject.DAY, key=settings.TIME_ZONE)
    made = dict(rows.filter(day__range=(first, last)).values_list("day", "made_at"))
    day = first
    while day <= last:
        over_at = began_at(_next(day)) + GRACE
        if day not in made or made[day] < over_at:
            keep(day)
        day = _next(day)


def _next(day: dt.date) -> dt.date:
    return day + dt.timedelta(days=1)


def _sums(jobs: Jobs, day: dt.date) -> Iterable[DayFigure]:
    """Add up by each thing, out of one look at the jobs."""
    found: dict[tuple[str, str], DayFigure] = {}
    things = ("status", "image_model_slug", "provider", "failure_kind")
    rows = jobs.order_by().values(*things).annotate(**SUMS, example_id=Max("pk"))
    for row in rows:
        for subject, thing in zip(_SUBJECTS, things, strict=True):
            if not row[thing]:
                continue
            place = (subject, row[thing])
            figure = found.setdefault(
                place, DayFigure(day=day, subject=subject, key=row[thing])
            )
            for name in SUMS:
                setattr(figure, name, getattr(figure, name) + row[name])
            figure.example_id = max(figure.example_id or 0, row["example_id"])
    return found.values()


_SUBJECTS: Final = (
    Subject.OUTCOME,
    Subject.IMAGE_MODEL,
    Subject.PROVIDER,
    Subject.FAILURE,
)


def _times(jobs: Any, day: dt.date) -> Iterator[DayFigure]:
    """Count how long jobs waited from the press, and how long pictures were drawn."""
    jobs = jobs.annotate(began_at=Coalesce("drawing_since", "started_at"))
    begun = jobs.filter(began_at__isnull=False)
    # Not by status: SQLite would walk over all that ever succeeded, by that index.
    drawn = begun.filter(num_delivered__gt=0)
    for subject, of_subject, start, end in (
        (Subject.WAITING, begun, "created_at", "began_at"),
        (Subject.DRAWING, drawn, "began_at", "finished_at"),
    ):
        counted = of_subject.annotate(bucket=bucket(start, end))
        yield from _buckets(counted, subject, day)


def _buckets(jobs: Any, subject: str, day: dt.date) -> Iterator[DayFigure]:
    counted: dict[str, dict[int, int]] = {}
    rows = jobs.order_by().values_list("lane", "bucket").annotate(Count("pk"))
    for lane, number, num_jobs in rows:
        counted.setdefault(lane, {})[number] = num_jobs
    for lane, buckets in counted.items():
        yield DayFigure(
            day=day,
            subject=subject,
            key=lane,
            num_jobs=sum(buckets.values()),
            buckets=buckets,
        )
