"""Presses that cost more than a person may spend without asking: an admin decides.

Their credits are set aside at the press, so that nobody waits for what cannot be paid.
"""

from collections.abc import Collection, Mapping

from django.conf import settings
from django.db.models import QuerySet

from accounts.quotas import Rule
from generators import endings, moves, wake
from generators.clock import after
from generators.failures import DECLINED_WORDS, Failure
from generators.models import GenerationJob

_A_DAY_SECONDS = 86_400.0


def hold(rules: Mapping[str, Rule], jobs: Collection[GenerationJob]) -> bool:
    """Let new jobs wait for an admin, if together they cost too much; say so."""
    rule = rules.get("ask_above")
    cost = sum(job.price_credits * job.num_images for job in jobs)
    if rule is None or cost <= rule.limit:
        return False
    for job in jobs:
        job.phase = GenerationJob.Phase.APPROVAL
        job.deadline_at = after(settings.APPROVAL_SECONDS)
        # Behind the deadline: until then no worker takes it for one that is due.
        job.next_action_at = after(settings.APPROVAL_SECONDS + _A_DAY_SECONDS)
    return True


def waiting() -> QuerySet[GenerationJob, GenerationJob]:
    """Return the jobs that wait for an admin, oldest first."""
    return GenerationJob.objects.filter(
        status=GenerationJob.Status.QUEUED, phase=GenerationJob.Phase.APPROVAL
    ).order_by("pk")


def approve(job: GenerationJob) -> bool:
    """Let it be drawn; ``False`` when it does not wait for that any more."""
    if not moves.approve(job):
        return False
    wake.ring(job.lane)
    return True


def decline(job: GenerationJob) -> bool:
    """End it and give its credits back; ``False`` as for ``approve``."""
    failure = Failure(kind=GenerationJob.FailureKind.DECLINED, message=DECLINED_WORDS)
    return endings.fail(waiting().filter(pk=job.pk), job, failure)
