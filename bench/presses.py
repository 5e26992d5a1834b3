"""Press, wait, press again: placeholder, start, and the cost beyond the model."""

import json
import time
from dataclasses import dataclass, field
from pathlib import Path

from bench.figures import Figure, Goal, p50, p95
from bench.journeys import Person
from bench.measuring import Figures, Goals, bare, bare_server, ended
from tests.e2e.site import Site


@dataclass(frozen=True, slots=True)
class Times:
    """Seconds of each press: to the placeholder, to the start, of the model, in all."""

    placeholder: list[float] = field(default_factory=list)
    started: list[float] = field(default_factory=list)
    model: list[float] = field(default_factory=list)
    drawn: list[float] = field(default_factory=list)
    beyond: list[float] = field(default_factory=list)
    """From the press to the end, without the model's own time."""


def press_often(person: Person, count: int) -> Times:
    """Press ``count`` times, one after another, on an idle site."""
    times = Times()
    for number in range(count):
        press = person.press("a red apple", model="spark", seed=number)
        job = ended(press.job_id)
        assert job.started_at
        assert job.finished_at
        assert job.model_seconds
        times.placeholder.append(press.placeholder_seconds)
        times.started.append((job.started_at - job.created_at).total_seconds())
        times.drawn.append((job.finished_at - job.started_at).total_seconds())
        times.model.append(job.model_seconds)
        whole = (job.finished_at - job.created_at).total_seconds()
        times.beyond.append(whole - job.model_seconds)
        time.sleep(0.3)
    return times


def presses(person: Person, home: Path, count: int) -> tuple[Figures, Goals]:
    """Measure an idle site with SQLite and the embedded queue."""
    drawn = json.loads(bare("draw", str(count + 1)))["each"]
    _, posts = bare_server()
    queue = f"filesystem://{home / 'bare-broker'}"
    delays = json.loads(bare("wake", queue, str(count)))
    times = press_often(person, count)
    figures = [
        *_both(
            "press to placeholder",
            times.placeholder,
            posts,
            bare_name="bare Django POST",
        ),
        *_both(
            "press to start", times.started, delays, bare_name="bare Celery over files"
        ),
        *_both("press to picture beyond the model's own time", times.beyond),
        *_both(
            "seconds a picture, the model's own",
            times.model,
            drawn,
            bare_name="bare script",
        ),
    ]
    over = p50(times.drawn) - p50(drawn)
    return figures, [
        Goal(
            name="G7",
            wanted="press to start, idle site, embedded queue: p95 at most 150 ms",
            measured=f"{p95(times.started) * 1000:.0f} ms",
            is_met=p95(times.started) <= 0.150,
        ),
        Goal(
            name="G11",
            wanted="our job beside the bare pipeline: at most 5 % or 100 ms more; "
            "equal pixels",
            measured=f"{over * 1000:+.0f} ms ({over / p50(drawn):+.0%}); pixels: "
            "tests/generators/pipelines",
            is_met=over <= max(0.1, 0.05 * p50(drawn)),
        ),
    ]


def presses_with_redis(home: Path, url: str, count: int) -> tuple[Figures, Goals]:
    """Measure an idle site whose queue and cache are a Redis server."""
    delays = json.loads(bare("wake", url, str(count)))
    more = {"BROKER_URL": url, "CACHE_URL": url, "SIGN_UP_CREDITS": "100000"}
    site = Site(home, QUEUE_PREFIX="bench-", **more).ready()
    try:
        times = press_often(Person(site, "eve@example.org"), count)
    finally:
        site.stop()
    ratio = p95(times.started) / p95(delays)
    goal = Goal(
        name="G7, Redis",
        wanted="press to start, idle site: p95 at most 5x bare Celery over Redis",
        measured=f"{p95(times.started) * 1000:.0f} ms ({ratio:.1f}x)",
        is_met=ratio <= 5,
    )
    name = "press to start, Redis"
    peer = "bare Celery over Redis"
    return _both(name, times.started, delays, bare_name=peer), [goal]


def _both(
    name: str,
    values: list[float],
    yardstick: list[float] | None = None,
    *,
    bare_name: str = "",
) -> Figures:
    """Make the figures of the median and of the slowest twentieth, in ms."""
    return [
        Figure(
            name=f"{name}, {kind}",
            value=share(values) * 1000,
            unit="ms",
            bare=share(yardstick) * 1000 if yardstick else None,
            bare_name=bare_name,
        )
        for kind, share in (("p50", p50), ("p95", p95))
    ]
