"""Sees to it that every job ends: re-sends what the queue forgot, ends what has died.

Runs every few seconds, on any worker, and beside itself without harm: each thing it
does is one conditional update, which only one of two can win. Prices whose time has
come begin here too, one model after the other under its row's lock.
"""

import contextlib
import logging
from collections.abc import Iterator

from accounts.sending import broker_errors
from generators import endings, moves, prices, queue, wake
from generators.clock import Now
from generators.contracts import Lane
from generators.failures import (
    GIVEN_UP_WORDS,
    LOST_WORDS,
    NEVER_KNOWN_WORDS,
    NEVER_STARTED_WORDS,
    NOT_AGREED_WORDS,
    Failure,
    Kind,
)
from generators.models import GenerationJob
from generators.moves import Jobs
from generators.patience import DATABASE_AWAY

AT_ONCE = 500
"""Rows one pass looks at, and messages it sends at most."""

Status = GenerationJob.Status
_OVERDUE_WORDS = {
    Status.QUEUED: NEVER_STARTED_WORDS,
    Status.RUNNING: GIVEN_UP_WORDS,
    Status.UNKNOWN: NEVER_KNOWN_WORDS,
}
logger = logging.getLogger(__name__)


def reconcile() -> None:
    """Make one pass over everything that may have been forgotten.

    What goes wrong in one part, or with one job, is logged and keeps no other waiting.
    """
    with _apart("jobs past their deadline"):
        _end_overdue()
    with _apart("jobs of lost workers"):
        _take_back_from_lost_workers()
    for lane in Lane:
        with _apart(f"messages of the {lane} lane"):
            _wake_forgotten(lane)
    with _apart("prices whose time has come"):
        prices.begin_due()


@contextlib.contextmanager
def _apart(what: str, *, ends_with: tuple[type[Exception], ...] = ()) -> Iterator[None]:
    """Log what goes wrong inside and go on behind it, but for what must end more."""
    try:
        yield
    except ends_with:
        raise
    except Exception:  # the next pass tries again; the rest of this one must not wait
        logger.exception("The reconciler could not deal with %s", what)


def _take_back_from_lost_workers() -> None:
    lost = GenerationJob.objects.filter(
        status=Status.RUNNING, lease_expires_at__lt=Now()
    )
    for job in lost.select_related("owner")[:AT_ONCE]:
        with _apart(f"job {job}", ends_with=DATABASE_AWAY):
            _take_back(lost.filter(pk=job.pk, lease_token=job.lease_token), job)


def _take_back(rows: Jobs, job: GenerationJob) -> None:
    """Decide what becomes of a job whose worker has gone silent."""
    logger.warning("Job %s lost its worker", job)
    if job.handle is None and job.call_started_at is not None:
        moves.doubt(rows, job, note="The worker was lost during a paid call.")
    elif job.handle is None and job.cancel_requested_at is not None:
        endings.cancel(rows, job)
    elif job.attempts + 1 >= moves.MAX_ATTEMPTS:
        detail = f"{moves.MAX_ATTEMPTS} workers were lost"
        failure = Failure(kind=Kind.UNEXPECTED, message=LOST_WORDS, detail=detail)
        endings.fail(rows, job, failure)
    elif job.handle is not None:
        moves.let_go(rows)
    else:
        moves.lose(rows, job)


def _end_overdue() -> None:
    """End what no worker did: waits without end, deaf workers, unknown outcomes."""
    overdue = GenerationJob.objects.filter(
        deadline_at__lt=Now(), status__in=_OVERDUE_WORDS
    )
    for job in overdue.select_related("owner")[:AT_ONCE]:
        failure = Failure(
            kind=Kind.TIMED_OUT,
            message=NOT_AGREED_WORDS
            if job.phase == GenerationJob.Phase.APPROVAL
            else _OVERDUE_WORDS[Status(job.status)],
            detail="its deadline passed",
        )
        with _apart(f"job {job}", ends_with=DATABASE_AWAY):
            endings.fail(overdue.filter(pk=job.pk, status=job.status), job, failure)


def _wake_forgotten(lane: Lane) -> None:
    """Send the messages that the broker holds too few of for the lane's due jobs."""
    num_due = queue.num_due(lane, limit=AT_ONCE)
    if not num_due:
        return
    try:
        num_waiting = wake.num_waiting(lane)
    except broker_errors() as error:
        logger.warning("The broker does not answer: %s", error)
        return
    for _ in range(num_due - num_waiting):
        wake.ring(lane)
