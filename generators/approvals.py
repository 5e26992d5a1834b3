"""Presses that cost more than a person may spend without asking: an admin decides.

Their credits are set aside at the press, so that nobody waits for what cannot be paid.
"""

from collections.abc import Collection, Mapping
from functools import partial

from django.conf import settings
from django.db import transaction
from django.db.models import QuerySet

from accounts.models import User
from accounts.quotas import Rule
from generators import endings, moves, wake
from generators.clock import after
from generators.contracts import Lane
from generators.failures import DECLINED_WORDS, Failure
from generators.models import GenerationJob


def hold(rules: Mapping[str, Rule], jobs: Collection[GenerationJob]) -> bool:
    """Let new jobs wait for an admin, if together they cost too much; say so."""
    rule = rules.get("ask_above")
    cost = sum(job.price_credits * job.num_images for job in jobs)
    if rule is None or cost <= rule.limit:
        return False
    for job in jobs:
        job.phase = GenerationJob.Phase.APPROVAL
        job.deadline_at = job.next_action_at = after(settings.APPROVAL_SECONDS)
    return True


def waiting() -> QuerySet[GenerationJob, GenerationJob]:
    """Return the jobs that wait for an admin, oldest first."""
    return GenerationJob.objects.filter(
        lane__in=[*Lane],  # with the next two it is a short walk on an index
        status=GenerationJob.Status.QUEUED,
        next_action_at__isnull=False,
        phase=GenerationJob.Phase.APPROVAL,
    ).order_by("pk")


def may_decide(user: User, job: GenerationJob) -> bool:
    """Say whether somebody may decide about a job: about their own superusers alone."""
    return user.is_superuser or job.owner_id != user.pk


def approve(job: GenerationJob) -> bool:
    """Let it be drawn; ``False`` when it does not wait for that any more."""
    if not moves.approve(job):
        return False
    transaction.on_commit(partial(wake.ring, job.lane))
    return True


def decline(job: GenerationJob) -> bool:
    """End it and give its credits back; ``False`` as for ``approve``."""
    failure = Failure(kind=GenerationJob.FailureKind.DECLINED, message=DECLINED_WORDS)
    return endings.fail(waiting().filter(pk=job.pk), job, failure)
