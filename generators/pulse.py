"""Keeps leases alive and carries news while providers work.

One thread a process serves all its running jobs: it renews their leases, learns of
cancels, and writes progress and previews down. A provider's thread touches only the
memory of its :class:`Pulse`, so it needs no database connection and never waits.
"""

import contextlib
import enum
import logging
import threading
import time
from collections.abc import Collection, Iterator

from django.conf import settings
from django.db import DatabaseError, InterfaceError, connections

from generators import moves, previews
from generators.clock import Now, after
from generators.contracts import Lane, Progress
from generators.models import GenerationJob
from generators.moves import Claim

LOCAL_TICK_SECONDS = 0.05
REMOTE_TICK_SECONDS = 0.5
NEWS_SECONDS = 0.33
"""Progress and previews of one job are written down about three times a second."""

logger = logging.getLogger(__name__)


class Stop(enum.Enum):
    """Why a provider is asked to stop."""

    CANCELED = "canceled"
    LOST = "lost"
    OVERDUE = "overdue"
    HAND_BACK = "hand-back"


class Pulse:
    """What the provider's thread and the heart share about one running job."""

    def __init__(self, claim: Claim, *, is_paid: bool) -> None:
        self.claim = claim
        self.is_paid = is_paid
        self.stop: Stop | None = None
        self._news: Progress | None = None
        self._told: Progress | None = None
        self._told_at = 0.0

    def on_progress(self, progress: Progress) -> bool:
        """Take news from the provider; answer whether to go on."""
        self._news = progress
        return self.stop is None

    def ask_to_stop(self, reason: Stop) -> None:
        """Make ``on_progress`` answer ``False``; the first reason counts."""
        self.stop = self.stop or reason

    def tell(self) -> None:
        """Write the latest progress and preview down, if it is time."""
        news, now = self._news, time.monotonic()
        if news == self._told or now - self._told_at < NEWS_SECONDS:
            return
        self._told, self._told_at = news, now
        if news is None or (news.fraction <= 0 and not news.preview):
            return  # not drawing yet: a provider only asks whether to go on
        if news.preview:
            previews.show(self.claim.job, news.preview)
        moves.show_progress(self.claim, min(max(news.fraction, 0.0), 1.0))


class Heart:
    """The thread that beats for every running job of this process."""

    def __init__(self) -> None:
        self._lock = threading.RLock()  # a signal handler may come in between
        self._pulses: set[Pulse] = set()
        self._thread: threading.Thread | None = None
        self._beat_at = 0.0

    @contextlib.contextmanager
    def hold(self, claim: Claim, *, is_paid: bool) -> Iterator[Pulse]:
        """Keep the claim's lease while the block runs."""
        pulse = Pulse(claim, is_paid=is_paid)
        with self._lock:
            self._pulses.add(pulse)
            beat_at = time.monotonic() + settings.HEARTBEAT_SECONDS
            self._beat_at = min(self._beat_at, beat_at) if self._thread else beat_at
            if self._thread is None or not self._thread.is_alive():
                self._thread = threading.Thread(
                    target=self._run, name="heart", daemon=True
                )
                self._thread.start()
        try:
            yield pulse
        finally:
            with self._lock:
                self._pulses.discard(pulse)

    def hand_back_all(self) -> None:
        """Ask unpaid work to stop, because this process is being stopped."""
        with self._lock:
            for pulse in list(self._pulses):
                if not pulse.is_paid:
                    pulse.ask_to_stop(Stop.HAND_BACK)

    def _run(self) -> None:
        try:
            while pulses := self._current():
                self._tick(pulses)
                lanes = {pulse.claim.job.lane for pulse in pulses}
                is_local = Lane.LOCAL in lanes
                time.sleep(LOCAL_TICK_SECONDS if is_local else REMOTE_TICK_SECONDS)
        finally:
            connections.close_all()

    def _current(self) -> list[Pulse]:
        """Return the jobs to beat for; with none left, this thread is done."""
        with self._lock:
            if not self._pulses:
                self._thread = None
            return list(self._pulses)

    def _tick(self, pulses: Collection[Pulse]) -> None:
        try:
            if time.monotonic() >= self._beat_at:
                self._beat_at = time.monotonic() + settings.HEARTBEAT_SECONDS
                _renew(pulses)
            _look_for_cancels(pulses)
            for pulse in pulses:
                pulse.tell()
        except (DatabaseError, InterfaceError) as error:  # the one is not the other
            logger.warning("The heart missed a beat: %s", error)
            with contextlib.suppress(DatabaseError, InterfaceError):
                connections.close_all()
        except Exception:  # the leases of all running jobs hang on this thread
            logger.exception("The heart met an error of our own")


def _renew(pulses: Collection[Pulse]) -> None:
    """Renew all leases in one statement, and find the jobs that are not ours any more."""
    tokens = [pulse.claim.token for pulse in pulses]
    ours = GenerationJob.objects.filter(lease_token__in=tokens)
    running = ours.filter(status=GenerationJob.Status.RUNNING)
    running.update(lease_expires_at=after(settings.LEASE_SECONDS))
    held = set(ours.values_list("lease_token", flat=True))
    overdue = set(
        running.filter(deadline_at__lt=Now()).values_list("lease_token", flat=True)
    )
    for pulse in pulses:
        if pulse.claim.token not in held:
            pulse.ask_to_stop(Stop.LOST)
        elif pulse.claim.token in overdue:
            pulse.ask_to_stop(Stop.OVERDUE)


def _look_for_cancels(pulses: Collection[Pulse]) -> None:
    canceled = set(
        GenerationJob.objects.filter(
            lease_expires_at__isnull=False,  # a short index, however many jobs run
            cancel_requested_at__isnull=False,
        ).values_list("pk", flat=True)
    )
    for pulse in pulses:
        if pulse.claim.job.pk in canceled:
            pulse.ask_to_stop(Stop.CANCELED)


heart = Heart()
"""This process's own."""
