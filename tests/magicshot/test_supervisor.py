"""Real processes under a real supervisor."""

import asyncio
import os
import signal
import subprocess
import sys
import time
from contextlib import suppress
from pathlib import Path

import psutil
import pytest

from magicshot.supervisor import Program, Supervisor

SLEEPER = "import time; print('up', flush=True); time.sleep(60)"
STUBBORN = f"import signal; signal.signal(signal.SIGTERM, signal.SIG_IGN); {SLEEPER}"
PARENT = (
    "import subprocess, sys, time;"
    "child = subprocess.Popen([sys.executable, '-c', 'import time; time.sleep(60)']);"
    "print(child.pid, flush=True); time.sleep(60)"
)


def program(code: str, *, name: str = "one", stop_seconds: float = 5) -> Program:
    return Program(
        name=name,
        command=(sys.executable, "-c", code),
        stop_seconds=stop_seconds,
    )


class Watched:
    """A supervisor whose lines are kept."""

    def __init__(self, *programs: Program) -> None:
        self.lines: list[tuple[str, str]] = []
        self.supervisor = Supervisor(
            programs, write=lambda name, line: self.lines.append((name, line))
        )

    async def line(self, text: str, *, times: int = 1, within: float = 20) -> str:
        """Wait until a line holding ``text`` was written so many times."""
        deadline = time.monotonic() + within
        while time.monotonic() < deadline:
            found = [line for _, line in self.lines if text in line]
            if len(found) >= times:
                return found[times - 1]
            await asyncio.sleep(0.02)
        raise AssertionError(f"{text!r} was not seen in {self.lines}")


def is_alive(pid: int) -> bool:
    with suppress(psutil.NoSuchProcess):
        return psutil.Process(pid).status() != psutil.STATUS_ZOMBIE
    return False


async def gone(pid: int, *, within: float = 5) -> bool:
    deadline = time.monotonic() + within
    while is_alive(pid) and time.monotonic() < deadline:
        await asyncio.sleep(0.02)
    return not is_alive(pid)


def test_when_a_program_is_killed_then_it_is_started_again():
    async def journey() -> None:
        code = f"import os; print('pid', os.getpid(), flush=True); {SLEEPER}"
        watched = Watched(program(code))
        running = asyncio.create_task(watched.supervisor.run())
        first = int((await watched.line("pid")).split()[1])
        os.kill(first, signal.SIGKILL)
        second = int((await watched.line("pid", times=2)).split()[1])
        assert second != first
        assert await watched.line("killed by SIGKILL; starting it again in 0.25 s")
        watched.supervisor.stop()
        await running
        assert not is_alive(second)

    asyncio.run(journey())


def test_when_a_program_keeps_dying_then_the_pauses_grow():
    async def journey() -> None:
        watched = Watched(program("raise SystemExit(3)"))
        running = asyncio.create_task(watched.supervisor.run())
        await watched.line("ended with code 3; starting it again in 0.5 s")
        await watched.line("ended with code 3; starting it again in 1 s")
        watched.supervisor.stop()
        await asyncio.wait_for(running, 1)

    asyncio.run(journey())


def test_when_one_dies_then_the_others_go_on():
    async def journey() -> None:
        watched = Watched(
            program("raise SystemExit(1)", name="bad"), program(SLEEPER, name="good")
        )
        running = asyncio.create_task(watched.supervisor.run())
        await watched.line("starting it again in 1 s")
        assert [line for name, line in watched.lines if name == "good"] == ["up"]
        watched.supervisor.stop()
        await running

    asyncio.run(journey())


def test_when_stopped_then_a_program_that_will_not_end_is_killed():
    async def journey() -> None:
        watched = Watched(program(STUBBORN, stop_seconds=0.3))
        running = asyncio.create_task(watched.supervisor.run())
        await watched.line("up")
        began = time.monotonic()
        watched.supervisor.stop()
        await running
        assert 0.3 <= time.monotonic() - began < 3

    asyncio.run(journey())


def test_when_stopped_twice_then_nothing_is_waited_for():
    async def journey() -> None:
        watched = Watched(program(STUBBORN, stop_seconds=30))
        running = asyncio.create_task(watched.supervisor.run())
        await watched.line("up")
        watched.supervisor.stop()
        watched.supervisor.stop()
        await asyncio.wait_for(running, 3)

    asyncio.run(journey())


@pytest.mark.parametrize("way", ["stop", "kill the child"])
def test_when_a_program_ends_then_its_own_children_end_too(way):
    async def journey() -> None:
        watched = Watched(program(PARENT))
        running = asyncio.create_task(watched.supervisor.run())
        grandchild = int(await watched.line(""))
        if way == "stop":
            watched.supervisor.stop()
            await running
        else:
            os.kill(psutil.Process(grandchild).ppid(), signal.SIGKILL)
        assert await gone(grandchild)
        watched.supervisor.stop()
        await running

    asyncio.run(journey())


def test_when_a_line_is_very_long_or_broken_then_it_is_forwarded():
    async def journey() -> None:
        code = (
            "import sys; out = sys.stdout.buffer;"
            "out.write(b'x' * 200_000 + b'\\nnot utf-8: \\xff\\nno newline');"
            "out.flush()"
        )
        watched = Watched(program(code))
        running = asyncio.create_task(watched.supervisor.run())
        await watched.line("not utf-8: \N{REPLACEMENT CHARACTER}")
        await watched.line("no newline")
        watched.supervisor.stop()
        await running
        assert sum(line.count("x") for _, line in watched.lines) >= 200_000

    asyncio.run(journey())


@pytest.mark.skipif(
    not sys.platform.startswith("linux"), reason="asks the Linux kernel"
)
def test_when_the_supervisor_is_killed_then_no_orphan_is_left(tmp_path: Path):
    script = tmp_path / "supervise.py"
    script.write_text(
        "import asyncio, sys\n"
        "from magicshot.supervisor import Program, Supervisor\n"
        f"program = Program(name='one', command=(sys.executable, '-c', {PIDS!r}))\n"
        "write = lambda name, line: print(line, flush=True)\n"
        "asyncio.run(Supervisor([program], write=write).run())\n"
    )
    root = Path(__file__).parents[2]
    with subprocess.Popen(
        [sys.executable, str(script)],
        stdout=subprocess.PIPE,
        env={**os.environ, "PYTHONPATH": str(root)},
        text=True,
    ) as supervising:
        assert supervising.stdout
        child = int(supervising.stdout.readline())
        supervising.kill()
        supervising.wait()
    assert asyncio.run(gone(child))


PIDS = "import os, time; print(os.getpid(), flush=True); time.sleep(60)"
