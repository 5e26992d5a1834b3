"""A whole site of its own, whose processes may be killed: real workers, real queue."""

import contextlib
import json
import os
import signal
import subprocess
import sys
import time
import uuid
from collections.abc import Callable, Iterator, Sequence
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
from typing import Any

from tests.chaos import points

END_SECONDS = float(os.environ.get("CHAOS_END_SECONDS", "150"))
"""How long a job may take to end after whatever was done to it."""

ROLES = ("local", "remote", "beat")
SETTINGS = {
    "LEASE_SECONDS": "3.5",
    "HEARTBEAT_SECONDS": "0.5",
    "RECONCILE_SECONDS": "0.5",
    "UNKNOWN_SECONDS": "2",
    "REMOTE_CONCURRENCY": "8",
    "FAKE_PROVIDER": "1",
    "PRELOAD": "0",
    "LOG_LEVEL": "WARNING",
    "OMP_NUM_THREADS": "1",
}


def end(process: subprocess.Popen[str]) -> int:
    """Kill a process if it still lives, and let go of it; return how it ended."""
    process.kill()
    code = process.wait()
    for pipe in (process.stdin, process.stdout):
        assert pipe is not None
        with contextlib.suppress(BrokenPipeError):  # what was never read is lost
            pipe.close()
    return code


class Stalled:
    """A process that was stopped by SIGSTOP."""

    def __init__(self, process: subprocess.Popen[str]) -> None:
        self.process = process
        process.send_signal(signal.SIGSTOP)

    def wake(self) -> None:
        """Let it go on where it was."""
        self.process.send_signal(signal.SIGCONT)


class Member:
    """One process of the site, and the spare that takes over when it dies."""

    def __init__(self, site: "Site", role: str) -> None:
        self._site = site
        self.role = role
        self.killed = 0
        self.process = self._load()
        self._spare = self._load()
        self._begin(self.process)

    def tend(self) -> None:
        """Let the spare take over if the process is gone."""
        if self.process.poll() is None:
            return
        self.killed += self.process.returncode == -signal.SIGKILL
        end(self.process)
        self._take_over()

    def kill(self) -> None:
        """Kill it from outside, wherever it is."""
        self.process.kill()
        self.process.wait()
        self.tend()

    @contextlib.contextmanager
    def stalled(self) -> Iterator["Stalled"]:
        """Stop the process as a paused machine would, and let the spare work beside it.

        The stalled one is awake again at the latest when the block ends, and gone then.
        """
        first = Stalled(self.process)
        self._take_over()
        try:
            yield first
        finally:
            first.wake()
            end(first.process)

    def stop(self) -> None:
        """End it, without ceremony."""
        for process in (self.process, self._spare):
            end(process)

    def _take_over(self) -> None:
        self.process, self._spare = self._spare, self._load()
        self._begin(self.process)

    def _load(self) -> subprocess.Popen[str]:
        return self._site.spawn("tests.chaos.worker", self.role)

    @staticmethod
    def _begin(process: subprocess.Popen[str]) -> None:
        assert process.stdin is not None
        with contextlib.suppress(BrokenPipeError):  # it died; the next tend sees it
            process.stdin.write("go\n")
            process.stdin.flush()


class Site:
    """The site under chaos. ``environment`` says which database and broker it has."""

    def __init__(self, home: Path, environment: dict[str, str]) -> None:
        self.home = home
        self.tickets = home / "tickets"
        self.tickets.mkdir(parents=True)
        kept = {
            name: os.environ[name] for name in ("PATH", "HOME") if name in os.environ
        }
        own = {"MAGICSHOT_HOME": str(home), points.TICKETS: str(self.tickets)}
        self.environment = kept | SETTINGS | own | environment
        self._log = (home / "log").open("ab")
        self._manage("migrate", "-v0")
        self._clerk = self._hire()
        self.members = {role: Member(self, role) for role in ROLES}
        for slug in ("fake", "fake-local"):  # the first start is the slow one
            self.wait_for(self.press(slug, "warming up"))

    def spawn(self, module: str, *arguments: str) -> subprocess.Popen[str]:
        """Start one of our test-owned scripts, talking by lines."""
        return subprocess.Popen(
            [sys.executable, "-W", "ignore", "-m", module, *arguments],
            env=self.environment,
            stdin=subprocess.PIPE,
            stdout=subprocess.PIPE,
            stderr=self._log,
            text=True,
        )

    def close(self) -> None:
        """End all processes."""
        for member in self.members.values():
            member.stop()
        end(self._clerk)
        self._log.close()

    def log_tail(self) -> str:
        """Return the end of what the processes had to say."""
        return (self.home / "log").read_text(errors="replace")[-6000:]

    # Asking the clerk

    def ask(self, do: str, **request: Any) -> Any:
        """Have the clerk do something; raises ``BrokenPipeError`` if it dies of it."""
        assert self._clerk.stdin is not None
        assert self._clerk.stdout is not None
        try:
            self._clerk.stdin.write(json.dumps({"do": do} | request) + "\n")
            self._clerk.stdin.flush()
            line = self._clerk.stdout.readline()  # empty once it is dead
        except BrokenPipeError:
            line = ""
        if not line:
            code = end(self._clerk)
            self._clerk = self._hire()
            raise BrokenPipeError(f"the clerk ended with {code}")
        return json.loads(line)

    def press(self, slug: str, prompt: str, *, num_images: int = 2) -> str:
        """Press the button; answer the token by which ``job`` finds what became of it."""
        token = str(uuid.uuid4())
        self.ask("submit", token=token, slug=slug, prompt=prompt, num_images=num_images)
        return token

    def press_and_die(self, slug: str, prompt: str) -> str:
        """Press the button in a web process that does not survive it."""
        token = str(uuid.uuid4())
        request = {"token": token, "slug": slug, "prompt": prompt, "num_images": 2}
        with contextlib.suppress(BrokenPipeError):
            self.ask("submit", **request)
            raise AssertionError("the web process was not killed")
        return token

    def job(self, token: str) -> dict[str, Any]:
        """Tell about the job of one press; dead processes are replaced meanwhile."""
        self.tend()
        seen = self.ask("look", token=token)
        assert seen is not None, "the job is lost"
        return dict(seen)

    def tend(self) -> None:
        """Replace every dead process by its spare."""
        for member in self.members.values():
            member.tend()

    def tend_for(self, seconds: float) -> None:
        """Let time pass, replacing what dies meanwhile."""
        end_at = time.monotonic() + seconds
        while time.monotonic() < end_at:
            self.tend()
            time.sleep(0.05)

    def num_killed(self) -> int:
        """Count the processes that SIGKILL has ended."""
        return sum(member.killed for member in self.members.values())

    # Tickets

    def arm(self, point: str) -> None:
        """Make the next process that reaches a point kill itself there."""
        (self.tickets / point).touch()

    def is_armed(self, point: str) -> bool:
        """Say whether nobody has reached the point yet."""
        return (self.tickets / point).exists()

    def wait_until_killed(self, count: int) -> None:
        """Wait until SIGKILL has ended that many processes, and spares took over."""
        end_at = time.monotonic() + END_SECONDS
        while self.num_killed() < count:
            armed = [ticket.name for ticket in self.tickets.iterdir()]
            assert time.monotonic() < end_at, f"{armed} were never reached"
            self.tend_for(0.1)

    # Waiting

    def wait_for(self, token: str, *statuses: str) -> dict[str, Any]:
        """Wait until the job has one of these statuses, or has ended if none is named."""
        end = time.monotonic() + END_SECONDS
        while True:
            job = self.job(token)
            if job["status"] in statuses if statuses else job["is_ended"]:
                return job
            if time.monotonic() > end:
                raise AssertionError(f"it did not end: {job}")
            time.sleep(0.1)

    def wait_for_event(self, token: str, name: str) -> None:
        """Wait until something has happened to the job."""
        end_at = time.monotonic() + END_SECONDS
        while name not in self.job(token)["events"]:
            assert time.monotonic() < end_at, f"no {name}: {self.job(token)}"
            time.sleep(0.05)

    def assert_in_order(self) -> None:
        """Fail unless the ledger, the files and the leases all add up."""
        wrong = {name: value for name, value in self.ask("audit").items() if value}
        assert not wrong, wrong

    def _hire(self) -> subprocess.Popen[str]:
        clerk = self.spawn("tests.chaos.clerk")
        assert clerk.stdout is not None
        assert clerk.stdout.readline(), self.log_tail()
        return clerk

    def _manage(self, *arguments: str) -> None:
        subprocess.run(
            [sys.executable, "manage.py", *arguments], env=self.environment, check=True
        )


@contextlib.contextmanager
def running(home: Path, environment: dict[str, str]) -> Iterator[Site]:
    """Run a site while the block runs."""
    site = Site(home, environment)
    try:
        yield site
    finally:
        site.close()


def assert_right(job: dict[str, Any]) -> None:
    """Fail unless what one ended job says of itself fits together, to the credit."""
    assert job["ends"] == 1, job
    assert job["delivered"] == len(job["positions"]) == len(set(job["positions"])), job
    assert all(job["files"]), job
    assert job["settled"] == job["price"] * job["delivered"], job
    reserved = job["ledger"]["reserve"][1]
    refunded = job["ledger"].get("refund", [0, 0])[0]
    assert reserved == job["settled"] + refunded, job
    assert (job["status"] == "succeeded") == (job["delivered"] > 0), job


def on_each(
    sites: Sequence[Site], check: Callable[[Site], None], *, times: int = 1
) -> None:
    """Run a check on all sites side by side; each failure shows its site's log."""

    def run(site: Site) -> None:
        try:
            for _ in range(times):
                check(site)
        except (AssertionError, OSError) as error:
            raise AssertionError(f"{site.home}: {error}\n{site.log_tail()}") from error

    with ThreadPoolExecutor(len(sites)) as pool:
        for outcome in [pool.submit(run, site) for site in sites]:
            outcome.result()
