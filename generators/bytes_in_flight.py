"""Keeps a worker with hundreds of jobs from holding all their pictures in memory.

What arrives goes to temporary files. Whoever then reads a whole body or a whole
picture into memory asks here first, and waits while others use what there is.
"""

import contextlib
import threading
from collections import defaultdict, deque
from collections.abc import Iterator

MOST_BYTES = 64_000_000
MOST_SENT_BYTES = 200_000_000
"""To one provider, of pictures to work on: one that hangs must not stop the others."""


def bytes_to_decode(size: int, num_pixels: int) -> int:
    """Return what a picture takes while it is decoded, shrunk and written anew.

    ``size`` is that of its file, of which there is a copy; Pillow has four bytes a
    pixel.
    """
    return 2 * size + 4 * num_pixels


class Gate:
    """Lets so many bytes be in use at once; one larger piece is let in alone.

    In order of arrival: a large piece would wait for ever behind a stream of small ones.
    """

    def __init__(self, capacity: int) -> None:
        self._capacity = capacity
        self._changed = threading.Condition()
        self._used = 0
        self._line: deque[object] = deque()

    @contextlib.contextmanager
    def hold(self, num_bytes: int) -> Iterator[None]:
        """Wait for room, and use it while the block runs. Never nest one gate."""
        self._enter(num_bytes)
        try:
            yield
        finally:
            with self._changed:
                self._used -= num_bytes
                self._changed.notify_all()

    def _enter(self, num_bytes: int) -> None:
        ticket = object()
        with self._changed:
            self._line.append(ticket)
            try:
                self._changed.wait_for(
                    lambda: self._line[0] is ticket and self._has_room(num_bytes)
                )
                self._used += num_bytes
            finally:
                self._line.remove(ticket)
                self._changed.notify_all()  # there may be room for the next as well

    def _has_room(self, num_bytes: int) -> bool:
        return not self._used or self._used + num_bytes <= self._capacity


gate = Gate(MOST_BYTES)
"""This process's own."""


sent_to: defaultdict[str, Gate] = defaultdict(lambda: Gate(MOST_SENT_BYTES))
"""What is being sent to each provider, by its slug."""
