"""Ends calls that last too long in all, also those that send a byte now and then.

The timeouts of sockets count from the last byte, so a service that drips can hold a
thread for ever. One thread a process shuts the sockets of calls whose time is up.
"""

import contextlib
import socket
import threading
import time
from collections.abc import Iterator
from typing import Any

from requests.adapters import HTTPAdapter
from urllib3 import HTTPConnectionPool, HTTPSConnectionPool
from urllib3.connection import HTTPConnection, HTTPSConnection


class Deadline:
    """The time one call may take; ``has_passed`` says that it was cut off.

    ``was_connected`` says that it had a line, over which it may have been sent.
    """

    def __init__(self, seconds: float) -> None:
        self.at = time.monotonic() + seconds
        self.has_passed = False
        self.was_connected = False
        self._lock = threading.Lock()
        self._socket: socket.socket | None = None

    @property
    def left(self) -> float:
        """Return the seconds that are left, a little above 0 when none are."""
        return max(0.05, self.at - time.monotonic())

    def cover(self, held: socket.socket | None) -> None:
        """Take over the socket that the call uses now."""
        with self._lock:
            self._socket = held
            self.was_connected = self.was_connected or held is not None
            if self.has_passed:
                self._shut()

    def pass_by(self) -> None:
        """Cut the call off: whoever waits on its socket finds it at its end."""
        with self._lock:
            self.has_passed = True
            self._shut()

    def _shut(self) -> None:
        if self._socket is not None:
            # Not the method of a TLS socket, which another thread may be reading from.
            with contextlib.suppress(OSError):
                socket.socket.shutdown(self._socket, socket.SHUT_RDWR)


class Watch:
    """Cuts off the calls of a process whose time is up."""

    def __init__(self) -> None:
        self._changed = threading.Condition()
        self._deadlines: set[Deadline] = set()
        self._thread: threading.Thread | None = None

    @contextlib.contextmanager
    def over(self, seconds: float) -> Iterator[Deadline]:
        """Give the calls of this thread so many seconds while the block runs."""
        deadline = Deadline(seconds)
        with self._changed:
            self._deadlines.add(deadline)
            if self._thread is None or not self._thread.is_alive():
                self._thread = threading.Thread(
                    target=self._run, name="deadlines", daemon=True
                )
                self._thread.start()
            self._changed.notify_all()
        _of_thread.deadline = deadline
        try:
            yield deadline
        finally:
            _of_thread.deadline = None
            deadline.cover(None)
            with self._changed:
                self._deadlines.discard(deadline)

    def _run(self) -> None:
        while True:
            with self._changed:
                if not self._deadlines:
                    self._thread = None
                    return
                first = min(each.at for each in self._deadlines)
                left = first - time.monotonic()
                if left > 0:
                    self._changed.wait(left)
                    continue
                due = [e for e in self._deadlines if e.at <= time.monotonic()]
                self._deadlines.difference_update(due)
            for each in due:
                each.pass_by()


watch = Watch()
_of_thread = threading.local()


def _cover(held: Any) -> None:
    deadline: Deadline | None = getattr(_of_thread, "deadline", None)
    if deadline is not None and held is not None:
        deadline.cover(held)


class _Connection(HTTPConnection):
    def connect(self) -> None:
        super().connect()
        _cover(self.sock)

    def putrequest(self, *arguments: Any, **options: Any) -> None:
        _cover(self.sock)  # one that was kept open
        super().putrequest(*arguments, **options)


class _SecureConnection(HTTPSConnection):
    def connect(self) -> None:
        super().connect()
        _cover(self.sock)

    def putrequest(self, *arguments: Any, **options: Any) -> None:
        _cover(self.sock)
        super().putrequest(*arguments, **options)


class _Pool(HTTPConnectionPool):
    ConnectionCls = _Connection


class _SecurePool(HTTPSConnectionPool):
    ConnectionCls = _SecureConnection


def obey(adapter: HTTPAdapter) -> HTTPAdapter:
    """Make an adapter's connections obey the deadline of their thread; return it."""
    pools = {"http": _Pool, "https": _SecurePool}
    adapter.poolmanager.pool_classes_by_scheme = pools
    return adapter
