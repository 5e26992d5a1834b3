"""Jobs that may need an admin, and what may be done with them without harm.

The reconciler ends all of them by itself; what is listed here for long says that it, or
a lane's workers, do not run. Every act is one conditional update, as the reconciler's.
"""

from functools import partial
from typing import Final

from django.conf import settings
from django.db import transaction
from django.db.models import Q, QuerySet

from generators import endings, moves, wake
from generators.clock import Now, after
from generators.failures import NEVER_KNOWN_WORDS, Failure
from generators.models import GenerationJob

LATE_SECONDS: Final = 900
"""From this time in its lane on a job is late."""

Jobs = QuerySet[GenerationJob, GenerationJob]
Status = GenerationJob.Status
Phase = GenerationJob.Phase

# Each is a short walk on the index of deadlines or of leases, which only jobs that have
# not ended are in.


def unknown() -> Jobs:
    """Return jobs whose paid call has no known outcome, the nearest deadline first."""
    return GenerationJob.objects.filter(
        status=Status.UNKNOWN, deadline_at__isnull=False
    ).order_by("deadline_at")


def lost() -> Jobs:
    """Return jobs being drawn whose worker has gone silent, the longest first."""
    return GenerationJob.objects.filter(
        status=Status.RUNNING, lease_expires_at__lt=Now()
    ).order_by("lease_expires_at")


def late() -> Jobs:
    """Return jobs that have waited in their lane for long, the longest first."""
    bound = after(settings.QUEUE_MAX_SECONDS - LATE_SECONDS)
    return (
        GenerationJob.objects.filter(status=Status.QUEUED, deadline_at__lt=bound)
        .exclude(phase=Phase.APPROVAL)
        .order_by("deadline_at")
    )


def was_surely_not_sent(job: GenerationJob) -> bool:
    """Say whether no provider can have its work, so that it may be sent again."""
    return job.call_started_at is None and job.handle is None


def send_again(job: GenerationJob) -> bool:
    """Have a late job looked for, or queue again what a lost worker never sent.

    ``False`` when it is neither, or when it has been lost too often already.
    """
    rows = (
        lost()
        .filter(_NOT_SENT, pk=job.pk, attempts__lt=moves.MAX_ATTEMPTS - 1)
        .order_by()
    )
    is_waiting = late().filter(pk=job.pk).exists()
    if not (is_waiting or moves.lose(rows, job)):
        return False
    transaction.on_commit(partial(wake.ring, job.lane))
    return True


def give_up(job: GenerationJob) -> bool:
    """End a job of unknown outcome, as an admin decided, and give its credits back.

    ``False`` when its outcome is known by now.
    """
    failure = Failure(
        kind=GenerationJob.FailureKind.TIMED_OUT,
        message=NEVER_KNOWN_WORDS,
        detail="An admin ended it",  # who: the audit log forgets them when they go
    )
    return endings.fail(unknown().filter(pk=job.pk).order_by(), job, failure)


_NOT_SENT: Final = Q(
    call_started_at__isnull=True,
    handle__isnull=True,
    cancel_requested_at__isnull=True,
)
