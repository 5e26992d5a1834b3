"""Runs the site's processes side by side, and starts again what dies.

Each program leads a process group of its own, so that a terminal's Ctrl-C reaches only
the supervisor, and so that a program's own children can be ended with it.
"""

import asyncio
import contextlib
import ctypes
import os
import signal
import sys
import time
from collections.abc import Awaitable, Callable, Mapping, Sequence
from dataclasses import dataclass, field

FIRST_PAUSE_SECONDS = 0.25
LONGEST_PAUSE_SECONDS = 30.0
HEALTHY_SECONDS = 30.0
"""A program that lived this long is started again with the first, short pause."""

LONGEST_LINE = 64 * 1024
PR_SET_PDEATHSIG = 1  # from linux/prctl.h


@dataclass(frozen=True, slots=True, kw_only=True)
class Program:
    """One process to keep alive; ``stop_seconds`` is its time to end by itself."""

    name: str
    command: tuple[str, ...]
    stop_seconds: float = 8.0
    pass_fds: tuple[int, ...] = ()
    environment: Mapping[str, str] = field(default_factory=dict)
    """Set on top of our own environment."""


class Supervisor:
    """Keeps programs running until told to stop.

    ``write`` is given each whole line of their output and the supervisor's own news,
    with the program's name before it.
    """

    def __init__(
        self, programs: Sequence[Program], *, write: Callable[[str, str], None]
    ) -> None:
        self._programs = programs
        self._write = write
        self._stopping = asyncio.Event()
        self._hurrying = asyncio.Event()

    def stop(self) -> None:
        """End every program; a second call no longer waits for them."""
        if self._stopping.is_set():
            self._hurrying.set()
        self._stopping.set()

    async def run(self) -> None:
        """Keep all programs alive until :meth:`stop`, then return once all are gone."""
        async with asyncio.TaskGroup() as keepers:
            for program in self._programs:
                keepers.create_task(self._keep(program))

    async def _keep(self, program: Program) -> None:
        pause = FIRST_PAUSE_SECONDS
        while not self._stopping.is_set():
            started = time.monotonic()
            code = await self._run_once(program)
            if self._stopping.is_set():
                return
            if time.monotonic() - started >= HEALTHY_SECONDS:
                pause = FIRST_PAUSE_SECONDS
            self._write(
                program.name, f"{_ended(code)}; starting it again in {pause:g} s"
            )
            await _first_of(self._stopping.wait(), asyncio.sleep(pause))
            pause = min(pause * 2, LONGEST_PAUSE_SECONDS)

    async def _run_once(self, program: Program) -> int:
        # A pipe of our own: asyncio's would make wait() wait for grandchildren too.
        reading, writing = os.pipe()
        try:
            child = await asyncio.create_subprocess_exec(
                *program.command,
                stdin=asyncio.subprocess.DEVNULL,
                stdout=writing,
                stderr=writing,
                env={**os.environ, "PYTHONUNBUFFERED": "1", **program.environment},
                pass_fds=program.pass_fds,
                start_new_session=True,
                preexec_fn=_die_with_parent(),
            )
        finally:
            os.close(writing)
        forwarding = asyncio.create_task(self._forward(program.name, reading))
        try:
            await _first_of(child.wait(), self._stopping.wait())
            if child.returncode is None:
                _signal_group(child.pid, signal.SIGTERM, leader_only=True)
                await _first_of(
                    child.wait(),
                    self._hurrying.wait(),
                    asyncio.sleep(program.stop_seconds),
                )
        finally:
            _signal_group(child.pid, signal.SIGKILL)
        code = await child.wait()
        await _first_of(forwarding, asyncio.sleep(1))
        return code

    async def _forward(self, name: str, reading: int) -> None:
        stream = asyncio.StreamReader()
        transport, _ = await asyncio.get_running_loop().connect_read_pipe(
            lambda: asyncio.StreamReaderProtocol(stream), os.fdopen(reading, "rb")
        )
        rest = b""
        with contextlib.closing(transport):
            while chunk := await stream.read(LONGEST_LINE):
                *lines, rest = (rest + chunk).split(b"\n")
                if len(rest) > LONGEST_LINE:
                    lines, rest = [*lines, rest], b""
                for line in lines:
                    self._write(name, line.decode(errors="replace").rstrip())
        if rest:
            self._write(name, rest.decode(errors="replace").rstrip())


async def _first_of(*things: Awaitable[object]) -> None:
    """Wait for the first of some awaitables, and drop the others."""
    tasks = [asyncio.ensure_future(thing) for thing in things]
    try:
        await asyncio.wait(tasks, return_when=asyncio.FIRST_COMPLETED)
    finally:
        for task in tasks:
            task.cancel()
        await asyncio.gather(*tasks, return_exceptions=True)


def _signal_group(pid: int, number: int, *, leader_only: bool = False) -> None:
    # macOS answers PermissionError for a group of which only zombies are left.
    with contextlib.suppress(ProcessLookupError, PermissionError):
        if leader_only:
            os.kill(pid, number)
        else:
            os.killpg(pid, number)


def _ended(code: int) -> str:
    if code < 0:
        return f"killed by {signal.Signals(-code).name}"
    return f"ended with code {code}"


def _die_with_parent() -> Callable[[], None] | None:
    """Return what a child runs before it begins, so that it never outlives us.

    A supervisor that is itself killed cannot clean up; Linux can be asked to.
    """
    if not sys.platform.startswith("linux"):
        return None
    prctl = ctypes.CDLL(None).prctl  # found now: other threads may hold what finds it
    parent = os.getpid()

    def ask() -> None:
        prctl(PR_SET_PDEATHSIG, signal.SIGKILL)
        if os.getppid() != parent:  # it was killed before we could ask
            os._exit(1)

    return ask
