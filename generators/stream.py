"""Live updates: one stream of server-sent events a person, drawn from the database.

The event ``job`` carries a card as the page shows it, ``waiting`` the words of jobs that
still wait, ``balance`` the credits left; ``stale`` says that more was missed than is
told, so the page asks for its unfinished cards itself. Every ``job`` has the change feed's cursor as
its id, so a page that comes back goes on where it was (``Last-Event-ID``).
"""

import asyncio
import json
import signal
import threading
import time
from collections import defaultdict
from collections.abc import AsyncIterator, Callable
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass, field
from typing import Any, Final, TypeVar

from django.db import connections
from django.template.loader import render_to_string

from accounts.ledger import paying_wallet
from accounts.models import User
from accounts.sign_in import is_still_signed_in
from generators import cards, estimates, events
from generators.models import GenerationJob
from generators.patience import DATABASE_AWAY

ResultT = TypeVar("ResultT")

ACTIVE_SECONDS: Final = 0.35
"""The pause between two looks while one of the person's jobs is unfinished."""
IDLE_SECONDS: Final = 1.5
WAITING_SECONDS: Final = 2.0
HEARTBEAT_SECONDS: Final = 15.0
LONGEST_SECONDS: Final = 600.0
"""Then the stream ends and the browser comes back."""
SESSION_SECONDS: Final = 4.0
"""How long a session that was ended elsewhere may still hear news."""
WAITING_JOBS_TOLD: Final = 20
MOST_STREAMS: Final = 8
"""Of one person in one process; further pages poll and come again after a while."""

_UNFINISHED: Final = (
    GenerationJob.Status.QUEUED,
    GenerationJob.Status.RUNNING,
    GenerationJob.Status.UNKNOWN,
)
# Two threads look for everybody, so that open streams hold two connections, not many.
_lookers = ThreadPoolExecutor(max_workers=2, thread_name_prefix="stream")
_listening: defaultdict[int, set[Callable[[], None]]] = defaultdict(set)
_lock = threading.Lock()


@dataclass(slots=True, kw_only=True)
class Listener:
    """One open page: whose, up to where it was told, and what it still waits for.

    ``heard`` is where the page says it was; ``cursor`` is ``None`` before the first look.
    Once its session has ended, it ``is_over`` and is told nothing more.
    """

    user: User
    session_key: str | None
    heard: events.Cursor | None
    cursor: events.Cursor | None = None
    active: dict[int, GenerationJob] = field(default_factory=dict)
    waiting_told: dict[str, str] = field(default_factory=dict)
    waiting_at: float = 0.0
    is_over: bool = False
    seen_signed_in_at: float = field(default_factory=time.monotonic)

    def look(self) -> list[str]:
        """Return the messages for what changed since the last look.

        One that failed has told nothing: the next tells all of it.
        """
        if time.monotonic() - self.seen_signed_in_at >= SESSION_SECONDS:
            self.is_over = not is_still_signed_in(self.user, self.session_key)
            self.seen_signed_in_at = time.monotonic()
        if self.is_over:
            return []
        cursor, told = (self.cursor, []) if self.cursor else self._begin()
        changes = events.changed_since(self.user, cursor)
        news = [
            self._job_message(card, changes.cursor)
            for card in cards.cards_of(changes.jobs)
        ]
        told += [*news, self._balance_message()] if news else []
        if time.monotonic() - self.waiting_at >= WAITING_SECONDS:
            told += self._waiting_messages()
        self.cursor = changes.cursor
        return told

    def _begin(self) -> tuple[events.Cursor, list[str]]:
        """Find the unfinished jobs once; later looks keep the list up to date."""
        balance = self._balance_message()
        cursor, is_stale = (
            events.resume(self.user, self.heard)
            if self.heard
            else (events.cursor_now(self.user), False)
        )
        unfinished = GenerationJob.objects.filter(
            owner=self.user, status__in=_UNFINISHED
        )
        self.active = {job.pk: job for job in unfinished}
        return cursor, [balance, message("stale", {})] if is_stale else [balance]

    def _balance_message(self) -> str:
        self.user.refresh_from_db(fields=["group"])  # they may have joined one
        return message("balance", {"balance": paying_wallet(self.user).balance})

    def _job_message(self, card: cards.JobCard, cursor: events.Cursor) -> str:
        job = card.job
        if job.is_ended:
            self.active.pop(job.pk, None)
        else:
            self.active[job.pk] = job
        news = {
            "job": str(job.public_id),
            "generation": str(job.generation.public_id),
            "version": job.version,
            "announcement": card.announcement,
            "html": render_to_string("generators/partials/_job.html", {"card": card}),
        }
        return message("job", news, cursor=str(cursor))

    def _waiting_messages(self) -> list[str]:
        """Tell queued jobs' new places: these change without the job changing."""
        self.waiting_at = time.monotonic()
        queued = [
            job
            for job in self.active.values()
            if job.status == GenerationJob.Status.QUEUED
        ]
        outlook = estimates.Outlook()
        words = {
            str(job.public_id): cards.waiting_words(job, outlook)
            for job in queued[:WAITING_JOBS_TOLD]
        }
        news = words.items() - self.waiting_told.items()
        self.waiting_told = words
        return [message("waiting", dict(news))] if news else []


def message(event: str, content: dict[str, Any], *, cursor: str = "") -> str:
    """Return one server-sent event."""
    head = f"id: {cursor}\n" if cursor else ""
    return f"{head}event: {event}\ndata: {json.dumps(content)}\n\n"


async def stream(
    user: User, cursor: events.Cursor | None, *, session_key: str | None
) -> AsyncIterator[str]:
    """Tell a person's news until the browser or the session leaves, or time is up."""
    until = time.monotonic() + LONGEST_SECONDS
    wake = asyncio.Event()
    awaken = _thread_safe(wake)
    _end_with_the_server()
    if not _join(user, awaken):
        yield "retry: 30000\n\n"
        return
    try:
        yield "retry: 2000\n\n"
        listener = Listener(user=user, session_key=session_key, heard=cursor)
        told = await _look(listener.look)
        quiet_since = time.monotonic()
        while not _is_stopping.is_set() and time.monotonic() < until:
            if listener.is_over:
                return
            if told or time.monotonic() - quiet_since > HEARTBEAT_SECONDS:
                quiet_since = time.monotonic()
                yield "".join(told) or ": still here\n\n"
            pause = ACTIVE_SECONDS if listener.active else IDLE_SECONDS
            await _pause(wake, pause)
            told = await _look(listener.look)
    finally:
        with _lock:
            _listening[user.pk].discard(awaken)
            if not _listening[user.pk]:
                del _listening[user.pk]


def nudge(user: User) -> None:
    """Let this process's open streams of a person look at once. From any thread."""
    with _lock:
        awakened = list(_listening.get(user.pk, ()))
    for awaken in awakened:
        awaken()


def _join(user: User, awaken: Callable[[], None]) -> bool:
    with _lock:
        if len(_listening.get(user.pk, ())) >= MOST_STREAMS:
            return False
        _listening[user.pk].add(awaken)
        return True


async def _look(look: Callable[[], list[str]]) -> list[str]:
    """Look in a thread; a database that is away for a moment only delays the news."""
    try:
        return await _in_thread(look)
    except DATABASE_AWAY:
        await asyncio.sleep(IDLE_SECONDS)
        return []


async def _in_thread(work: Callable[[], ResultT]) -> ResultT:
    def guarded() -> ResultT:
        try:
            return work()
        except DATABASE_AWAY:
            connections.close_all()
            raise

    return await asyncio.get_running_loop().run_in_executor(_lookers, guarded)


async def _pause(wake: asyncio.Event, seconds: float) -> None:
    try:
        await asyncio.wait_for(wake.wait(), timeout=seconds)
    except TimeoutError:
        return
    wake.clear()


def _thread_safe(wake: asyncio.Event) -> Callable[[], None]:
    loop = asyncio.get_running_loop()

    def awaken() -> None:
        loop.call_soon_threadsafe(wake.set)

    return awaken


_is_stopping = threading.Event()
_chained = threading.Event()


def _end_with_the_server() -> None:
    """End all streams when the server is told to stop.

    Servers wait for open responses first, so without this Ctrl-C would last as long as
    the longest stream. Their own handlers run as before.
    """
    if _chained.is_set() or threading.current_thread() is not threading.main_thread():
        return
    _chained.set()
    for number in (signal.SIGINT, signal.SIGTERM):
        previous = signal.getsignal(number)
        if callable(previous):
            signal.signal(number, _stopping_before(previous))


def _stopping_before(previous: Callable[..., Any]) -> Callable[..., Any]:
    def stop(number: int, frame: Any) -> Any:
        _is_stopping.set()
        for awakened in list(_listening.values()):
            for awaken in list(awakened):
                awaken()
        return previous(number, frame)

    return stop
