"""Engines that providers may close without ending them, so that tests can share them."""

import contextlib
import os
import signal

from generators.contracts import OnProgress, Progress
from generators.pipelines.protocol import Work
from generators.providers.local.engine_client import Drawing, EngineClient


class SharedEngine(EngineClient):
    """Ended by the fixture that made it, with ``EngineClient.close``."""

    def close(self) -> None:
        """Stay."""


class KilledMidway(SharedEngine):
    """The engine, which is killed by the system after two steps of each order."""

    def carry_out(self, order: Work, on_progress: OnProgress) -> Drawing:
        """Carry it out, and be killed."""

        def kill(progress: Progress) -> bool:
            if progress.step >= 2:
                kill_if_there(self)
            return on_progress(progress)

        return super().carry_out(order, kill)


def kill_if_there(engine: EngineClient) -> None:
    """Kill an engine as the system does; while it ends, the last news are told again."""
    pid = engine.pid
    if pid:
        with contextlib.suppress(ProcessLookupError):
            os.kill(pid, signal.SIGKILL)
