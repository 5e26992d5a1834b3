"""What may be done from the page with one job, each of it safe, whatever else happens.

An act asks first (see ``magicshot.dashboard.views``), and then changes the job only
while it still is what the act is for.
"""

from collections.abc import Callable
from dataclasses import dataclass
from typing import Final

from django.urls import reverse

from accounts.models import AuditEntry, User
from generators import approvals, jobs, stuck_jobs
from generators.models import GenerationJob

RIGHTS: Final = ("generators.view_generationjob", "generators.change_generationjob")

Action = AuditEntry.Action
Status = GenerationJob.Status
Phase = GenerationJob.Phase


@dataclass(frozen=True, slots=True, kw_only=True)
class Act:
    """One thing to do: what its button says, what it asks, and what it said afterwards.

    ``carry_out`` answers whether it changed anything; ``action`` names it in the audit log.
    """

    slug: str
    label: str
    question: str
    done: str
    fits: Callable[[GenerationJob, User], bool]
    carry_out: Callable[[GenerationJob], bool]
    action: AuditEntry.Action
    is_grave: bool = False

    def address(self, job: GenerationJob) -> str:
        """Return where it is asked about."""
        return reverse("dashboard-act", args=[job.pk, self.slug])


def _is_held(job: GenerationJob, user: User) -> bool:
    is_held = job.status == Status.QUEUED and job.phase == Phase.APPROVAL
    return is_held and approvals.may_decide(user, job)


def _is_under_way(job: GenerationJob, user: User) -> bool:
    return job.status in {Status.QUEUED, Status.RUNNING} and job.phase != Phase.APPROVAL


def _may_go_again(job: GenerationJob, user: User) -> bool:
    return _is_under_way(job, user) and stuck_jobs.was_surely_not_sent(job)


def _is_unknown(job: GenerationJob, user: User) -> bool:
    return job.status == Status.UNKNOWN


ACTS: Final = (
    Act(
        slug="approve",
        label="Agree",
        question="It takes its turn and is drawn. Its credits are set aside already.",
        done="The job takes its turn.",
        fits=_is_held,
        carry_out=approvals.approve,
        action=Action.APPROVE,
    ),
    Act(
        slug="decline",
        label="Decline",
        question="It ends without a picture, and all its credits go back.",
        done="The job is declined; its credits went back.",
        fits=_is_held,
        carry_out=approvals.decline,
        action=Action.DECLINE,
        is_grave=True,
    ),
    Act(
        slug="send-again",
        label="Send again",
        question="Nothing of it has reached a provider, so nothing can be paid twice: "
        "the next free worker takes it.",
        done="The job is in its lane, and a worker was called.",
        fits=_may_go_again,
        carry_out=stuck_jobs.send_again,
        action=Action.SEND_AGAIN,
    ),
    Act(
        slug="cancel",
        label="Cancel",
        question="It stops as if its owner had canceled it, and its credits go back. "
        "A provider that has begun and cannot stop will deliver all the same.",
        done="The job is being canceled.",
        fits=_is_under_way,
        carry_out=jobs.cancel_job,
        action=Action.CANCEL,
        is_grave=True,
    ),
    Act(
        slug="give-up",
        label="End it",
        question="A paid call was sent and nobody knows its end. The job fails, and "
        "all its credits go back; the provider may bill you for it all the same.",
        done="The job is ended; its credits went back.",
        fits=_is_unknown,
        carry_out=stuck_jobs.give_up,
        action=Action.GIVE_UP,
        is_grave=True,
    ),
)


def found(slug: str) -> Act | None:
    """Return the act of that name, if there is one."""
    return next((act for act in ACTS if act.slug == slug), None)


def fitting(job: GenerationJob, user: User) -> list[Act]:
    """Return what may be done with a job as it stands."""
    return [act for act in ACTS if act.fits(job, user)]
