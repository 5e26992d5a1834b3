"""The local worker's side of the engine: starts it, gives it orders, notices its death."""

import itertools
import queue
import threading
import time
from collections.abc import Callable
from dataclasses import dataclass, replace

from generators import errors
from generators.contracts import OnProgress, Progress
from generators.pipelines.protocol import (
    Began,
    Cancel,
    Checkpoint,
    Drawn,
    Failed,
    Finished,
    Load,
    Stepped,
    Work,
)
from generators.providers.local.engine_process import EngineProcess, Gone, Update

_LISTEN_SECONDS = 0.05  # how soon a cancel is noticed between two steps
_OUT_OF_MEMORY = (
    "The drawing engine was stopped by the system, most likely because the machine ran "
    "out of memory."
)
_STOPPED = "The drawing engine stopped unexpectedly. Please try again."
_HUNG = "The drawing engine stopped answering and was started again. Please try again."
_KILLED = -9


@dataclass(frozen=True, slots=True, kw_only=True)
class Drawing:
    """What came of an order. Fewer pictures than asked when it broke off midway."""

    pictures: tuple[Drawn, ...]
    model_seconds: float | None


class EngineClient:
    """One engine at most, started when first needed and again after it died.

    ``silence_seconds`` without any sign of life, or ``stall_seconds`` without a step or
    a picture, and the engine is ended as hung.
    """

    def __init__(
        self,
        *,
        limit_mb: int,
        idle_seconds: float,
        silence_seconds: float = 60.0,
        stall_seconds: float = 900.0,
    ) -> None:
        self._start: Callable[[], EngineProcess] = lambda: EngineProcess(
            limit_mb=limit_mb, idle_seconds=idle_seconds
        )
        self._silence_seconds = silence_seconds
        self._stall_seconds = stall_seconds
        self._numbers = itertools.count(1)
        self._turn = threading.Lock()
        self._starting = threading.Lock()
        self._engine: EngineProcess | None = None

    @property
    def pid(self) -> int | None:
        """The running engine's process id."""
        engine = self._engine
        return engine.pid if engine is not None and not engine.is_gone else None

    def held(self) -> tuple[str, ...]:
        """Return the ids of the models that are loaded now."""
        engine = self._engine
        return engine.held if engine is not None and not engine.is_gone else ()

    def load(self, checkpoint: Checkpoint) -> None:
        """Ask for a model to be ready soon; returns at once, failures are only logged."""
        self._running().send(Load(checkpoint=checkpoint))

    def carry_out(self, order: Work, on_progress: OnProgress) -> Drawing:
        """Have an order carried out, one at a time. Raises only ``generators.errors``."""
        order = replace(order, order=next(self._numbers))
        with self._turn:
            for is_last_try in (False, True):
                errand = _Errand(self._running(), order, on_progress)
                try:
                    return errand.run(self._silence_seconds, self._stall_seconds)
                except _NotTakenUp:
                    # It had died before it saw this order: not this order's doing.
                    if is_last_try:
                        raise errors.UnexpectedResponse(
                            _STOPPED, broke_off=True
                        ) from None
        raise AssertionError("unreachable")

    def close(self) -> None:
        """End the engine."""
        with self._starting:
            engine, self._engine = self._engine, None
        if engine is not None:
            engine.close()

    def _running(self) -> EngineProcess:
        with self._starting:
            if self._engine is None or self._engine.is_gone:
                self._engine = self._start()
            return self._engine


class _NotTakenUp(Exception):
    """The engine went before it began this order."""


class _Errand:
    """One order at one engine."""

    def __init__(
        self, engine: EngineProcess, order: Work, on_progress: OnProgress
    ) -> None:
        self._engine = engine
        self._order = order
        self._on_progress = on_progress
        self._latest = Progress(fraction=0, steps=order.steps)
        self._has_begun = False
        self._pictures: list[Drawn] = []

    def run(self, silence_seconds: float, stall_seconds: float) -> Drawing:
        updates = self._engine.follow(self._order.order)
        try:
            self._engine.send(self._order)
            moved_at = time.monotonic()
            while True:
                try:
                    update = updates.get(timeout=_LISTEN_SECONDS)
                except queue.Empty:
                    self._tell(self._latest)
                    silence = time.monotonic() - self._engine.heard_at
                    stall = time.monotonic() - moved_at
                    if silence > silence_seconds or stall > stall_seconds:
                        self._engine.kill()
                        # An engine that lives and draws too slowly would do so again.
                        broke_off = silence > silence_seconds or not self._has_begun
                        return self._broken_off(
                            errors.TimedOut(_HUNG, broke_off=broke_off)
                        )
                    continue
                moved_at = time.monotonic()
                drawing = self._take(update)
                if drawing is not None:
                    return drawing
        finally:
            self._engine.unfollow(self._order.order)

    def _take(self, update: Update) -> Drawing | None:
        match update:
            case Began():
                self._has_begun = True
            case Stepped():
                # The last preview goes along: who listens looks only now and then.
                self._latest = Progress(
                    fraction=update.fraction,
                    step=update.step,
                    steps=update.steps,
                    preview=update.payload or self._latest.preview,
                )
                self._tell(self._latest)
            case Drawn():
                self._pictures.append(update)
            case Finished():
                return self._drawing(update.model_seconds)
            case Failed():
                return self._broken_off(_as_error(update))
            case Gone():
                return self._after_death(update)
        return None

    def _tell(self, progress: Progress) -> None:
        if not self._on_progress(progress):
            self._engine.send(Cancel(order=self._order.order))
            raise errors.GenerationCanceled

    def _after_death(self, gone: Gone) -> Drawing:
        if not self._has_begun:
            raise _NotTakenUp
        detail = f"engine ended with {gone.exit_code}"
        if gone.exit_code == _KILLED:
            error: errors.ProviderError = errors.ResourceExhausted(
                _OUT_OF_MEMORY, detail=detail, broke_off=True
            )
        else:
            error = errors.UnexpectedResponse(_STOPPED, detail=detail, broke_off=True)
        return self._broken_off(error)

    def _broken_off(self, error: errors.ProviderError) -> Drawing:
        """Keep what was drawn before it broke; with nothing drawn, raise."""
        if self._pictures and not isinstance(error, errors.GenerationCanceled):
            return self._drawing(None)
        raise error

    def _drawing(self, model_seconds: float | None) -> Drawing:
        return Drawing(pictures=tuple(self._pictures), model_seconds=model_seconds)


def _as_error(failed: Failed) -> errors.ProviderError:
    known: dict[str, type[errors.ProviderError]] = {
        kind.__name__: kind
        for kind in (
            errors.GenerationCanceled,
            errors.InvalidRequest,
            errors.ModelUnavailable,
            errors.ResourceExhausted,
        )
    }
    kind = known.get(failed.error, errors.UnexpectedResponse)
    return kind(failed.user_message, detail=failed.detail)
