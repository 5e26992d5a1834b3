"""Lets processes start while the site is still being prepared: they wait at a gate.

Most of a process's start is importing. With the gate it is done beside the migrations.
"""

import os
from dataclasses import replace

from magicshot.supervisor import Program

VARIABLE = "MAGICSHOT_GATE"
"""What a waiting process is told: the pipe's descriptor and who prepares the site."""


class Gate:
    """The supervisor's side: a pipe that ends when the site is prepared."""

    def __init__(self) -> None:
        self._reading, self._writing = os.pipe()

    def hold_back(self, program: Program) -> Program:
        """Return the program as one that waits here."""
        told = {VARIABLE: f"{self._reading}:{os.getpid()}"}
        return replace(
            program,
            pass_fds=(*program.pass_fds, self._reading),
            environment={**program.environment, **told},
        )

    def open(self) -> None:
        """Let everybody through, also those who come later."""
        os.close(self._writing)


def wait() -> None:
    """Wait until the site is prepared; at once where no supervisor prepares it.

    Raises ``SystemExit`` when the supervisor ended meanwhile.
    """
    told = os.environ.pop(VARIABLE, "")
    if not told:
        return
    reading, preparer = map(int, told.split(":"))
    with os.fdopen(reading, "rb") as gate:
        gate.read()
    if os.getppid() != preparer:  # the pipe ends with it too
        raise SystemExit(1)
