"""What remote models cost the operator, by day: estimated before, told after.

And what is left of their credits, by model. Only sums and when, never anybody's words.
"""

import datetime as dt
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from fractions import Fraction
from typing import Any

from django.db.models import (
    Case,
    Count,
    Exists,
    F,
    OuterRef,
    Q,
    QuerySet,
    Sum,
    When,
)
from django.db.models.functions import Coalesce, TruncDate
from django.utils import timezone

from generators.contracts import Lane
from generators.cost_words import MICROS, usd_words
from generators.margins import Margin, margin_of, worth_words
from generators.models import GenerationJob, JobEvent
from generators.providers import registry
from generators.transitions import Action

PARTED_PERCENT = 10
"""An estimate that is further off than this is marked: a price or a rule is wrong."""

LONGEST_LIST = 50
MOST_DAYS = 3660

Status = GenerationJob.Status
Jobs = QuerySet[GenerationJob, GenerationJob]


@dataclass(frozen=True, slots=True, kw_only=True)
class Sums:
    """What some jobs cost. Amounts are millionths of a dollar.

    ``estimated`` is of jobs that delivered, or whose cost was told; ``actual`` of the
    ``num_told`` whose cost was told. ``told_estimate`` and ``told_actual`` are of the
    jobs that have both, so that they may be compared. ``cost`` is what was told, else
    estimated, and ``costed_credits`` are of the jobs that it is known of.
    """

    num_jobs: int
    num_pictures: int
    estimated: int | None
    actual: int | None
    num_told: int
    told_estimate: int
    told_actual: int
    credits: int
    cost: int | None
    costed_credits: int

    @property
    def margin(self) -> Margin | None:
        """Return what is left of the credits of those jobs whose cost is known."""
        if self.cost is None:
            return None
        return margin_of(self.costed_credits, Fraction(self.cost, MICROS))

    @property
    def worth_words(self) -> str:
        """Return what the credits are worth in dollars, where a cost is known."""
        return worth_words(self.costed_credits)

    @property
    def cost_words(self) -> str:
        """Return in dollars what was told, else estimated."""
        return usd_words(self.cost)

    @property
    def difference_percent(self) -> float | None:
        """Return by how much more was told than estimated; ``None`` if not known."""
        if not self.told_estimate:
            return None
        return (self.told_actual - self.told_estimate) / self.told_estimate * 100

    @property
    def is_parted(self) -> bool:
        """Say whether estimate and actual part by more than they should."""
        if self.difference_percent is None:
            return self.told_actual > 0  # though it was estimated as free
        return abs(self.difference_percent) > PARTED_PERCENT

    @property
    def estimated_words(self) -> str:
        """Return the estimate in dollars."""
        return usd_words(self.estimated)

    @property
    def actual_words(self) -> str:
        """Return what was told in dollars."""
        return usd_words(self.actual)

    @property
    def told_words(self) -> str:
        """Return of how many jobs a cost was told, where it was not of all."""
        is_whole = self.num_told in {0, self.num_jobs}
        return "" if is_whole else f"{self.num_told} of {self.num_jobs} jobs"

    @property
    def difference_words(self) -> str:
        """Return by how many per cent more was told than estimated."""
        if self.difference_percent is None:
            return "not estimated" if self.is_parted else "-"
        percent = round(self.difference_percent, 1)
        return f"{percent:+.1f} %" if percent else "0.0 %"


@dataclass(frozen=True, slots=True, kw_only=True)
class OfModel:
    """One model in all the days."""

    provider: str
    image_model: str
    sums: Sums

    @property
    def provider_label(self) -> str:
        """Return the provider's own name."""
        return registry.label_of(self.provider)


@dataclass(frozen=True, slots=True, kw_only=True)
class Line(OfModel):
    """One model on one day."""

    day: dt.date


@dataclass(frozen=True, slots=True, kw_only=True)
class Loss:
    """One job that may have cost something for nothing."""

    job: GenerationJob
    connection: str
    ended_at: dt.datetime
    micros: int | None

    @property
    def provider_label(self) -> str:
        """Return the provider's own name."""
        return registry.label_of(self.job.provider)

    @property
    def usd_words(self) -> str:
        """Return in dollars what it may have cost."""
        return usd_words(self.micros)


@dataclass(frozen=True, slots=True, kw_only=True)
class Report:
    """The days' lines, newest first; what ended unknown; what was paid in vain.

    ``models`` are those that a cost is known of, in all the days together.
    """

    days: int
    total: Sums
    models: Sequence[OfModel]
    lines: Sequence[Line]
    unknown: Sequence[Loss]
    paid_in_vain: Sequence[Loss]


def report(days: int) -> Report:
    """Add up the remote jobs that ended in the last so many days, today included."""
    ended = _ended(days)
    counted = ended.annotate(counted=_counted_estimate())
    of_days = counted.annotate(day=TruncDate("finished_at"))
    return Report(
        days=days,
        total=_sums(counted.aggregate(**_SUMS)),
        models=[
            OfModel(**_names(row), sums=_sums(row))
            for row in _grouped(counted)
            if row["cost"] is not None
        ],
        lines=[
            Line(**_names(row), day=row["day"], sums=_sums(row))
            for row in _grouped(of_days, "-day")
        ],
        unknown=[_loss(job, job.estimated_usd_micros) for job in _unknown(ended)],
        paid_in_vain=[_loss(job, job.actual_usd_micros) for job in _in_vain(ended)],
    )


def _ended(days: int) -> Jobs:
    today = timezone.localtime().replace(hour=0, minute=0, second=0, microsecond=0)
    since = today - dt.timedelta(days=days - 1)
    return GenerationJob.objects.filter(lane=Lane.REMOTE, finished_at__gte=since)


def _grouped(counted: Jobs, *orders: str) -> Iterable[Mapping[str, Any]]:
    names = (*orders, "provider", "image_model_label")
    grouped = counted.values(*(name.removeprefix("-") for name in names))
    rows: Iterable[Mapping[str, Any]] = grouped.annotate(**_SUMS).order_by(*names)
    return rows


def _names(row: Mapping[str, Any]) -> dict[str, str]:
    return {"provider": row["provider"], "image_model": row["image_model_label"]}


def _counted_estimate() -> Case:
    """Return an estimate where something was delivered or told: else nothing is due."""
    is_due = Q(status=Status.SUCCEEDED) | Q(actual_usd_micros__isnull=False)
    return Case(When(is_due, then=F("estimated_usd_micros")))


_BOTH = Q(actual_usd_micros__isnull=False, estimated_usd_micros__isnull=False)
_COST = Coalesce("actual_usd_micros", "counted")
_SUMS = {
    "num_jobs": Count("pk"),
    "num_pictures": Sum("num_delivered"),
    "estimated": Sum("counted"),
    "actual": Sum("actual_usd_micros"),
    "num_told": Count("actual_usd_micros"),
    "told_estimate": Sum("estimated_usd_micros", filter=_BOTH),
    "told_actual": Sum("actual_usd_micros", filter=_BOTH),
    "credits": Sum("settled_credits"),
    "cost": Sum(_COST),
    "costed_credits": Sum(
        "settled_credits",
        filter=Q(actual_usd_micros__isnull=False) | Q(counted__isnull=False),
    ),
}


def _sums(row: Mapping[str, Any]) -> Sums:
    may_lack = {"estimated", "actual", "cost"}
    values = {name: row[name] if name in may_lack else row[name] or 0 for name in _SUMS}
    return Sums(**values)


def _unknown(ended: Jobs) -> Jobs:
    """Return jobs whose paid call was sent, and whose end nobody knows."""
    events = JobEvent.objects.filter(job=OuterRef("pk"))
    doubted = events.filter(name=Action.DOUBT)
    accepted = events.filter(name=Action.ACCEPT)
    was_left = Q(status=Status.CANCELED) | Q(
        status=Status.FAILED, failure_kind=GenerationJob.FailureKind.TIMED_OUT
    )
    rows = ended.filter(was_left, Exists(doubted), ~Exists(accepted))
    return rows.select_related("connection").order_by("-finished_at")[:LONGEST_LIST]


def _in_vain(ended: Jobs) -> Jobs:
    """Return jobs that cost something, as the provider said, and delivered nothing."""
    rows = ended.exclude(status=Status.SUCCEEDED).filter(actual_usd_micros__gt=0)
    return rows.select_related("connection").order_by("-finished_at")[:LONGEST_LIST]


def _loss(job: GenerationJob, micros: int | None) -> Loss:
    assert job.finished_at is not None  # noqa: S101 (only ended jobs get here)
    return Loss(
        job=job,
        connection="deleted" if job.connection is None else job.connection.label,
        ended_at=job.finished_at,
        micros=micros,
    )
