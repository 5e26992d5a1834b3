"""A whole site of its own for tests: real server, real workers, real browser's view."""

import contextlib
import os
import re
import signal
import socket
import subprocess
import sys
import time
from collections.abc import Generator
from pathlib import Path

import requests

ROOT = Path(__file__).resolve().parents[2]
START_SECONDS = 90
PASSWORD = "a long enough passphrase"


def free_port() -> int:
    """Return a port nobody listens on."""
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        return int(probe.getsockname()[1])


def found(pattern: str, text: str) -> str:
    """Return the first group of a pattern that must be in a text."""
    match = re.search(pattern, text)
    assert match is not None, f"{pattern} is not in {text[:2000]}"
    return match[1]


class LiveSite:
    """The site that one command started, on a data folder of its own."""

    def __init__(self, home: Path, *command: str, **environment: str) -> None:
        self.home = home
        self.port = free_port()
        self.url = f"http://localhost:{self.port}"
        self._log = home / f"site-{self.port}.log"
        command = command or (sys.executable, "manage.py", "run")
        self._people: list[requests.Session] = []
        with self._log.open("wb") as log:
            self._process = subprocess.Popen(
                [part.replace("PORT", str(self.port)) for part in command],
                cwd=ROOT,
                env=self._environment() | environment,
                stdout=log,
                stderr=subprocess.STDOUT,
                start_new_session=True,
            )
        self._wait_until_it_answers()

    @property
    def pid(self) -> int:
        """Return the process that was started."""
        return self._process.pid

    @property
    def console(self) -> str:
        """Everything printed so far."""
        return self._log.read_text(errors="replace")

    def sign_up(self, name: str) -> requests.Session:
        """Return the session of a new person."""
        person = requests.Session()
        self._people.append(person)
        address = f"{self.url}/accounts/signup/"
        page = person.get(address, timeout=20)
        proof = found(r'name="csrfmiddlewaretoken" value="(\w+)"', page.text)
        answer = person.post(
            address,
            {
                "csrfmiddlewaretoken": proof,
                "email": f"{name}@example.org",
                "password1": PASSWORD,
            },
            headers={"Referer": address},
            timeout=20,
        )
        assert answer.ok
        assert "data-composer" in answer.text, answer.text[:2000]
        return person

    def stop(self, number: int = signal.SIGINT) -> float:
        """Stop it as Ctrl-C would; return how many seconds that took."""
        for person in self._people:
            person.close()
        started = time.monotonic()
        self._process.send_signal(number)
        try:
            self._process.wait(timeout=30)
        finally:
            with contextlib.suppress(ProcessLookupError):
                os.killpg(self._process.pid, signal.SIGKILL)
        return time.monotonic() - started

    def _environment(self) -> dict[str, str]:
        ours = {"DATABASE_URL", "BROKER_URL", "CACHE_URL", "DJANGO_SETTINGS_MODULE"}
        kept = {name: text for name, text in os.environ.items() if name not in ours}
        return kept | {
            "MAGICSHOT_HOME": str(self.home),
            "MODELS_DIR": str(self.home / "models"),
            "FAKE_PROVIDER": "1",
            "PRELOAD": "0",
            "PORT": str(self.port),
            "DJANGO_SETTINGS_MODULE": "magicshot.settings",
        }

    def _wait_until_it_answers(self) -> None:
        until = time.monotonic() + START_SECONDS
        while time.monotonic() < until:
            with contextlib.suppress(requests.ConnectionError, requests.Timeout):
                if requests.get(f"{self.url}/healthz", timeout=2).status_code < 600:
                    return
            assert self._process.poll() is None, self.console
            time.sleep(0.2)
        self.stop(signal.SIGKILL)
        raise AssertionError(self.console)


def events_of(
    person: requests.Session, url: str, *, seconds: float = 30, cursor: str = ""
) -> Generator[dict[str, str]]:
    """Yield the server-sent events a person hears, comments too, for some seconds."""
    headers = {"Last-Event-ID": cursor} if cursor else {}
    until = time.monotonic() + seconds
    with person.get(
        f"{url}/events/", headers=headers, stream=True, timeout=(10, seconds)
    ) as answer:
        assert answer.status_code == 200
        assert answer.headers["Content-Type"].startswith("text/event-stream")
        event: dict[str, str] = {}
        for line in answer.iter_lines(chunk_size=1, decode_unicode=True):
            name, _, text = line.partition(": ")
            if line:
                event[name] = text
            elif event:
                yield event
                event = {}
            if time.monotonic() > until:
                return
