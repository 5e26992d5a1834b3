"""How many of a worker's threads each provider holds, and that none holds them all.

A provider that hangs keeps its threads until its calls' time is up. Where several are
connected, the others always find threads of this worker free.
"""

import threading
from collections import Counter
from collections.abc import Iterator
from contextlib import contextmanager

from django.conf import settings

MOST_SHARE = 0.75


class ThreadShares:
    """Counts this process's running jobs by provider."""

    def __init__(self) -> None:
        self._lock = threading.Lock()
        self._held: Counter[str] = Counter()

    @contextmanager
    def hold(self, provider: str) -> Iterator[None]:
        """Count one thread for a provider while the block runs."""
        with self._lock:
            self._held[provider] += 1
        try:
            yield
        finally:
            with self._lock:
                self._held[provider] -= 1

    def crowded(self) -> set[str]:
        """Return the providers that hold all the threads one may hold."""
        most = max(1, int(settings.REMOTE_CONCURRENCY * MOST_SHARE))
        with self._lock:
            return {slug for slug, held in self._held.items() if held >= most}


threads = ThreadShares()
"""This process's own."""
