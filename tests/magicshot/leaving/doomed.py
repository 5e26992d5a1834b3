"""A worker that is killed on the way: ``python -m tests.magicshot.leaving.doomed WHAT N``.

It does what beat's message asks (``delete`` or ``export``), and sends itself SIGKILL at
the N-th kill point it comes by; with ``0`` it lives. It ends with 0 if it is done.
"""

import os
import signal
import sys
import time
from collections.abc import Callable
from typing import Any

import django


def main(what: str, number: int) -> None:
    """Work, and die at the kill point of that number."""
    os.environ.setdefault("DJANGO_SETTINGS_MODULE", "magicshot.settings")
    django.setup()
    from accounts import erasing, ledger
    from gallery import retention, storage
    from generators import forgetting
    from magicshot.leaving import archive, deletion, exports, tasks

    points = _Points(number)
    for owner, name in (
        (exports, "finish"),
        (archive, "_add_words"),
        (exports, "remove_all_of"),
        (retention, "delete_forever"),
        (storage, "_release"),
        (forgetting, "_forget_jobs"),
        (erasing, "_end_sessions"),
        (ledger, "expire"),
        (deletion, "_clean_up"),
    ):
        points.put(owner, name)
    work = {"export": _export, "delete": tasks.delete_due_accounts}[what]
    work()


def _export() -> None:
    from accounts.models import Export
    from generators.clock import before
    from magicshot.leaving import tasks

    rows = Export.objects.filter(lease_token__isnull=False)
    rows.update(lease_expires_at=before(1), attempts=0)  # as if long ago
    tasks.look_after_exports()


class _Points:
    """Counts the kill points that are come by, before and after each function."""

    def __init__(self, number: int) -> None:
        self._left = number

    def put(self, owner: Any, name: str) -> None:
        """Put a point before and one after a function of the real code."""
        real: Callable[..., Any] = getattr(owner, name)

        def shooting(*arguments: Any, **named: Any) -> Any:
            self._come_by()
            answer = real(*arguments, **named)
            self._come_by()
            return answer

        setattr(owner, name, shooting)

    def _come_by(self) -> None:
        self._left -= 1
        if self._left == 0:
            os.kill(os.getpid(), signal.SIGKILL)
            time.sleep(60)  # the signal may need a moment to arrive


if __name__ == "__main__":
    main(sys.argv[1], int(sys.argv[2]))
