"""The engine's way to tell its parent things, from whichever of its threads."""

import os
import threading
import time
from typing import IO

from generators.pipelines import protocol
from generators.pipelines.protocol import Alive, News

_ALIVE_SECONDS = 1.0


class Outbox:
    """Sends one message at a time; ends the engine once nobody listens any more."""

    def __init__(self, stream: IO[bytes]) -> None:
        self._stream = stream
        self._writing = threading.Lock()

    def tell(self, news: News) -> None:
        """Send news to the parent."""
        try:
            with self._writing:
                protocol.write(self._stream, news)
        except OSError:
            os._exit(0)

    def keep_alive(self) -> None:
        """Show signs of life from now on, also while torch is being loaded."""
        threading.Thread(target=self._keep_alive, daemon=True).start()

    def _keep_alive(self) -> None:
        while True:
            self.tell(Alive())
            time.sleep(_ALIVE_SECONDS)
