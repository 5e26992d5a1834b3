"""What jobs keep once their owner is gone: figures for the books, and nobody's words."""

from typing import Any, Final

from django.db import transaction
from django.db.models import Q

from accounts.models import User
from generators import jobs
from generators.models import Generation, GenerationJob, JobEvent, PromptVerdict

KEPT_OF_RECIPE: Final = ("operation", "num_inference_steps")
"""Numbers that estimates are made from; all else in a recipe may be somebody's words."""

_AT_ONCE: Final = 200
Status = GenerationJob.Status


def end_jobs_of(user: User) -> bool:
    """Cancel a person's jobs; say whether all have ended.

    One whose paid outcome is not known is left to its deadline, and one that a worker
    draws to its next step: ask again.
    """
    open_jobs = GenerationJob.objects.filter(owner=user, finished_at__isnull=True)
    for job in open_jobs.exclude(status=Status.UNKNOWN).select_related("owner"):
        jobs.cancel_job(job)
    return not open_jobs.exists()


def forget_owner(user: User) -> None:
    """Make a person's ended jobs nobody's: no prompt, recipe, handle or word of theirs.

    What they cost, took and when stays for the ledger and the reports. May be repeated,
    and broken off at any point.
    """
    PromptVerdict.objects.filter(owner=user).delete()
    ended = GenerationJob.objects.filter(owner=user, finished_at__isnull=False)
    while rows := list(ended.order_by("pk")[:_AT_ONCE]):
        with transaction.atomic():
            _forget_jobs(rows)
    presses = Generation.objects.filter(Q(owner=user), ~Q(jobs__owner=user))
    while keys := list(presses.values_list("pk", flat=True)[:_AT_ONCE]):
        Generation.objects.filter(pk__in=keys).update(owner=None, prompt="")


def _forget_jobs(rows: list[GenerationJob]) -> None:
    events = JobEvent.objects.filter(job__in=rows)
    events.exclude(note="").update(note="")
    for job in rows:
        job.recipe = _figures_of(job.recipe)
        job.owner = None
        job.failure_message = job.failure_detail = job.provider_request_id = ""
        job.handle = None
    written = ("recipe", "owner", "failure_message", "failure_detail", "handle")
    GenerationJob.objects.bulk_update(rows, (*written, "provider_request_id"))


def _figures_of(recipe: Any) -> dict[str, Any]:
    return {name: recipe[name] for name in KEPT_OF_RECIPE if name in recipe}
