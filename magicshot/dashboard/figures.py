"""What ended in a span: by outcome, model, provider, person, failure; what it cost.

Finished days come from the rows that ``generators.day_figures`` keeps, today from a
short range of jobs.
"""

import datetime as dt
from collections import Counter
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from heapq import nlargest
from operator import attrgetter
from typing import Any, Final

from django.db.models import Sum
from django.db.models.functions import ExtractHour
from django.utils import timezone

from generators import day_figures
from generators.models import DayFigure, GenerationJob, PersonDay
from generators.time_buckets import added, percentile
from magicshot.dashboard.spans import TODAY, Span

TOP: Final = 10
Subject = DayFigure.Subject
Status = GenerationJob.Status


@dataclass(frozen=True, slots=True, kw_only=True)
class Amount:
    """What some jobs add up to. Costs are millionths of a dollar.

    ``told_usd_micros`` is the part of the cost that providers told; ``example`` is the
    key of the latest of the jobs.
    """

    key: str = ""
    num_jobs: int = 0
    num_pictures: int = 0
    credits: int = 0
    cost_usd_micros: int = 0
    told_usd_micros: int = 0
    example: int | None = None


@dataclass(frozen=True, slots=True, kw_only=True)
class Slot:
    """A day, or an hour of today: jobs by status, and what they took and cost."""

    name: str
    outcomes: Mapping[str, int]
    credits: int
    cost_usd_micros: int


@dataclass(frozen=True, slots=True, kw_only=True)
class Times:
    """How long something took on a lane: seconds that half, and 95 of 100, stayed in."""

    lane: str
    num_jobs: int
    p50: float
    p95: float


@dataclass(frozen=True, slots=True, kw_only=True)
class Figures:
    """All of a span. Lists begin with the largest and have no more than ``TOP`` lines.

    ``now`` is the place of the slot that goes on at this moment.
    """

    total: Amount
    slots: Sequence[Slot]
    now: int
    outcomes: Mapping[str, int]
    image_models: Sequence[Amount]
    providers: Sequence[Amount]
    people: Sequence[Amount]
    failures: Sequence[Amount]
    any_waiting: Times | None
    waiting: Sequence[Times]
    drawing: Sequence[Times]


def figures(span: Span) -> Figures:
    """Add a span up. The days before today are written down first, if they are not."""
    *past, today = span.dates()
    if past:
        day_figures.catch_up(past[0], past[-1])
    kept = DayFigure.objects.filter(day__in=past).defer("made_at")
    rows = [*kept, *day_figures.figures_of(today)]
    by_subject: dict[str, list[DayFigure]] = {each: [] for each in Subject}
    for row in rows:
        by_subject[row.subject].append(row)
    outcomes = by_subject[Subject.OUTCOME]
    by_hour = span == TODAY
    return Figures(
        total=_amount("", outcomes),
        slots=_hours(today) if by_hour else _days([*past, today], outcomes),
        now=_hour_now() if by_hour else len(past),
        outcomes=_counts(outcomes),
        image_models=_top(by_subject[Subject.IMAGE_MODEL], "credits"),
        providers=_top(by_subject[Subject.PROVIDER], "credits"),
        people=_people(past, day_figures.people_of(today)),
        failures=_top(by_subject[Subject.FAILURE], "num_jobs"),
        any_waiting=_times("", by_subject[Subject.WAITING]),
        waiting=_times_by_lane(by_subject[Subject.WAITING]),
        drawing=_times_by_lane(by_subject[Subject.DRAWING]),
    )


def _amount(key: str, rows: Sequence[DayFigure]) -> Amount:
    sums = {name: sum(getattr(row, name) for row in rows) for name in day_figures.SUMS}
    examples = [row.example_id for row in rows if row.example_id is not None]
    return Amount(key=key, example=max(examples, default=None), **sums)


def _grouped(rows: Iterable[DayFigure]) -> dict[str, list[DayFigure]]:
    found: dict[str, list[DayFigure]] = {}
    for row in rows:
        found.setdefault(row.key, []).append(row)
    return found


def _top(rows: Iterable[DayFigure], by: str) -> list[Amount]:
    amounts = [_amount(key, own) for key, own in _grouped(rows).items()]
    return sorted(amounts, key=attrgetter(by, "num_jobs"), reverse=True)[:TOP]


def _counts(rows: Iterable[DayFigure]) -> dict[str, int]:
    counted: Counter[str] = Counter()
    for row in rows:
        counted[row.key] += row.num_jobs
    return dict(counted)


def _days(dates: Sequence[dt.date], outcomes: Iterable[DayFigure]) -> list[Slot]:
    of_day: dict[dt.date, list[DayFigure]] = {day: [] for day in dates}
    for row in outcomes:
        of_day[row.day].append(row)
    return [
        Slot(
            name=f"{day:%-d %b}",
            outcomes=_counts(rows),
            credits=sum(row.credits for row in rows),
            cost_usd_micros=sum(row.cost_usd_micros for row in rows),
        )
        for day, rows in of_day.items()
    ]


def _hours(today: dt.date) -> list[Slot]:
    """Add up each hour of today by the clock on the wall, which may show one twice."""
    hour = ExtractHour("finished_at", tzinfo=timezone.get_default_timezone())
    jobs = day_figures.ended_on(today).order_by().annotate(hour=hour)
    wanted = ("num_jobs", "credits", "cost_usd_micros")
    sums = {name: day_figures.SUMS[name] for name in wanted}
    of_hour: dict[int, list[Any]] = {number: [] for number in range(24)}
    for row in jobs.values("hour", "status").annotate(**sums):
        of_hour[row["hour"]].append(row)
    return [
        Slot(
            name=f"{number:02}:00",
            outcomes={row["status"]: row["num_jobs"] for row in rows},
            credits=sum(row["credits"] for row in rows),
            cost_usd_micros=sum(row["cost_usd_micros"] for row in rows),
        )
        for number, rows in of_hour.items()
    ]


def _people(past: Sequence[dt.date], today: Iterable[PersonDay]) -> list[Amount]:
    """Return who took the most credits, by their keys."""
    names = ("num_jobs", "num_pictures", "credits")
    rows = PersonDay.objects.filter(day__in=past).order_by().values_list("owner_id")
    before = rows.annotate(*(Sum(name) for name in names))
    sums = {owner: numbers for owner, *numbers in before}
    for own in today:
        earlier = sums.get(own.owner_id, [0] * len(names))
        now = (getattr(own, name) for name in names)
        sums[own.owner_id] = [sum(both) for both in zip(earlier, now, strict=True)]
    most = nlargest(TOP, sums.items(), key=lambda each: each[1][-1])
    return [
        Amount(key=str(owner), **dict(zip(names, numbers, strict=True)))
        for owner, numbers in most
    ]


def _hour_now() -> int:
    return timezone.localtime(timezone=timezone.get_default_timezone()).hour


def _times_by_lane(rows: Iterable[DayFigure]) -> list[Times]:
    found = (_times(lane, own) for lane, own in sorted(_grouped(rows).items()))
    return [times for times in found if times is not None]


def _times(lane: str, rows: Iterable[DayFigure]) -> Times | None:
    buckets = added(row.buckets for row in rows)
    p50, p95 = percentile(buckets, 0.5), percentile(buckets, 0.95)
    if p50 is None or p95 is None:
        return None
    return Times(lane=lane, num_jobs=sum(buckets.values()), p50=p50, p95=p95)
