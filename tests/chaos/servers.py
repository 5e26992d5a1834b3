"""Private servers on free ports, to be killed: never the machine's shared ones."""

import contextlib
import os
import pwd
import shutil
import signal
import socket
import subprocess
import tempfile
import time
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import TypeVar

import psycopg
import redis

START_SECONDS = 30.0


def free_port() -> int:
    """Return a port of loopback that nobody listens on just now."""
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        return int(probe.getsockname()[1])


def wait_until(is_true: Callable[[], bool], *, what: str, seconds: float) -> None:
    """Wait, a little at a time; raises ``TimeoutError`` naming what did not come."""
    end = time.monotonic() + seconds
    while not is_true():
        if time.monotonic() > end:
            raise TimeoutError(f"{what} did not come within {seconds:g} s")
        time.sleep(0.05)


class Server:
    """One server process with a folder of its own."""

    def __init__(self) -> None:
        self.port = free_port()
        self.folder = Path(tempfile.mkdtemp(prefix="magicshot-chaos-"))
        self.process: subprocess.Popen[bytes] | None = None

    def command(self) -> list[str]:
        """Return what is to be started."""
        raise NotImplementedError

    def answers(self) -> bool:
        """Say whether it takes requests."""
        raise NotImplementedError

    def owner(self) -> str | None:
        """Return the account it must run as, ``None`` for our own."""
        return None

    def start(self) -> None:
        """Start it and wait until it answers."""
        with (self.folder / "log").open("ab") as log:
            self.process = subprocess.Popen(
                self.command(), stdout=log, stderr=log, user=self.owner()
            )
        name = type(self).__name__
        wait_until(self.answers, what=f"{name} answering", seconds=START_SECONDS)

    def stop(self, number: int = signal.SIGKILL) -> None:
        """End it by a signal, and wait for that."""
        if self.process is not None:
            self.process.send_signal(number)
            self.process.wait(timeout=START_SECONDS)
            self.process = None

    def remove(self) -> None:
        """End it and delete its folder."""
        self.stop()
        shutil.rmtree(self.folder, ignore_errors=True)


ServerT = TypeVar("ServerT", bound=Server)


@contextlib.contextmanager
def running(server: ServerT) -> Iterator[ServerT]:
    """Run a server while the block runs."""
    try:
        server.start()
        yield server
    finally:
        server.remove()


class Redis(Server):
    """A Redis without persistence: killed, it forgets everything."""

    def command(self) -> list[str]:
        """Return what is to be started."""
        place = ["--port", str(self.port), "--bind", "127.0.0.1"]
        kept = ["--dir", str(self.folder), "--save", "", "--appendonly", "no"]
        return ["redis-server", *place, *kept]

    def answers(self) -> bool:
        """Say whether it takes requests."""
        client = redis.Redis(host="127.0.0.1", port=self.port)
        try:
            return bool(client.ping())
        except redis.exceptions.RedisError:
            return False
        finally:
            client.close()

    def flush(self) -> None:
        """Make it forget everything."""
        with redis.Redis(host="127.0.0.1", port=self.port) as client:
            client.flushall()

    @property
    def url(self) -> str:
        """Return its address."""
        return f"redis://127.0.0.1:{self.port}"


class PostgreSQL(Server):
    """A PostgreSQL cluster of our own; ``stop(SIGQUIT)`` is its stop at once."""

    def owner(self) -> str | None:
        """Return the account to run as: the server refuses to be root."""
        return "postgres" if os.geteuid() == 0 else None

    def start(self) -> None:
        """Make the cluster the first time, then start it."""
        cluster = self.folder / "cluster"
        if not cluster.exists():
            if (owner := self.owner()) is not None:
                account = pwd.getpwnam(owner)
                os.chown(self.folder, account.pw_uid, account.pw_gid)
            subprocess.run(
                [find("initdb"), "-D", cluster, "-A", "trust", "-U", "postgres", "-N"],
                check=True,
                capture_output=True,
                user=self.owner(),
                cwd=self.folder,
            )
        super().start()

    def command(self) -> list[str]:
        """Return what is to be started."""
        options = {
            "listen_addresses": "127.0.0.1",
            "port": self.port,
            "unix_socket_directories": self.folder,
            "fsync": "off",  # the machine itself is not killed here
            "max_connections": 60,
        }
        pairs = [f"--{name}={value}" for name, value in options.items()]
        return [find("postgres"), "-D", str(self.folder / "cluster"), *pairs]

    def answers(self) -> bool:
        """Say whether it takes requests."""
        try:
            with psycopg.connect(self.url, connect_timeout=2):
                return True
        except psycopg.OperationalError:
            return False

    @property
    def url(self) -> str:
        """Return its address."""
        return f"postgresql://postgres@127.0.0.1:{self.port}/postgres"


def find(program: str) -> str:
    """Return the path of a PostgreSQL program; Debian keeps them off the PATH."""
    kept = sorted(Path("/usr/lib/postgresql").glob(f"*/bin/{program}"), reverse=True)
    path = shutil.which(program) or next(map(str, kept), None)
    if path is None:
        raise FileNotFoundError(f"{program}: install the package postgresql")
    return path
