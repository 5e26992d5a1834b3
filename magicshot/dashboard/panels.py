"""The figures of a span as charts and lists that templates draw."""

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Final

from django.urls import reverse
from django.utils.text import capfirst

from generators.models import GenerationJob, ImageModel
from generators.providers import registry
from magicshot.dashboard import amounts
from magicshot.dashboard.charts import Bar, Chart, Series, measured, stacked
from magicshot.dashboard.figures import Amount, Figures, Times
from magicshot.dashboard.open_jobs import LaneNow
from magicshot.dashboard.spans import TODAY, Span

Status = GenerationJob.Status

ENDED: Final = (
    (Status.SUCCEEDED, "Succeeded"),
    (Status.FAILED, "Failed"),
    (Status.CANCELED, "Canceled"),
)


@dataclass(frozen=True, slots=True, kw_only=True)
class FailureLine:
    """How many jobs failed in one way, with the way to all of them and to the latest."""

    bar: Bar
    example: str


@dataclass(frozen=True, slots=True, kw_only=True)
class TimesLine:
    """How long one thing took on one lane, in words."""

    title: str
    p50: str
    p95: str
    jobs: str


def slot_title(span: Span) -> str:
    """Return what a bar stands for."""
    return "Hour" if span == TODAY else "Day"


def outcomes(span: Span, found: Figures, lanes: Sequence[LaneNow]) -> Chart:
    """Draw how jobs ended; those that have not stand on the bar of now."""
    now = [
        ("unknown", "Unknown", sum(lane.unknown for lane in lanes)),
        ("running", "Being drawn", sum(lane.running for lane in lanes)),
        ("waiting", "Waiting", sum(lane.waiting + lane.held for lane in lanes)),
    ]
    series = [
        Series(
            tone=status,
            label=label,
            values=[slot.outcomes.get(status, 0) for slot in found.slots],
        )
        for status, label in ENDED
    ]
    series += [
        Series(tone=tone, label=label, values=_at_now(found, number))
        for tone, label, number in now
    ]
    return stacked(
        "Jobs by outcome",
        [slot.name for slot in found.slots],
        series,
        written=amounts.whole,
        scaled=amounts.short,
        slot_title=slot_title(span),
    )


def costs(span: Span, found: Figures) -> Chart:
    """Draw what providers cost."""
    cost = [slot.cost_usd_micros for slot in found.slots]
    return stacked(
        "Provider cost",
        [slot.name for slot in found.slots],
        [Series(tone="cost", label="Cost", values=cost)],
        written=amounts.dollars,
        scaled=amounts.short_dollars,
        slot_title=slot_title(span),
    )


def credits(span: Span, found: Figures) -> Chart:
    """Draw what people were charged."""
    taken = [slot.credits for slot in found.slots]
    return stacked(
        "Credits taken",
        [slot.name for slot in found.slots],
        [Series(tone="credits", label="Credits", values=taken)],
        written=amounts.whole,
        scaled=amounts.short,
        slot_title=slot_title(span),
    )


def image_models(rows: Sequence[Amount]) -> list[Bar]:
    """List the image models that took the most credits."""
    slugs = [row.key for row in rows]
    known = ImageModel.objects.filter(slug__in=slugs).values_list("slug", "label")
    labels = dict(known)
    return measured([_taker(row, labels.get(row.key, row.key)) for row in rows])


def providers(rows: Sequence[Amount]) -> list[Bar]:
    """List the providers by what was charged for their pictures."""
    return measured([_taker(row, registry.label_of(row.key)) for row in rows])


def failures(rows: Sequence[Amount]) -> list[FailureLine]:
    """List the ways in which jobs failed, the most frequent first."""
    of_jobs = reverse("admin:generators_generationjob_changelist")
    bars = measured(
        [
            Bar(
                name=capfirst(row.key.replace("-", " ")),
                value=row.num_jobs,
                words=amounts.counted(row.num_jobs, "job"),
                address=f"{of_jobs}?failure_kind__exact={row.key}",
            )
            for row in rows
        ]
    )
    return [
        FailureLine(
            bar=bar,
            example=reverse("admin:generators_generationjob_change", args=[row.example])
            if row.example
            else "",
        )
        for bar, row in zip(bars, rows, strict=True)
    ]


def times(found: Figures) -> list[TimesLine]:
    """List how long jobs waited and were drawn, lane by lane."""
    return [
        *(_times("Waiting", each) for each in found.waiting),
        *(_times("Drawing", each) for each in found.drawing),
    ]


def _taker(row: Amount, name: str) -> Bar:
    return Bar(
        name=name,
        value=row.credits,
        words=amounts.counted(row.credits, "credit"),
        note=amounts.counted(row.num_pictures, "picture"),
    )


def _times(what: str, each: Times) -> TimesLine:
    return TimesLine(
        title=f"{what}, {each.lane}",
        p50=amounts.seconds(each.p50),
        p95=amounts.seconds(each.p95),
        jobs=amounts.counted(each.num_jobs, "job"),
    )


def _at_now(found: Figures, number: int) -> list[int]:
    return [number * (place == found.now) for place in range(len(found.slots))]
