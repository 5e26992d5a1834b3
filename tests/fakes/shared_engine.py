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
            if progress.step >= 2 and self.pid:
                with contextlib.suppress(ProcessLookupError):  # it has just ended
                    os.kill(self.pid, signal.SIGKILL)
            return on_progress(progress)

        return super().carry_out(order, kill)
