"""How a connection stands, in a colour and in words, for lists that show many."""

import datetime as dt
import enum
from dataclasses import dataclass

from django.utils import timezone
from django.utils.formats import time_format

from generators import connections
from generators.models import Connection

Breaker = Connection.Breaker


class Tone(enum.StrEnum):
    """What the dot says before anybody reads the words."""

    GOOD = "good"
    UNKNOWN = "unknown"
    TROUBLED = "troubled"
    BAD = "bad"
    OFF = "off"


@dataclass(frozen=True, slots=True, kw_only=True)
class State:
    """The dot's tone, and a few words."""

    tone: Tone
    words: str


def state_of(row: Connection, moment: dt.datetime | None = None) -> State:
    """Say how a connection stands: the worst that is known and has not passed."""
    moment = moment or timezone.now()
    if not row.enabled:
        return State(tone=Tone.OFF, words="off")
    if connections.needs_admin(row):
        return State(tone=Tone.BAD, words=_problem(row))
    if row.breaker != Breaker.CLOSED:
        return State(tone=Tone.TROUBLED, words=f"trouble, {_next_try(row, moment)}")
    if row.paused_until is not None and row.paused_until > moment:
        words = f"busy, going on at {_clock(row.paused_until)}"
        return State(tone=Tone.TROUBLED, words=words)
    if row.check_passed is None and _checked_last(row):
        return State(tone=Tone.TROUBLED, words=_problem(row))
    if row.last_success_at is not None:
        return State(tone=Tone.GOOD, words="works")
    return State(tone=Tone.UNKNOWN, words="not tried")


def _problem(row: Connection) -> str:
    return row.check_words.partition(" (")[0] or "does not work"


def _checked_last(row: Connection) -> bool:
    """Say whether nothing has worked since the last check."""
    if row.checked_at is None:
        return False
    return row.last_success_at is None or row.last_success_at < row.checked_at


def _next_try(row: Connection, moment: dt.datetime) -> str:
    is_resting = row.paused_until is not None and row.paused_until > moment
    if row.breaker == Breaker.HALF_OPEN:
        return "trying now"
    if is_resting and row.paused_until is not None:
        return f"trying again at {_clock(row.paused_until)}"
    return "the next job tries"


def _clock(moment: dt.datetime) -> str:
    return time_format(timezone.localtime(moment), "H:i")
