"""How long things take here, from what was measured here."""

import statistics
from collections.abc import Iterable

from django.conf import settings
from django.contrib.humanize.templatetags.humanize import ordinal
from django.db.models import F
from django.utils import timezone

from generators import queue
from generators.contracts import Lane
from generators.models import GenerationJob

SAMPLES = 20
Status = GenerationJob.Status


def usual_seconds(image_model_id: int | None) -> float | None:
    """Return the median seconds a picture of an image model took lately, if any did."""
    if image_model_id is None:
        return None
    recent = GenerationJob.objects.filter(
        image_model=image_model_id, status=Status.SUCCEEDED, num_delivered__gt=0
    ).order_by("-finished_at")
    seconds = recent.annotate(
        seconds_each=F("model_seconds") / F("num_delivered")
    ).values_list("seconds_each", flat=True)[:SAMPLES]
    measured = [each for each in seconds if each is not None]
    return statistics.median(measured) if measured else None


def seconds_left(job: GenerationJob) -> float | None:
    """Estimate the seconds until a job is done, or ``None`` where nothing is known."""
    usual = _Usual()
    if job.status == Status.RUNNING:
        return _left_of_running(job, usual)
    if job.status != Status.QUEUED or job.next_action_at is not None:
        return None
    own = usual.of(job.image_model_id, job.num_images)
    if own is None:
        return None
    running = list(
        GenerationJob.objects.filter(lane=job.lane, status=Status.RUNNING)[:SAMPLES]
    )
    ahead = queue.ahead_of(job).values_list("image_model_id", "num_images")
    work = sum(_left_of_running(each, usual) or 0.0 for each in running)
    work += usual.of_all(ahead[: queue.POSITION_LIMIT])
    slots = 1 if job.lane == Lane.LOCAL else settings.REMOTE_CONCURRENCY
    return own + work / max(slots, len(running))


def waiting_words(job: GenerationJob) -> str:
    """Say when a waiting job's turn comes: ``3rd, ~20 s``, or nothing if not known."""
    place = queue.position(job)
    if place is None:
        return ""
    left = seconds_left(job)
    where = "next" if place == 1 else str(ordinal(place))
    if place == queue.POSITION_LIMIT:
        where = f"after {place}"
    return where if left is None else f"{where}, ~{_round(left)}"


def _left_of_running(job: GenerationJob, usual: "_Usual") -> float | None:
    if job.drawing_since is None:
        return None
    elapsed = (timezone.now() - job.drawing_since).total_seconds()
    if job.progress >= 0.1:  # earlier, one step says too little
        return max(0.0, elapsed / job.progress - elapsed)
    whole = usual.of(job.image_model_id, job.num_images)
    return None if whole is None else max(0.0, whole - elapsed)


def _round(seconds: float) -> str:
    """Return a time as people say it: ``1 s``, ``20 s``, ``3 min``, ``2 h``."""
    if seconds < 10:
        return f"{max(1, round(seconds))} s"
    if seconds < 90:
        return f"{round(seconds / 5) * 5} s"
    minutes = round(seconds / 60)
    return f"{minutes} min" if minutes < 90 else f"{round(minutes / 60)} h"


class _Usual:
    """Looks each image model's usual time up once."""

    def __init__(self) -> None:
        self._seconds: dict[int | None, float | None] = {}

    def of(self, image_model_id: int | None, num_images: int) -> float | None:
        if image_model_id not in self._seconds:
            self._seconds[image_model_id] = usual_seconds(image_model_id)
        each = self._seconds[image_model_id]
        return None if each is None else each * num_images

    def of_all(self, jobs: Iterable[tuple[int | None, int]]) -> float:
        return sum(self.of(*job) or 0.0 for job in jobs)
