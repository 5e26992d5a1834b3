"""A whole site as a person starts it: `manage.py run` on a data folder of its own."""

import os
import re
import signal
import socket
import subprocess
import sys
import threading
import time
from collections.abc import Mapping
from contextlib import suppress
from pathlib import Path

import psutil

ROOT = Path(__file__).parents[2]
STOP_SECONDS = 20


def free_port() -> int:
    """Return a port that nothing listens on right now."""
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        port: int = probe.getsockname()[1]
        return port


def manage(
    *arguments: str, home: Path, timeout: float = 120, **environment: str
) -> subprocess.CompletedProcess[str]:
    """Run a management command as a person would, on a data folder."""
    return subprocess.run(
        [sys.executable, str(ROOT / "manage.py"), *arguments],
        env=clean_environment(home, environment),
        capture_output=True,
        text=True,
        timeout=timeout,
        check=False,
    )


def clean_environment(home: Path, more: Mapping[str, str]) -> dict[str, str]:
    """Return our environment without what the tests set, and with what is given."""
    ours = ("DJANGO_SETTINGS_MODULE", "FAKE_PROVIDER", "MAGICSHOT_HOME", "PORT", "HOST")
    kept = {name: value for name, value in os.environ.items() if name not in ours}
    return {**kept, "MAGICSHOT_HOME": str(home), **more}


class Site:
    """A running site; ``lines`` is what its console shows."""

    def __init__(self, home: Path, **environment: str) -> None:
        self.home = home
        self.port = free_port()
        self.url = f"http://localhost:{self.port}"
        self.lines: list[str] = []
        if "FAKE_PROVIDER" in environment:
            environment = {"PRELOAD": "0"} | environment  # no other model is asked
        self.process = subprocess.Popen(
            [sys.executable, str(ROOT / "manage.py"), "run"],
            env=clean_environment(home, {"PORT": str(self.port), **environment}),
            stdout=subprocess.PIPE,
            stderr=subprocess.STDOUT,
            text=True,
            start_new_session=True,
        )
        self._reading = threading.Thread(target=self._read, daemon=True)
        self._reading.start()

    def _read(self) -> None:
        assert self.process.stdout
        for line in self.process.stdout:
            self.lines.append(line.rstrip())

    @property
    def console(self) -> str:
        """Everything printed so far."""
        return "\n".join(self.lines)

    def wait_for(self, pattern: str, *, within: float = 90) -> re.Match[str]:
        """Return the first match in the console, once it is there."""
        deadline = time.monotonic() + within
        while time.monotonic() < deadline:
            if found := re.search(pattern, self.console):
                return found
            assert self.process.poll() is None, self.console
            time.sleep(0.05)
        raise AssertionError(f"{pattern!r} did not show up in:\n{self.console}")

    def ready(self) -> "Site":
        """Wait until it answers and has printed its address."""
        self.wait_for(rf"Magicshot is at {self.url}")
        return self

    @property
    def setup_url(self) -> str:
        """The link that makes the owner, from the console."""
        return self.wait_for(r"become its owner at (\S+)")[1]

    def family(self) -> list[psutil.Process]:
        """Every process under the run command."""
        return psutil.Process(self.process.pid).children(recursive=True)

    def child(self, name: str) -> psutil.Process:
        """The supervised process of that name, once there: web, local, remote or beat."""
        mark = {"web": "magicshot.serve", "beat": "beat"}.get(name, f"--queues={name}")
        deadline = time.monotonic() + 30
        while time.monotonic() < deadline:
            for each in psutil.Process(self.process.pid).children():
                with suppress(psutil.NoSuchProcess, psutil.ZombieProcess):
                    if mark in each.cmdline():
                        return each
            time.sleep(0.05)
        raise AssertionError(f"there is no {name}:\n{self.console}")

    def stop(self, number: int = signal.SIGINT) -> float:
        """End it as Ctrl-C does and return the seconds that took."""
        began = time.monotonic()
        if self.process.poll() is None:
            self.process.send_signal(number)
            try:
                self.process.wait(STOP_SECONDS)
            except subprocess.TimeoutExpired:
                with suppress(ProcessLookupError):
                    os.killpg(self.process.pid, signal.SIGKILL)
                raise AssertionError(f"it did not stop:\n{self.console}") from None
        took = time.monotonic() - began
        self._reading.join(2)
        assert self.process.stdout
        self.process.stdout.close()
        return took


def all_gone(processes: list[psutil.Process], *, within: float = 5) -> bool:
    """Say whether every one of some processes ended in time."""
    _, alive = psutil.wait_procs(processes, timeout=within)
    return not [
        each for each in alive if each.is_running() and each.status() != "zombie"
    ]
