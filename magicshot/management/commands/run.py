"""Runs the whole site: web server, workers and beat, under one supervisor."""

import asyncio
import contextlib
import http.client
import os
import signal
import socket
import sys
import threading
from collections.abc import Callable
from typing import Any

from django.conf import settings
from django.core.management.base import BaseCommand, CommandError
from django.db import connections

from magicshot import preparing, processes, setup
from magicshot.gate import Gate
from magicshot.supervisor import Supervisor

COLOURS = {"web": 36, "local": 35, "remote": 34, "beat": 33}
"""ANSI colours of the names before the lines."""


class Command(BaseCommand):
    """Starts everything, keeps it alive, and stops it all on Ctrl-C."""

    help = (
        "Run the whole site until Ctrl-C. HOST, PORT and MAGICSHOT_HOME are honoured."
    )

    def handle(self, *args: Any, **options: Any) -> None:
        """Refuse a busy port or folder, prepare, then run until told to stop."""
        home = settings.MAGICSHOT_HOME
        try:
            with processes.hold(home, what="the run command"):
                self._run(processes.listen(settings.HOST, settings.PORT))
        except processes.PortTaken as error:
            raise CommandError(str(error)) from error
        except processes.AlreadyRunning as error:
            raise CommandError(
                f"Magicshot already runs on {home} ({error.owner}). "
                "Stop it first, or set MAGICSHOT_HOME to another folder."
            ) from error

    def _run(self, sockets: list[socket.socket]) -> None:
        self.stdout.write("Preparing the site...")
        self.stdout.flush()
        asyncio.run(self._supervise(sockets))
        self.stdout.write("Magicshot has stopped.")

    async def _supervise(self, sockets: list[socket.socket]) -> None:
        gate = Gate()
        programs = [
            gate.hold_back(program)
            for program in (processes.web(sockets), *processes.workers())
        ]
        supervisor = Supervisor(programs, write=self._line_writer())
        loop = asyncio.get_running_loop()
        for number in (signal.SIGINT, signal.SIGTERM, signal.SIGHUP):
            loop.add_signal_handler(number, supervisor.stop)
        running = asyncio.create_task(supervisor.run())
        prepared = _begin(_prepare)
        await asyncio.wait({running, prepared}, return_when=asyncio.FIRST_COMPLETED)
        if not prepared.done():  # told to stop: what is half prepared is left so
            return await running
        if prepared.exception() is not None:
            supervisor.stop()
            await running
            return prepared.result()
        gate.open()
        greeting = asyncio.create_task(self._greet(sockets[0].getsockname()))
        await running
        greeting.cancel()
        with contextlib.suppress(asyncio.CancelledError):
            await greeting
        return None

    async def _greet(self, address: tuple[Any, ...]) -> None:
        """Print where the site is, once it answers there."""
        while not await asyncio.to_thread(_answers, address[0], address[1]):
            await asyncio.sleep(0.1)
        lines = [f"Magicshot is at {settings.SITE_URL}"]
        if link := await asyncio.to_thread(setup.address):
            lines.append(f"First visit: become its owner at {link}")
        self.stdout.write("\n".join([*lines, "Press Ctrl-C to stop.", ""]))
        self.stdout.flush()

    def _line_writer(self) -> Callable[[str, str], None]:
        is_colourful = sys.stdout.isatty() and "NO_COLOR" not in os.environ

        def write(name: str, line: str) -> None:
            prefix = f"{name:6} |"
            if is_colourful:
                prefix = f"\x1b[{COLOURS[name]}m{prefix}\x1b[0m"
            self.stdout.write(f"{prefix} {line}")
            self.stdout.flush()

        return write


def _begin(work: Callable[[], None]) -> asyncio.Future[None]:
    """Do something in a thread that nobody has to wait for when the process ends."""
    loop = asyncio.get_running_loop()
    done = loop.create_future()

    def settle(error: BaseException | None) -> None:
        if error is None:
            done.set_result(None)
        else:
            done.set_exception(error)

    def do() -> None:
        error: BaseException | None = None
        try:
            work()
        except BaseException as raised:  # noqa: BLE001 (whoever waits raises it)
            error = raised
        with contextlib.suppress(RuntimeError):  # the loop has been closed
            loop.call_soon_threadsafe(settle, error)

    threading.Thread(target=do, daemon=True).start()
    return done


def _prepare() -> None:
    try:
        preparing.prepare(static=True)
    finally:
        connections.close_all()


def _answers(host: str, port: int) -> bool:
    """Say whether the web process answers at all; it may still refuse our host name."""
    connection = http.client.HTTPConnection(host, port, timeout=2)
    try:
        connection.request("GET", "/healthz", headers={"Host": f"localhost:{port}"})
        return connection.getresponse().status < 500
    except (OSError, http.client.HTTPException):
        return False
    finally:
        connection.close()
