"""What the site is made of when it runs: its processes, and who may start them."""

import contextlib
import errno
import fcntl
import os
import socket
import sys
from collections.abc import Iterator, Sequence
from io import FileIO
from pathlib import Path
from typing import Any

from django.conf import settings

from generators.contracts import Lane
from magicshot.env import BASE_DIR, in_plain_words
from magicshot.supervisor import Program

ENVIRONMENT = {
    # Found from whatever folder we were started in.
    "PYTHONPATH": os.pathsep.join(
        filter(None, (str(BASE_DIR), os.environ.get("PYTHONPATH")))
    ),
    # In a container everything is root, and our messages are JSON, not pickles.
    "PYTHONWARNINGS": "ignore:You're running the worker",
}
CELERY = (sys.executable, "-m", "celery", "--quiet", "--app", "magicshot.celery:app")


class AlreadyRunning(Exception):
    """Another process runs on this data folder; ``owner`` says which."""

    def __init__(self, owner: str) -> None:
        self.owner = owner
        super().__init__(owner)


class PortTaken(Exception):
    """The address cannot be listened on; the text says why."""


@contextlib.contextmanager
def hold(home: Path, *, what: str) -> Iterator[None]:
    """Be the only one that runs processes on a data folder, while the block runs.

    The lock goes with this process however it ends. Raises :class:`AlreadyRunning`,
    and ``ImproperlyConfigured`` when the folder cannot be written.
    """
    with contextlib.ExitStack() as held:
        with in_plain_words(home):
            path = home / "run.lock"
            _take(held.enter_context(path.open("ab+", buffering=0)), what)
        yield


def _take(lock: FileIO, what: str) -> None:
    try:
        fcntl.flock(lock, fcntl.LOCK_EX | fcntl.LOCK_NB)
    except BlockingIOError:
        lock.seek(0)
        raise AlreadyRunning(lock.read().decode().strip()) from None
    lock.truncate(0)
    lock.write(f"{what}, process {os.getpid()}".encode())


def listen(host: str, port: int) -> list[socket.socket]:
    """Open every address that a host name stands for (IPv4 and IPv6).

    Raises :class:`PortTaken` when the port is in use, or no address can be had.
    """
    sockets: list[socket.socket] = []
    problem = "it has no address"
    for family, address in _addresses(host, port):
        try:
            sockets.append(_listen_on(family, address))
        except OSError as error:
            problem = error.strerror or str(error)
            if error.errno == errno.EADDRNOTAVAIL:
                continue  # a machine without IPv6 may still name ::1
            break
    else:
        if sockets:
            return sockets
    for listening in sockets:
        listening.close()
    raise PortTaken(
        f"Port {port} on {host} cannot be used: {problem}. "
        f"Choose another: PORT={port + 1} make run"
    )


def _listen_on(family: socket.AddressFamily, address: Any) -> socket.socket:
    listening = socket.socket(family, socket.SOCK_STREAM)
    try:
        listening.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
        if family == socket.AF_INET6:
            listening.setsockopt(socket.IPPROTO_IPV6, socket.IPV6_V6ONLY, 1)
        listening.bind(address)
        listening.listen(2048)
    except OSError:
        listening.close()
        raise
    return listening


def _addresses(host: str, port: int) -> list[tuple[socket.AddressFamily, Any]]:
    if not 1 <= port <= 65535:
        raise PortTaken(f"PORT={port} is no port: choose one from 1 to 65535.")
    try:
        found = socket.getaddrinfo(
            host or None, port, type=socket.SOCK_STREAM, flags=socket.AI_PASSIVE
        )
    except socket.gaierror as error:
        raise PortTaken(f"HOST={host} is no address: {error.strerror}.") from error
    return list(dict.fromkeys((family, address) for family, *_, address in found))


def web(sockets: Sequence[socket.socket]) -> Program:
    """Return the web process, which serves on sockets that we keep open for it."""
    numbers = tuple(listening.fileno() for listening in sockets)
    options = tuple(f"--fd={number}" for number in numbers)
    return Program(
        name="web",
        command=(sys.executable, "-m", "magicshot.serve", *options),
        pass_fds=numbers,
        environment=ENVIRONMENT,
    )


def workers() -> list[Program]:
    """Return the workers of both lanes, and beat, which wakes what is due."""
    beat = (*CELERY, "beat", f"--loglevel={settings.LOG_LEVEL}", "--pidfile=")
    return [
        _worker(Lane.LOCAL, threads=1),
        _worker(Lane.REMOTE, threads=settings.REMOTE_CONCURRENCY),
        Program(name="beat", command=beat, environment=ENVIRONMENT),
    ]


def _worker(lane: Lane, *, threads: int) -> Program:
    return Program(
        name=lane.value,
        command=(
            *CELERY,
            "worker",
            f"--queues={settings.QUEUE_PREFIX}{lane.value}",
            f"--hostname={lane.value}@%h",
            "--pool=threads",
            f"--concurrency={threads}",
            "--without-gossip",
            "--without-mingle",
            "--without-heartbeat",
            f"--loglevel={settings.LOG_LEVEL}",
        ),
        environment=ENVIRONMENT,
    )
