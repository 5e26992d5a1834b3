"""How long things take here, from what was measured here."""

import statistics
from collections.abc import Iterable

from django.conf import settings
from django.contrib.humanize.templatetags.humanize import ordinal
from django.core.cache import cache
from django.db.models import F
from django.utils import timezone

from generators import catalog, queue
from generators.contracts import Lane
from generators.effort import effort, usual_effort
from generators.models import GenerationJob, ImageModel

SAMPLES = 20
_CACHE_KEY = "usual-seconds"
_CACHE_SECONDS = 60
Status = GenerationJob.Status


def usual_seconds(image_model: ImageModel) -> float | None:
    """Return the seconds a picture by a model's usual settings takes, if measured."""
    try:
        able = catalog.capabilities_of(image_model)
    except ValueError:  # an admin's slip; the model cannot be chosen
        return None
    return _median(_measured(image_model.pk), usual_effort(able))


def usual_seconds_of(choices: Iterable[catalog.Choice]) -> dict[int, float]:
    """Return the usual seconds by the primary keys of those that were measured.

    Kept for a minute: pages that list all models would ask the database for each.
    """
    wanted = {each.image_model.pk: usual_effort(each.capabilities) for each in choices}
    known: dict[int, float | None] = cache.get(_CACHE_KEY) or {}
    if missing := wanted.keys() - known.keys():
        known |= {pk: _median(_measured(pk), wanted[pk]) for pk in missing}
        cache.set(_CACHE_KEY, known, _CACHE_SECONDS)
    return {pk: seconds for pk in wanted if (seconds := known[pk]) is not None}


def _measured(image_model_id: int | None) -> list[tuple[int, float]]:
    """Return effort and seconds of one picture of an image model's latest jobs."""
    if image_model_id is None:
        return []
    recent = GenerationJob.objects.filter(
        image_model=image_model_id, status=Status.SUCCEEDED, num_delivered__gt=0
    ).order_by("-finished_at")
    rows = recent.annotate(
        seconds_each=F("model_seconds") / F("num_delivered")
    ).values_list("seconds_each", "recipe__num_inference_steps", "width", "height")
    return [
        (effort(steps, width=width, height=height), seconds)
        for seconds, steps, width, height in rows[:SAMPLES]
        if seconds is not None
    ]


def _median(measured: list[tuple[int, float]], wanted: int) -> float | None:
    """Return the median seconds of that effort; with none measured, in proportion."""
    alike = [seconds for each, seconds in measured if each == wanted]
    scaled = alike or [
        seconds * wanted / each if wanted and each else seconds
        for each, seconds in measured
    ]
    return statistics.median(scaled) if scaled else None


class Outlook:
    """Who waits for how long, as things stand.

    However many jobs are asked about, the database is asked once for each lane and once
    for each image model.
    """

    def __init__(self) -> None:
        self._measured: dict[int | None, list[tuple[int, float]]] = {}
        self._lines: dict[str, queue.Line] = {}
        self._running: dict[str, list[GenerationJob]] = {}

    def usual_seconds(self, job: GenerationJob) -> float | None:
        """Return the seconds such a job usually takes, if measured."""
        steps = job.recipe.get("num_inference_steps")
        each = effort(steps, width=job.width, height=job.height)
        return self._seconds_of((job.image_model_id, job.num_images, each))

    def seconds_left(self, job: GenerationJob) -> float | None:
        """Estimate the seconds until a job is done, or ``None`` if nothing is known."""
        if job.status == Status.RUNNING:
            return self._left_of_running(job)
        if job.status != Status.QUEUED or job.next_action_at is not None:
            return None
        own = self.usual_seconds(job)
        if own is None:
            return None
        running = self._running_in(job.lane)
        work = sum(self._left_of_running(each) or 0.0 for each in running)
        for ahead in self._line_of(job.lane).work_ahead_of(job):
            work += self._seconds_of(ahead) or 0.0
        slots = 1 if job.lane == Lane.LOCAL else settings.REMOTE_CONCURRENCY
        return own + work / max(slots, len(running))

    def waiting_words(self, job: GenerationJob) -> str:
        """Say when a job's turn comes: ``3rd, ~20 s``, or nothing if not known."""
        place = self._line_of(job.lane).position(job)
        if place is None:
            return ""
        left = self.seconds_left(job)
        where = "next" if place == 1 else str(ordinal(place))
        if place == queue.POSITION_LIMIT:
            where = f"after {place}"
        return where if left is None else f"{where}, ~{_round(left)}"

    def _seconds_of(self, work: queue.Work) -> float | None:
        image_model_id, num_images, wanted = work
        if image_model_id not in self._measured:
            self._measured[image_model_id] = _measured(image_model_id)
        each = _median(self._measured[image_model_id], wanted)
        return None if each is None else each * num_images

    def _line_of(self, lane: str) -> queue.Line:
        if lane not in self._lines:
            self._lines[lane] = queue.line_of(lane)
        return self._lines[lane]

    def _running_in(self, lane: str) -> list[GenerationJob]:
        if lane not in self._running:
            rows = GenerationJob.objects.filter(lane=lane, status=Status.RUNNING)
            self._running[lane] = list(rows[:SAMPLES])
        return self._running[lane]

    def _left_of_running(self, job: GenerationJob) -> float | None:
        if job.drawing_since is None:
            return None
        elapsed = (timezone.now() - job.drawing_since).total_seconds()
        if job.progress >= 0.1:  # earlier, one step says too little
            return max(0.0, elapsed / job.progress - elapsed)
        whole = self.usual_seconds(job)
        return None if whole is None else max(0.0, whole - elapsed)


def _round(seconds: float) -> str:
    """Return a time as people say it: ``1 s``, ``20 s``, ``3 min``, ``2 h``."""
    if seconds < 10:
        return f"{max(1, round(seconds))} s"
    if seconds < 90:
        return f"{round(seconds / 5) * 5} s"
    minutes = round(seconds / 60)
    return f"{minutes} min" if minutes < 90 else f"{round(minutes / 60)} h"
