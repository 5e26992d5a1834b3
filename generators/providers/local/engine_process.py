"""One running engine: a child process, two pipes, and threads that listen to it."""

import contextlib
import logging
import os
import queue
import subprocess
import sys
import threading
import time
from dataclasses import dataclass
from pathlib import Path

from generators.errors import NotConfigured
from generators.pipelines import protocol
from generators.pipelines.protocol import (
    Began,
    Cancel,
    Drawn,
    Failed,
    Finished,
    Holding,
    Load,
    Stepped,
    Work,
)

logger = logging.getLogger(__name__)

_ROOT = Path(__file__).resolve().parents[3]
_START_SECONDS = 30.0
_CLOSE_SECONDS = 5.0
_ENVIRONMENT = {
    "DIFFUSERS_VERBOSITY": "error",
    "HF_HUB_DISABLE_PROGRESS_BARS": "1",
    "HF_HUB_DISABLE_TELEMETRY": "1",
    "HF_HUB_OFFLINE": "1",
    "PYTHONUNBUFFERED": "1",
    "TOKENIZERS_PARALLELISM": "false",
    "TRANSFORMERS_OFFLINE": "1",
    "TRANSFORMERS_VERBOSITY": "critical",
}


@dataclass(frozen=True, slots=True, kw_only=True)
class Gone:
    """The engine ended; a negative exit code is the signal that ended it."""

    exit_code: int


Update = Began | Stepped | Drawn | Finished | Failed | Gone


class EngineProcess:
    """Starts an engine; ``is_gone`` once it ended, by itself or not."""

    def __init__(self, *, limit_mb: int, idle_seconds: float) -> None:
        self.held: tuple[str, ...] = ()
        self.heard_at = time.monotonic()
        self.is_gone = False
        self._exit_code = 0
        self._followers: dict[int, queue.SimpleQueue[Update]] = {}
        self._lock = threading.Lock()
        self._writing = threading.Lock()
        self._process: subprocess.Popen[bytes] | None = None
        self._has_started = threading.Event()
        self._command = [
            sys.executable,
            "-m",
            "generators.pipelines.engine",
            str(os.getpid()),
            str(limit_mb),
            str(idle_seconds),
        ]
        self._keeper = threading.Thread(target=self._keep, daemon=True)
        self._keeper.start()
        self._has_started.wait(_START_SECONDS)
        if self._process is None:
            raise NotConfigured(detail="the drawing engine could not be started")

    @property
    def pid(self) -> int:
        """The engine's process id."""
        return self._running().pid

    def follow(self, order: int) -> "queue.SimpleQueue[Update]":
        """Return where news of that order will come; ``Gone`` also when it is over."""
        updates: queue.SimpleQueue[Update] = queue.SimpleQueue()
        with self._lock:
            self._followers[order] = updates
            if self.is_gone:
                updates.put(Gone(exit_code=self._exit_code))
        return updates

    def unfollow(self, order: int) -> None:
        """Stop listening; what still comes of that order is dropped."""
        with self._lock:
            self._followers.pop(order, None)

    def send(self, message: Load | Work | Cancel) -> None:
        """Give an order. To an engine that has just ended this does nothing."""
        stream = self._running().stdin
        assert stream is not None  # noqa: S101 (it was asked for as a pipe)
        with self._writing, contextlib.suppress(OSError, ValueError):
            protocol.write(stream, message)

    def kill(self) -> None:
        """End it now."""
        self._running().kill()
        self._keeper.join(_CLOSE_SECONDS)

    def close(self) -> None:
        """Let it end: it does when its orders' pipe closes."""
        stream = self._running().stdin
        with self._writing, contextlib.suppress(OSError):
            if stream is not None:
                stream.close()
        self._keeper.join(_CLOSE_SECONDS)
        if not self.is_gone:
            self.kill()

    def _running(self) -> "subprocess.Popen[bytes]":
        assert self._process is not None  # noqa: S101 (the constructor saw to it)
        return self._process

    def _keep(self) -> None:
        """Start the engine, listen until it ends, and tell who waits.

        This thread lives as long as the engine: the kernel ends a child with the
        *thread* that started it.
        """
        try:
            self._process = subprocess.Popen(
                self._command,
                stdin=subprocess.PIPE,
                stdout=subprocess.PIPE,
                stderr=subprocess.PIPE,
                env=os.environ | _ENVIRONMENT | {"PYTHONPATH": str(_ROOT)},
            )
        except OSError:
            logger.exception("the drawing engine could not be started")
            return
        finally:
            self._has_started.set()
        talk = threading.Thread(target=self._log, args=(self._process,), daemon=True)
        talk.start()
        try:
            self._listen(self._process)
        finally:
            self._end(self._process, talk)

    def _listen(self, process: "subprocess.Popen[bytes]") -> None:
        assert process.stdout is not None  # noqa: S101 (it was asked for as a pipe)
        while True:
            try:
                news = protocol.read(process.stdout)
            except (OSError, ValueError, LookupError):
                logger.warning("the drawing engine said something strange")
                process.kill()
                return
            if news is None:
                return
            self.heard_at = time.monotonic()
            if isinstance(news, Holding):
                self.held = news.model_ids
            elif isinstance(news, Began | Stepped | Drawn | Finished | Failed):
                with self._lock:
                    follower = self._followers.get(news.order)
                if follower is not None:
                    follower.put(news)

    def _end(self, process: "subprocess.Popen[bytes]", talk: threading.Thread) -> None:
        exit_code = process.wait()
        talk.join(_CLOSE_SECONDS)
        with self._writing, contextlib.suppress(OSError):
            if process.stdin is not None:
                process.stdin.close()
        if process.stdout is not None:
            process.stdout.close()
        with self._lock:
            self._exit_code, self.is_gone, self.held = exit_code, True, ()
            for follower in self._followers.values():
                follower.put(Gone(exit_code=exit_code))

    def _log(self, process: "subprocess.Popen[bytes]") -> None:
        assert process.stderr is not None  # noqa: S101 (it was asked for as a pipe)
        with process.stderr as stream:
            for line in stream:
                text = line.decode(errors="replace").rstrip()
                if text:
                    logger.warning("engine %d: %s", process.pid, text[:1000])
