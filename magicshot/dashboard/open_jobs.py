"""What has not ended, as it stands at this moment."""

from collections import Counter
from dataclasses import dataclass

from django.db.models import Count

from generators.contracts import Lane
from generators.models import GenerationJob

Status = GenerationJob.Status
OPEN = (Status.QUEUED, Status.RUNNING, Status.UNKNOWN)


@dataclass(frozen=True, slots=True, kw_only=True)
class LaneNow:
    """How many jobs of a lane wait, wait for an admin, are drawn, or are unknown."""

    lane: str
    waiting: int = 0
    held: int = 0
    running: int = 0
    unknown: int = 0


def lanes() -> list[LaneNow]:
    """Count the jobs of each lane that have not ended: a walk on those alone."""
    jobs = GenerationJob.objects.filter(finished_at__isnull=True, status__in=OPEN)
    rows = jobs.order_by().values_list("lane", "status", "phase").annotate(Count("pk"))
    found: dict[str, Counter[str]] = {lane: Counter() for lane in Lane}
    for lane, status, phase, number in rows:
        found[lane][_place(status, phase)] += number
    return [LaneNow(lane=lane, **counts) for lane, counts in found.items()]


def _place(status: str, phase: str) -> str:
    if status == Status.QUEUED:
        return "held" if phase == GenerationJob.Phase.APPROVAL else "waiting"
    return "running" if status == Status.RUNNING else "unknown"
