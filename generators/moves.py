"""The only writer of a job's status: one conditional update for each transition.

Each function answers whether it changed the row. ``False`` means that somebody else
owns the job now, or ended it: stop quietly. A worker's moves present its lease token.
Every move raises ``version``, stamps ``changed_at`` and writes the event, together.
"""

import uuid
from dataclasses import dataclass
from typing import Any

from django.conf import settings
from django.db import transaction
from django.db.models import F, Q, QuerySet
from django.db.models.functions import Coalesce

from gallery.clean_text import clean
from generators.clock import Now, after
from generators.contracts import JobHandle
from generators.models import Connection, GenerationJob, JobEvent
from generators.transitions import TRANSITIONS, Action

MAX_ATTEMPTS = 3
"""How often a job's work may be lost or break off; the last time ends the job."""

Phase = GenerationJob.Phase
Jobs = QuerySet[GenerationJob, GenerationJob]

_NO_LEASE: dict[str, Any] = {"lease_token": None, "lease_expires_at": None}


@dataclass(frozen=True, slots=True, kw_only=True)
class Claim:
    """A job as a worker took it, and the token that every write of it presents.

    ``was_tight``: whether others may wait for the room that it takes, at its connection
    or within its owner's quota.
    """

    job: GenerationJob
    token: uuid.UUID
    was_tight: bool = False

    @property
    def rows(self) -> Jobs:
        """Return the job's row while this claim holds it."""
        return GenerationJob.objects.filter(pk=self.job.pk, lease_token=self.token)


def claim(
    job: GenerationJob,
    *,
    phase: str,
    turn: int,
    worker: str,
    connection: Connection | None = None,
    is_tight: bool = False,
) -> Claim | None:
    """Take a queued job, or an accepted one to poll, and lease it.

    ``phase`` is what the page shows, ``turn`` the place it used up, ``connection`` what
    a new try is sent through; ``is_tight`` when others may wait for its room.
    """
    token = uuid.uuid4()
    is_new_try = job.handle is None
    columns = {
        "deadline_at": after(settings.JOB_MAX_SECONDS),
        "drawing_since": Now(),
        "connection": connection,
    }
    taken = _move(
        GenerationJob.objects.filter(pk=job.pk, lease_token__isnull=True),
        job,
        Action.CLAIM,
        note=worker,
        is_news=is_new_try,
        lease_token=token,
        lease_expires_at=after(settings.LEASE_SECONDS),
        next_action_at=None,
        phase=phase,
        turn=turn,
        started_at=Coalesce(F("started_at"), Now()),
        **(columns if is_new_try else {}),
    )
    if not taken:
        return None
    related = ("connection", "generation", "image_model", "owner__wallet", "wallet")
    job = GenerationJob.objects.select_related(*related).get(pk=job.pk)
    return Claim(job=job, token=token, was_tight=is_tight)


def approve(job: GenerationJob) -> bool:
    """Let a job that waits for an admin take its turn."""
    return _move(
        GenerationJob.objects.filter(phase=Phase.APPROVAL),
        job,
        Action.APPROVE,
        phase=Phase.WAITING,
        next_action_at=None,
        deadline_at=after(settings.QUEUE_MAX_SECONDS),
    )


def start_call(claim: Claim) -> bool:
    """Note that a paid call is about to be sent: from here on it is never sent again.

    A cancel that came before wins.
    """
    wanted = claim.rows.filter(cancel_requested_at__isnull=True)
    return _write(wanted, call_started_at=Now())


def accept(
    claim: Claim, handle: JobHandle, *, actual_usd_micros: int | None = None
) -> bool:
    """Save the provider's handle at once and give the lease back.

    With it goes what the work costs the operator, if the provider said so already.
    """
    return _move(
        claim.rows,
        claim.job,
        Action.ACCEPT,
        **_NO_LEASE,
        handle=handle.to_json(),
        **_told(actual_usd_micros),
        phase=Phase.DRAWING,
        next_action_at=after(handle.next_poll_seconds),
        deadline_at=after(settings.JOB_MAX_SECONDS),
    )


def wait(claim: Claim, *, seconds: float, fraction: float | None) -> bool:
    """Give the lease back until the next poll; ``fraction`` is the progress, if known."""
    return _move(
        claim.rows,
        claim.job,
        Action.WAIT,
        is_news=False,
        **_NO_LEASE,
        progress=F("progress") if fraction is None else fraction,
        next_action_at=after(seconds),
    )


def postpone(claim: Claim, *, seconds: float, note: str) -> bool:
    """Queue it again, not before that many seconds: nothing was accepted."""
    return _queue_again(
        claim.rows,
        claim.job,
        Action.POSTPONE,
        note=note,
        next_action_at=after(seconds),
    )


def hand_back(claim: Claim) -> bool:
    """Queue it again at once, because this worker is being stopped."""
    return _queue_again(claim.rows, claim.job, Action.HAND_BACK)


def lose(rows: Jobs, job: GenerationJob, *, seconds: float = 0) -> bool:
    """Queue it again after its worker or its work was lost, and count the attempt.

    With ``seconds``, not before that many.
    """
    return _queue_again(
        rows,
        job,
        Action.LOSE,
        attempts=F("attempts") + 1,
        next_action_at=after(seconds) if seconds else None,
    )


def let_go(rows: Jobs) -> bool:
    """Let an accepted job whose worker was lost be polled again; count the attempt."""
    return _write(rows, **_NO_LEASE, next_action_at=Now(), attempts=F("attempts") + 1)


def doubt(rows: Jobs, job: GenerationJob, *, note: str) -> bool:
    """Set it aside as unknown until its deadline; its worker may still deliver."""
    return _move(
        rows,
        job,
        Action.DOUBT,
        note=note,
        lease_expires_at=None,
        next_action_at=None,
        deadline_at=after(settings.UNKNOWN_SECONDS),
    )


def save(claim: Claim, *, actual_usd_micros: int | None) -> bool:
    """Show that its pictures are being stored, and write down what they cost.

    They did so however this ends. The cost that was told when the work was accepted
    stays where none is told now.
    """
    return _write(
        claim.rows, phase=Phase.SAVING, progress=1, **_told(actual_usd_micros)
    )


def succeed(
    rows: Jobs,
    job: GenerationJob,
    *,
    num_delivered: int,
    settled_credits: int,
    model_seconds: float,
    provider_request_id: str,
    message: str = "",
) -> bool:
    """End it well. Belongs in the transaction that adds the pictures and settles.

    ``message`` says why some pictures are missing, if that is known.
    """
    return _end(
        rows,
        job,
        Action.SUCCEED,
        note=message,
        failure_message=message[:500],
        progress=1,
        num_delivered=num_delivered,
        settled_credits=settled_credits,
        model_seconds=model_seconds,
        provider_request_id=provider_request_id[:255],
    )


def fail(
    rows: Jobs,
    job: GenerationJob,
    *,
    kind: str,
    message: str,
    detail: str,
    actual_usd_micros: int | None = None,
) -> bool:
    """End it without a picture. Belongs in the transaction that refunds."""
    return _end(
        rows,
        job,
        Action.FAIL,
        note=message,
        settled_credits=0,
        failure_kind=kind,
        failure_message=message[:500],
        failure_detail=detail,
        **_told(actual_usd_micros),
    )


def cancel(rows: Jobs, job: GenerationJob) -> bool:
    """End it as the person asked. Belongs in the transaction that refunds."""
    return _end(rows, job, Action.CANCEL, settled_credits=0)


def ask_to_cancel(job: GenerationJob) -> bool:
    """Leave the wish to cancel on a running job; its worker, or the next poll, sees it."""
    running = GenerationJob.objects.filter(
        pk=job.pk, status=GenerationJob.Status.RUNNING, cancel_requested_at__isnull=True
    )
    asked = _write(running, cancel_requested_at=Now())
    hurry_cancel(job)
    return asked


def hurry_cancel(job: GenerationJob) -> bool:
    """Make the next poll of an accepted job due now, if the person canceled it."""
    between_polls = GenerationJob.objects.filter(
        pk=job.pk,
        status=GenerationJob.Status.RUNNING,
        cancel_requested_at__isnull=False,
        lease_token__isnull=True,
        next_action_at__isnull=False,
    )
    return between_polls.update(next_action_at=Now()) == 1


def hurry_poll(connection: Connection, external_id: str) -> bool:
    """Make the next poll of work that a provider accepted due now; it rang for it."""
    between_polls = GenerationJob.objects.filter(
        connection=connection,
        finished_at__isnull=True,
        status=GenerationJob.Status.RUNNING,
        lease_token__isnull=True,
        next_action_at__isnull=False,
        handle__external_id=external_id,
    )
    return between_polls.update(next_action_at=Now()) > 0


def show_progress(claim: Claim, fraction: float) -> bool:
    """Show how far it is, 0 to 1; a progress never goes back."""
    rows = claim.rows.filter(~Q(phase=Phase.SAVING), progress__lte=fraction)
    return _write(rows, progress=fraction, phase=Phase.DRAWING)


def _told(actual_usd_micros: int | None) -> dict[str, Any]:
    """Return the column of a cost that is known now."""
    if actual_usd_micros is None:
        return {}
    return {"actual_usd_micros": actual_usd_micros}


def _queue_again(
    rows: Jobs, job: GenerationJob, action: Action, **columns: Any
) -> bool:
    """Put it back in its lane, unless it was canceled: that must not be drawn again."""
    return _move(
        rows.filter(cancel_requested_at__isnull=True),
        job,
        action,
        **_NO_LEASE,
        phase=Phase.WAITING,
        progress=0,
        call_started_at=None,
        deadline_at=after(settings.QUEUE_MAX_SECONDS),
        **columns,
    )


def _end(rows: Jobs, job: GenerationJob, action: Action, **columns: Any) -> bool:
    return _move(
        rows,
        job,
        action,
        **_NO_LEASE,
        next_action_at=None,
        deadline_at=None,
        finished_at=Now(),
        **columns,
    )


def _move(
    rows: Jobs,
    job: GenerationJob,
    action: Action,
    *,
    note: str = "",
    is_news: bool = True,
    **columns: Any,
) -> bool:
    """Carry out one transition; polling leaves no event (``is_news=False``).

    What a provider says enters the database here, and is cleaned first.
    """
    step = TRANSITIONS[action]
    columns = clean(columns)
    with transaction.atomic(savepoint=False):
        rows = rows.filter(pk=job.pk, status__in=step.sources)
        if not _write(rows, status=step.target, **columns):
            return False
        if is_news:
            JobEvent.objects.create(job=job, name=action, note=clean(note)[:500])
    return True


def _write(rows: Jobs, **columns: Any) -> bool:
    changed = rows.update(version=F("version") + 1, changed_at=Now(), **columns)
    return changed == 1
