"""How connections fare: a circuit breaker each, moved by the outcomes of real jobs.

Closed, it lets jobs through. After ``FAILURES_TO_OPEN`` failures in a row it opens for
a while, twice as long each time; then one job may try (half-open), whose success closes
it. What is the request's own fault says that the service is well.
"""

import logging
from collections.abc import Iterator
from contextlib import contextmanager

from django.db.models import F, QuerySet
from django.db.models.functions import Now

from gallery.clean_text import clean
from generators import connections, errors
from generators.clock import after
from generators.contracts import ConnectionReport
from generators.models import Connection
from generators.patience import DATABASE_AWAY
from generators.record_json import to_json

FAILURES_TO_OPEN = 5
FIRST_PAUSE_SECONDS = 30.0
LONGEST_PAUSE_SECONDS = 600.0
LONGEST_RATE_PAUSE_SECONDS = 900.0
USUAL_RATE_PAUSE_SECONDS = 2.0

Breaker = Connection.Breaker
Rows = QuerySet[Connection, Connection]

_TROUBLE = (
    errors.ProviderUnavailable,
    errors.ProviderFailed,
    errors.OutcomeUnknown,
    errors.UnexpectedResponse,
)
_KEY_TROUBLE = (
    errors.AuthenticationFailed,
    errors.QuotaExhausted,
    errors.NotConfigured,
)
_WELL = (errors.RequestProblem,)

logger = logging.getLogger(__name__)


@contextmanager
def noted(connection_id: int | None, *, is_poll: bool = False) -> Iterator[None]:
    """Note how the provider's call inside went; a poll that goes well says little.

    What cannot be noted just now is left out: the job matters more.
    """
    try:
        yield
    except errors.ProviderError as error:
        if connection_id is not None:
            with _left_out():
                note_failure(connection_id, error)
        raise
    if connection_id is not None and not is_poll:
        with _left_out():
            note_success(connection_id)


@contextmanager
def _left_out() -> Iterator[None]:
    try:
        yield
    except DATABASE_AWAY as error:
        logger.warning("A connection's health was not noted: %s", error)


def note_success(connection_id: int | None) -> None:
    """Note that a connection's service did what it was asked."""
    _rows(connection_id).update(
        breaker=Breaker.CLOSED,
        failures_in_a_row=0,
        paused_until=None,
        last_success_at=Now(),
    )


def note_failure(connection_id: int | None, error: Exception) -> None:
    """Note what a connection's service answered instead of pictures."""
    rows = _rows(connection_id)
    if isinstance(error, errors.RateLimited):
        asked = error.retry_after or USUAL_RATE_PAUSE_SECONDS
        rows.update(paused_until=after(min(asked, LONGEST_RATE_PAUSE_SECONDS)))
    elif isinstance(error, _WELL):
        note_success(connection_id)
    elif isinstance(error, _KEY_TROUBLE):
        _note_key_trouble(rows, error)
    elif isinstance(error, _TROUBLE):
        _note_trouble(rows, error)


def check(connection: Connection) -> bool:
    """Ask the service whether a connection works, keep what it says, and answer that.

    Takes as long as the service does; never in a transaction.
    """
    try:
        report = connections.bound(connection).check()
    except errors.ProviderError as error:
        _keep_check(connection, passed=False, words=_problem_words(error))
        return False
    _keep_check(connection, passed=True, words=_report_words(report), report=report)
    note_success(connection.pk)
    return True


def check_those_in_trouble() -> None:
    """Ask again for each enabled connection that its admin has to look at."""
    for connection in Connection.objects.filter(enabled=True, check_passed=False):
        check(connection)


def _rows(connection_id: int | None) -> Rows:
    return Connection.objects.filter(pk=connection_id)


def _note_key_trouble(rows: Rows, error: errors.ProviderError) -> None:
    rows.update(
        check_passed=False,
        checked_at=Now(),
        check_words=_problem_words(error),
        last_trouble_at=Now(),
        last_trouble=_trouble_words(error),
    )
    for row in rows:
        logger.error("The connection %s does not work: %s", row, error.detail)


def _note_trouble(rows: Rows, error: errors.ProviderError) -> None:
    """Count a failure; the one that is too many opens the breaker."""
    rows.update(
        failures_in_a_row=F("failures_in_a_row") + 1,
        last_trouble_at=Now(),
        last_trouble=_trouble_words(error),
    )
    failing = rows.filter(failures_in_a_row__gte=FAILURES_TO_OPEN)
    for row in failing:
        times = row.failures_in_a_row - FAILURES_TO_OPEN
        pause = min(FIRST_PAUSE_SECONDS * 2 ** min(times, 10), LONGEST_PAUSE_SECONDS)
        failing.update(breaker=Breaker.OPEN, paused_until=after(pause))
        logger.error("The connection %s is left alone for %d s", row, pause)


def _keep_check(
    connection: Connection,
    *,
    passed: bool,
    words: str,
    report: ConnectionReport | None = None,
) -> None:
    known = {} if report is None else _known_from(report)
    connection.check_passed, connection.check_words = passed, words
    _rows(connection.pk).update(
        check_passed=passed, check_words=words, checked_at=Now(), **known
    )


def _known_from(report: ConnectionReport) -> dict[str, object]:
    offered = [to_json(spec) for spec in report.models]
    return {"balance": clean(report.balance)[:100], "offered": offered}


def _report_words(report: ConnectionReport) -> str:
    if report.num_models is None:
        return "works"
    return f"works, {report.num_models} model{'s' * (report.num_models != 1)} found"


_PROBLEMS = {
    errors.AuthenticationFailed: "key refused",
    errors.QuotaExhausted: "the account is out of credit",
    errors.ProviderUnavailable: "cannot be reached",
    errors.RateLimited: "asks to come back later",
}


def _problem_words(error: errors.ProviderError) -> str:
    words = next(
        (text for kind, text in _PROBLEMS.items() if isinstance(error, kind)),
        "does not work",
    )
    return clean(f"{words} ({error.detail or error.user_message})")[:500]


def _trouble_words(error: errors.ProviderError) -> str:
    return clean(f"{type(error).__name__}: {error.detail or error}")[:500]
