"""What the admin's page on one flagged press shows."""

from typing import Any

from accounts.admin_audit_log import changes_of
from accounts.admin_tables import Table, moment
from accounts.models import AuditEntry, User
from generators import moderation
from generators.models import GenerationJob, PromptVerdict


def case_context(verdict: PromptVerdict, admin: User) -> dict[str, Any]:
    """Return the press, its pictures and what was done; words only if they are shown."""
    is_shown = moderation.may_see(admin, verdict)
    unfinished = GenerationJob.objects.filter(
        generation=verdict.generation_id, finished_at__isnull=True
    )
    return {
        "verdict": verdict,
        "is_shown": is_shown,
        "prompt": verdict.prompt if is_shown else "",
        "pictures": moderation.pictures_of(verdict),
        "num_unfinished": unfinished.count(),
        "history": _history(verdict),
    }


def _history(verdict: PromptVerdict) -> Table:
    entries = AuditEntry.objects.filter(
        target_pk=str(verdict.pk), target_type=verdict._meta.label_lower
    )
    return Table(
        title="What was done",
        columns=("When", "Who", "Did what", "Changed", "Why"),
        rows=[
            (
                moment(entry.created_at),
                entry.actor_name,
                entry.get_action_display(),
                changes_of(entry),
                entry.reason,
            )
            for entry in entries[:20]
        ],
        empty="Nothing yet.",
    )
