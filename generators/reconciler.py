"""Sees to it that every job ends: re-sends what the queue forgot, ends what has died.

Runs every few seconds, on any worker, and beside itself without harm: each thing it
does is one conditional update, which only one of two can win.
"""

import logging

from django.db.models import Q

from generators import endings, moves, queue, wake
from generators.clock import Now
from generators.contracts import Lane
from generators.failures import (
    GIVEN_UP_WORDS,
    LOST_WORDS,
    NEVER_KNOWN_WORDS,
    Failure,
    Kind,
)
from generators.models import GenerationJob
from generators.moves import Jobs

MAX_ATTEMPTS = 3
AT_ONCE = 500
"""Rows one pass looks at, and messages it sends at most."""

Status = GenerationJob.Status
logger = logging.getLogger(__name__)


def reconcile() -> None:
    """Make one pass over everything that may have been forgotten."""
    _end_overdue()
    _take_back_from_lost_workers()
    for lane in Lane:
        _wake_if_forgotten(lane)


def _take_back_from_lost_workers() -> None:
    lost = GenerationJob.objects.filter(
        status=Status.RUNNING, lease_expires_at__lt=Now()
    )
    for job in lost.select_related("owner")[:AT_ONCE]:
        _take_back(lost.filter(pk=job.pk, lease_token=job.lease_token), job)


def _take_back(rows: Jobs, job: GenerationJob) -> None:
    """Decide what becomes of a job whose worker has gone silent."""
    logger.warning("Job %s lost its worker", job)
    if job.handle is None and job.call_started_at is not None:
        moves.doubt(rows, job, note="The worker was lost during a paid call.")
    elif job.handle is None and job.cancel_requested_at is not None:
        endings.cancel(rows, job)
    elif job.attempts + 1 >= MAX_ATTEMPTS:
        detail = f"{MAX_ATTEMPTS} workers were lost"
        failure = Failure(kind=Kind.UNEXPECTED, message=LOST_WORDS, detail=detail)
        endings.fail(rows, job, failure)
    elif job.handle is not None:
        moves.let_go(rows)
    else:
        moves.lose(rows, job)


def _end_overdue() -> None:
    """End what no worker ended: unknown outcomes, endless polls, and deaf workers."""
    overdue = GenerationJob.objects.filter(deadline_at__lt=Now()).filter(
        Q(status=Status.UNKNOWN) | Q(status=Status.RUNNING)
    )
    for job in overdue.select_related("owner")[:AT_ONCE]:
        is_unknown = job.status == Status.UNKNOWN
        failure = Failure(
            kind=Kind.TIMED_OUT,
            message=NEVER_KNOWN_WORDS if is_unknown else GIVEN_UP_WORDS,
            detail="its deadline passed",
        )
        rows = overdue.filter(pk=job.pk, status=job.status)
        endings.fail(rows, job, failure)


def _wake_if_forgotten(lane: Lane) -> None:
    """Send a message for each due job when the broker holds none for the lane."""
    num_due = queue.num_due(lane, limit=AT_ONCE)
    if not num_due:
        return
    try:
        if wake.num_waiting(lane):
            return
    except wake.BROKER_ERRORS as error:
        logger.warning("The broker does not answer: %s", error)
        return
    for _ in range(num_due):
        wake.ring(lane)
