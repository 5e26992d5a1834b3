"""The table of a job's transitions: the only place that says what may follow what.

``generators.moves`` carries them out, ``docs/jobs.md`` shows this table (a test keeps
both equal), and a test walks every pair of status and action.
"""

import enum
from dataclasses import dataclass

from generators.models import GenerationJob

Status = GenerationJob.Status


class Action(enum.StrEnum):
    """What can happen to a job; also the name of its event."""

    APPROVE = "approve"
    CLAIM = "claim"
    ACCEPT = "accept"
    WAIT = "wait"
    POSTPONE = "postpone"
    HAND_BACK = "hand-back"
    LOSE = "lose"
    DOUBT = "doubt"
    SUCCEED = "succeed"
    FAIL = "fail"
    CANCEL = "cancel"


@dataclass(frozen=True, slots=True, kw_only=True)
class Transition:
    """An action: from which statuses it may start, where it ends, and when it happens."""

    sources: tuple[GenerationJob.Status, ...]
    target: GenerationJob.Status
    meaning: str


TRANSITIONS: dict[Action, Transition] = {
    Action.APPROVE: Transition(
        sources=(Status.QUEUED,),
        target=Status.QUEUED,
        meaning="It cost more than may be spent without asking, and an admin agreed.",
    ),
    Action.CLAIM: Transition(
        sources=(Status.QUEUED, Status.RUNNING),
        target=Status.RUNNING,
        meaning="A worker takes it, or takes it again to poll, and holds a lease.",
    ),
    Action.ACCEPT: Transition(
        sources=(Status.RUNNING, Status.UNKNOWN),
        target=Status.RUNNING,
        meaning="The provider took the work: its handle is saved, the lease given back.",
    ),
    Action.WAIT: Transition(
        sources=(Status.RUNNING,),
        target=Status.RUNNING,
        meaning="Polled and not done: the lease is given back until the next poll.",
    ),
    Action.POSTPONE: Transition(
        sources=(Status.RUNNING,),
        target=Status.QUEUED,
        meaning="The provider is busy or down and surely took nothing: again later.",
    ),
    Action.HAND_BACK: Transition(
        sources=(Status.RUNNING,),
        target=Status.QUEUED,
        meaning="The worker is being stopped and gives unpaid work back.",
    ),
    Action.LOSE: Transition(
        sources=(Status.RUNNING,),
        target=Status.QUEUED,
        meaning="The worker or its engine was lost, nothing paid in doubt: one attempt is counted.",
    ),
    Action.DOUBT: Transition(
        sources=(Status.RUNNING,),
        target=Status.UNKNOWN,
        meaning="A paid call was sent and its end is not known: never sent again.",
    ),
    Action.SUCCEED: Transition(
        sources=(Status.RUNNING, Status.UNKNOWN),
        target=Status.SUCCEEDED,
        meaning="At least one picture is in the gallery and settled, the rest refunded.",
    ),
    Action.FAIL: Transition(
        sources=(Status.QUEUED, Status.RUNNING, Status.UNKNOWN),
        target=Status.FAILED,
        meaning="It ended without a picture, with a reason; everything is refunded.",
    ),
    Action.CANCEL: Transition(
        sources=(Status.QUEUED, Status.RUNNING, Status.UNKNOWN),
        target=Status.CANCELED,
        meaning="The person stopped it; everything is refunded.",
    ),
}
"""Every action. A job is born QUEUED; SUCCEEDED, FAILED and CANCELED are ends."""

ENDS = frozenset(Status) - {
    source for each in TRANSITIONS.values() for source in each.sources
}
"""Statuses that nothing leaves."""
