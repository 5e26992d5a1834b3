"""Lets processes start while the site is still being prepared: they wait at a gate.

Most of a process's start is importing. With the gate it is done beside the migrations.
"""

import os
from dataclasses import replace

from magicshot.supervisor import Program

VARIABLE = "MAGICSHOT_GATE_FD"


class Gate:
    """The supervisor's side: a pipe that nobody writes to, open until :meth:`open`."""

    def __init__(self) -> None:
        self._reading, self._writing = os.pipe()

    def before(self, program: Program) -> Program:
        """Return the program as one that waits here."""
        return replace(
            program,
            pass_fds=(*program.pass_fds, self._reading),
            environment={**program.environment, VARIABLE: str(self._reading)},
        )

    def open(self) -> None:
        """Let everybody through, also those who come later."""
        os.close(self._writing)


def wait() -> None:
    """Wait until the site is prepared; at once where no supervisor prepares it."""
    number = os.environ.pop(VARIABLE, None)
    if number is not None:
        with os.fdopen(int(number), "rb") as gate:
            gate.read()
