"""Kill points: where a process of ours shoots itself, injected from here only.

A point is a function of the real code and a moment, before or after it. It fires when
a *ticket*, a file of its name, lies in ``CHAOS_TICKETS``: the process takes the ticket,
which only one can, and sends itself SIGKILL. Production code knows nothing of this.
"""

import functools
import os
import signal
import time
from collections.abc import Callable
from pathlib import Path
from typing import Any

TICKETS = "CHAOS_TICKETS"

COMMITTED_NOT_PUBLISHED = "after-commit-before-publish"
LEASED = "after-the-lease"
BEFORE_SUBMIT = "before-the-upstream-submit"
SUBMITTED_NO_HANDLE = "after-submit-before-the-handle-is-saved"
HANDLE_SAVED = "after-the-handle-is-saved"
MID_DRAW = "mid-draw"
MID_DOWNLOAD = "mid-download"
FILE_NO_ROW = "after-the-file-before-the-row"
ROW_NO_SETTLEMENT = "after-the-row-before-settlement"
SETTLED_NO_COMMIT = "after-settlement-before-the-commit"
SETTLED_NO_ACK = "after-settlement-before-ack"
MID_REFUND = "during-a-refund"
RECONCILER_BEFORE = "reconciler-before-it-takes-a-job-back"
RECONCILER_AFTER = "reconciler-after-it-took-a-job-back"


def die_if_told(point: str) -> None:
    """Take the point's ticket, if there is one, and die at once."""
    try:
        (Path(os.environ[TICKETS]) / point).unlink()
    except FileNotFoundError:
        return
    os.kill(os.getpid(), signal.SIGKILL)
    time.sleep(60)  # the signal may need a moment to arrive; nothing else may run


def install(*, is_worker: bool) -> None:
    """Wrap the functions that the points name, in this process."""
    from accounts import ledger
    from generators import deliveries, moves, reconciler, running, wake
    from generators.providers.fake import FakeProvider
    from generators.pulse import Pulse

    if not is_worker:  # a web process ends its part with the publish
        _before(wake, "ring", COMMITTED_NOT_PUBLISHED)
        return
    _before(running, "run", LEASED)
    _before(FakeProvider, "submit", BEFORE_SUBMIT)
    _before(moves, "accept", SUBMITTED_NO_HANDLE)
    _after(moves, "accept", HANDLE_SAVED)
    _before(Pulse, "on_progress", MID_DRAW, only_if=_is_third_step)
    _before(deliveries, "store", MID_DOWNLOAD)
    _after(deliveries, "store", FILE_NO_ROW)
    _before(ledger, "settle", ROW_NO_SETTLEMENT)
    _after(ledger, "settle", SETTLED_NO_COMMIT)
    _after(running, "run", SETTLED_NO_ACK)
    _after(ledger, "refund", MID_REFUND)
    _before(reconciler, "_take_back", RECONCILER_BEFORE)
    _after(reconciler, "_take_back", RECONCILER_AFTER)


def _is_third_step(*arguments: Any) -> bool:
    return bool(arguments[-1].step == 3)


def _before(
    owner: Any,
    name: str,
    point: str,
    *,
    only_if: Callable[..., bool] = lambda *arguments: True,
) -> None:
    real = getattr(owner, name)

    @functools.wraps(real)
    def shooting(*arguments: Any, **named: Any) -> Any:
        if only_if(*arguments):
            die_if_told(point)
        return real(*arguments, **named)

    setattr(owner, name, shooting)


def _after(owner: Any, name: str, point: str) -> None:
    real = getattr(owner, name)

    @functools.wraps(real)
    def shooting(*arguments: Any, **named: Any) -> Any:
        answer = real(*arguments, **named)
        die_if_told(point)
        return answer

    setattr(owner, name, shooting)
