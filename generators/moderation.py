"""What staff decide about flagged presses: nothing, their pictures, a word, or an end.

Every act is in the audit log, in the transaction that does it.
"""

from collections import Counter
from collections.abc import Collection, Iterable
from dataclasses import dataclass
from datetime import timedelta
from enum import StrEnum
from typing import Final
from uuid import UUID

from django.conf import settings
from django.db import transaction
from django.db.models import Q, QuerySet
from django.utils import timezone

from accounts import audit, notices
from accounts.models import AuditEntry, Notice, User
from accounts.sign_in import sign_out_everywhere
from gallery.models import Image
from gallery.querysets import ImageQuerySet
from gallery.storage import delete_forever
from generators.models import PromptVerdict

SHOWN_FOR: Final = timedelta(hours=1)
"""How long an admin sees what they had shown, with a reason."""

State = PromptVerdict.State
Act = AuditEntry.Action


class Fate(StrEnum):
    """What becomes of the pictures."""

    DISMISS = "dismiss"
    LEAVE = "leave"
    TRASH = "trash"
    ERASE = "erase"


@dataclass(frozen=True, slots=True, kw_only=True)
class Decision:
    """What one admin decided of one press, and why.

    ``seen`` is the mark of the press as it stood when they looked (``mark_of``).
    ``pictures`` are those that ``fate`` is for; ``warning`` is what the person reads,
    empty for nothing; ``is_stopped`` takes their account's use away.
    """

    seen: str
    fate: Fate
    pictures: Collection[UUID] = ()
    warning: str = ""
    is_stopped: bool = False
    reason: str


def open_verdicts() -> QuerySet[PromptVerdict, PromptVerdict]:
    """Return what waits for a decision, newest first."""
    return PromptVerdict.objects.filter(state=State.OPEN)


def pictures_of(verdict: PromptVerdict) -> ImageQuerySet:
    """Return the pictures that came of a press, those in the trash too."""
    if verdict.generation is None:
        return Image.objects.none()
    own = Image.objects.filter(owner=verdict.owner_id)
    return own.of_batch(verdict.generation.public_id).order_by("pk")


def count_pictures(verdicts: Iterable[PromptVerdict]) -> Counter[int]:
    """Return how many pictures came of each press, by its number, in one query.

    Their generations should be loaded with them.
    """
    presses = {
        each.pk: (each.owner_id, each.generation.public_id)
        for each in verdicts
        if each.generation is not None
    }
    batches = {batch_id for _, batch_id in presses.values()}
    found = Image.objects.filter(batch_id__in=batches).order_by()
    numbers = Counter(found.values_list("owner_id", "batch_id"))
    return Counter({pk: numbers[press] for pk, press in presses.items()})


def may_see(admin: User, verdict: PromptVerdict) -> bool:
    """Say whether an admin sees the words and pictures of a press now."""
    if settings.STAFF_SEES_PROMPTS:
        return True
    shown = AuditEntry.objects.filter(
        target_pk=str(verdict.pk),
        target_type=verdict._meta.label_lower,
        actor=admin,
        action=Act.SHOW,
        created_at__gt=timezone.now() - SHOWN_FOR,
    )
    return shown.exists()


def show(verdict: PromptVerdict, admin: User, reason: str) -> None:
    """Let an admin see the words and pictures of one press for a while."""
    after = {"for minutes": int(SHOWN_FOR.total_seconds() // 60)}
    audit.record(Act.SHOW, verdict, actor=admin, after=after, reason=reason)


def mark_of(verdict: PromptVerdict) -> str:
    """Return what tells a press from the same one once it is decided, or decided anew."""
    return verdict.decided_at.isoformat() if verdict.decided_at else ""


def decide(verdict: PromptVerdict, admin: User, decision: Decision) -> bool:
    """Do what an admin decided, and take the press out of the queue.

    ``False`` when it was decided since they looked, or is gone: nothing is done then.
    """
    with transaction.atomic():
        held = _held(verdict)
        if held is None or mark_of(held) != decision.seen:
            return False
        _carry_out(held, admin, decision)
    return True


def _held(verdict: PromptVerdict) -> PromptVerdict | None:
    """Hold a press with all that rules found in it, always in the same order."""
    found = Q(pk=verdict.pk)
    if verdict.generation_id is not None:
        found |= Q(generation=verdict.generation_id)
    rows = PromptVerdict.objects.select_for_update().filter(found).order_by("pk")
    return next((row for row in list(rows) if row.pk == verdict.pk), None)


def _carry_out(verdict: PromptVerdict, admin: User, decision: Decision) -> None:
    if decision.fate in {Fate.TRASH, Fate.ERASE}:
        _take_pictures(verdict, admin, decision)
    if decision.warning:
        _warn(verdict.owner, admin, decision)
    if decision.is_stopped:
        _stop(verdict.owner, admin, decision)
    _close(verdict, admin, decision)


def _take_pictures(verdict: PromptVerdict, admin: User, decision: Decision) -> None:
    """Trash pictures, and where they are to go for ever, empty that trash of them."""
    chosen = pictures_of(verdict).filter(public_id__in=decision.pictures)
    is_for_ever = decision.fate is Fate.ERASE
    for image in chosen:
        was = {"made": image.created_at, "by": image.image_model_label}
        is_in = {"in the trash": image.trashed_at is not None}
        audit.record(
            Act.ERASE if is_for_ever else Act.TRASH,
            image,
            actor=admin,
            before=was | is_in if is_for_ever else is_in,
            after={} if is_for_ever else {"in the trash": True},
            reason=decision.reason,
        )
    chosen.trash()
    if is_for_ever:
        delete_forever(chosen)


def _warn(person: User, admin: User, decision: Decision) -> None:
    notices.tell(person, decision.warning, level=Notice.Level.WARNING)
    after = {"words": decision.warning}
    audit.record(Act.WARN, person, actor=admin, after=after, reason=decision.reason)


def _stop(person: User, admin: User, decision: Decision) -> None:
    """Take the use of an account away; its sessions end with it."""
    before = {"is_active": person.is_active}
    person.is_active = False
    person.save(update_fields=["is_active"])
    sign_out_everywhere(person)
    audit.record(
        Act.STOP,
        person,
        actor=admin,
        before=before,
        after={"is_active": False},
        reason=decision.reason,
    )


def _facts(decision: Decision) -> dict[str, object]:
    return {
        "pictures": decision.fate,
        "warned": bool(decision.warning),
        "stopped": decision.is_stopped,
    }


def _close(verdict: PromptVerdict, admin: User, decision: Decision) -> None:
    """Write the decision on the verdict, and on others that the same press has open."""
    is_dismissed = decision.fate is Fate.DISMISS
    state = State.DISMISSED if is_dismissed else State.ACTED
    audit.record(
        Act.DISMISS if is_dismissed else Act.DECIDE,
        verdict,
        actor=admin,
        before={"state": verdict.state},
        after={"state": state} | ({} if is_dismissed else _facts(decision)),
        reason=decision.reason,
    )
    closed = PromptVerdict.objects.filter(pk=verdict.pk)
    if verdict.generation_id is not None:
        closed |= open_verdicts().filter(generation=verdict.generation_id)
    closed.update(state=state, decided_by=admin, decided_at=timezone.now())
