"""Does what an admin decided about one job, and writes it down: the one way for all pages."""

from collections.abc import Callable

from django.db import transaction
from django.http import HttpRequest

from accounts.admin_pages import QuickAdmin
from accounts.audit_changes import between
from accounts.models import AuditEntry
from generators.models import GenerationJob


def carry_out(
    pages: QuickAdmin,
    request: HttpRequest,
    job: GenerationJob,
    *,
    act: Callable[[GenerationJob], bool],
    action: AuditEntry.Action,
) -> bool:
    """Do it and write it down together; say whether it was still to be done.

    ``act`` answers whether it changed anything; ``pages`` are the admin's of jobs.
    """
    with transaction.atomic():
        rows = GenerationJob.objects.filter(pk=job.pk).values("status", "phase")
        before = rows.get()
        if not act(job):
            return False
        changes = between(GenerationJob, before, rows.get())
        pages.log_act(request, job, action, changes=changes)
    return True
