"""How connections fare: a circuit breaker each, moved by the outcomes of real jobs.

Closed, it lets jobs through. After ``FAILURES_TO_OPEN`` failures in a row it opens for
a while; then one job may try (half-open), whose success closes it and whose failure
opens it for twice as long. What the service finds at fault in a request says that it
is well; what an adapter refuses by itself says nothing. Each step is one conditional
update, so that of two workers one takes it.
"""

import logging
from collections.abc import Iterator
from contextlib import contextmanager

from django.db.models import Case, F, Q, QuerySet, When
from django.db.models.functions import Now

from gallery.clean_text import clean
from generators import catalog_filling, connections, errors
from generators.clock import after, before
from generators.contracts import ConnectionReport
from generators.models import Connection
from generators.patience import DATABASE_AWAY, let_go_of_database
from generators.providers.base import Provider
from generators.record_json import to_json

FAILURES_TO_OPEN = 5
FIRST_PAUSE_SECONDS = 30.0
LONGEST_PAUSE_SECONDS = 600.0
LONGEST_RATE_PAUSE_SECONDS = 900.0
USUAL_RATE_PAUSE_SECONDS = 2.0
NEWS_SECONDS = 5.0
"""A success is written down this often, so that hundreds at once do not wait in line."""

TRY_SECONDS = 630.0
"""How long a try may go without an outcome before another job tries: the longest paid
call's."""

BELIEVED_SECONDS = 3600.0
"""How long a check at no cost does not outweigh what a job met: it cannot tell that an
account has credit again, or that a key may draw."""

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

logger = logging.getLogger(__name__)


@contextmanager
def noted(
    connection_id: int | None, provider: Provider, *, is_poll: bool = False
) -> Iterator[None]:
    """Note how the provider's call inside went; a poll that goes well says little.

    No error leaves it that holds the connection's key. What cannot be noted just now is
    left out: the job matters more.
    """
    try:
        with errors.hiding(connections.key_of(provider)):
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


def begin_try(connection: Connection) -> bool:
    """Let one job try a connection that was left alone; answer whether it is this one."""
    rested = _rows(connection.pk).filter(
        breaker=connection.breaker, paused_until=connection.paused_until
    )
    tried = rested.update(breaker=Breaker.HALF_OPEN, paused_until=after(TRY_SECONDS))
    return tried == 1


def note_success(connection_id: int | None) -> None:
    """Note that a connection's service did what it was asked.

    A pause that the service itself asked for goes on: only a breaker's pause ends.
    """
    rows = _rows(connection_id)
    is_news = (
        Q(failures_in_a_row__gt=0)
        | Q(last_success_at__isnull=True)
        | Q(last_success_at__lt=before(NEWS_SECONDS))
        | ~Q(check_passed=True)
    )
    is_shut = ~Q(breaker=Breaker.CLOSED)
    rows.filter(is_news | is_shut).update(
        failures_in_a_row=0,
        last_success_at=Now(),
        breaker=Breaker.CLOSED,
        paused_until=Case(When(is_shut, then=None), default=F("paused_until")),
    )


def note_failure(connection_id: int | None, error: Exception) -> None:
    """Note what a connection's service answered instead of pictures."""
    rows = _rows(connection_id)
    if isinstance(error, errors.RateLimited):
        _note_wait(rows, error.retry_after or USUAL_RATE_PAUSE_SECONDS)
    elif isinstance(error, errors.UnsupportedRequest):
        return  # the adapter's own word: nothing was sent
    elif isinstance(error, errors.RequestProblem):
        note_success(connection_id)
    elif isinstance(error, _KEY_TROUBLE):
        _note_key_trouble(rows, error)
    elif isinstance(error, _TROUBLE):
        _note_trouble(rows, error)


def check(connection: Connection) -> bool:
    """Ask the service whether a connection works, keep what it says, and answer that.

    What it offers is in the dropdown at once. Takes as long as the service does; never
    in a transaction.
    """
    try:
        provider = connections.bound(connection)
        let_go_of_database()
        with errors.hiding(connections.key_of(provider)):
            report = provider.check()
        _keep_check(connection, passed=True, words=_report_words(report), report=report)
    except errors.ProviderError as error:
        # A service that worked and is away now needs no admin: its jobs wait for it.
        is_away = isinstance(error, errors.Transient) and connection.last_success_at
        passed = None if is_away else False
        _keep_check(connection, passed=passed, words=_problem_words(error))
        return False
    except Exception:  # an error of our own in an adapter must not stop the others
        logger.exception("The connection %s could not be checked", connection)
        words = "does not work (an error of ours, which the log tells)"
        _keep_check(connection, passed=False, words=words)
        return False
    with _left_out():
        note_success(connection.pk)
    if report.models or connection.offered:
        _fill_dropdown()
    return True


def check_those_in_trouble() -> None:
    """Ask again for each enabled connection that is not known to work.

    One that a job found without credit or rights is left so for ``BELIEVED_SECONDS``.
    """
    rows = Connection.objects.filter(enabled=True).exclude(check_passed=True)
    told_by_job = Q(check_passed=False, last_trouble_at__gte=F("checked_at"))
    believed = told_by_job & Q(checked_at__gt=before(BELIEVED_SECONDS))
    for connection in rows.exclude(believed):
        check(connection)


def _fill_dropdown() -> None:
    """Show what services offer now. What is wrong there is no fault of the connection."""
    try:
        catalog_filling.fill()
    except Exception:
        logger.exception("The dropdown could not be filled")


def _rows(connection_id: int | None) -> Rows:
    if connection_id is None:
        return Connection.objects.none()
    return Connection.objects.filter(pk=connection_id)


def _note_key_trouble(rows: Rows, error: errors.ProviderError) -> None:
    rows.update(
        check_passed=False,
        checked_at=Now(),
        check_words=_words_of_job(error),
        last_trouble_at=Now(),
        last_trouble=_words_of_job(error),
    )
    for row in rows:
        logger.error("The connection %s does not work: %s", row, error.detail)


def _note_wait(rows: Rows, seconds: float) -> None:
    """Pause as long as the service asks; a shorter wish shortens no longer one."""
    end = after(min(seconds, LONGEST_RATE_PAUSE_SECONDS))
    tried = rows.filter(breaker=Breaker.HALF_OPEN)  # it answers, so it is well
    tried.update(breaker=Breaker.CLOSED, failures_in_a_row=0, paused_until=None)
    rows.filter(Q(paused_until__isnull=True) | Q(paused_until__lt=end)).update(
        paused_until=end
    )


def _note_trouble(rows: Rows, error: errors.ProviderError) -> None:
    """Count a failure; the one that is too many, or of the job that tries, opens.

    Jobs that were under way when it opened fail too. They say nothing new.
    """
    rows.update(last_trouble_at=Now(), last_trouble=_words_of_job(error))
    counted = rows.exclude(breaker=Breaker.OPEN)
    counted.update(failures_in_a_row=F("failures_in_a_row") + 1)
    for row in counted.filter(failures_in_a_row__gte=FAILURES_TO_OPEN):
        is_tried = row.breaker == Breaker.HALF_OPEN
        times = row.failures_in_a_row - FAILURES_TO_OPEN if is_tried else 0
        pause = min(FIRST_PAUSE_SECONDS * 2 ** min(times, 10), LONGEST_PAUSE_SECONDS)
        opened = rows.filter(breaker=row.breaker).update(
            breaker=Breaker.OPEN,
            failures_in_a_row=FAILURES_TO_OPEN + times,
            paused_until=after(pause),
        )
        if opened:
            logger.error("The connection %s is left alone for %d s", row, pause)


def _keep_check(
    connection: Connection,
    *,
    passed: bool | None,
    words: str,
    report: ConnectionReport | None = None,
) -> None:
    known = {} if report is None else _known_from(report)
    connection.check_passed, connection.check_words = passed, words
    with _left_out():
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
    errors.ProviderFailed: "has a problem of its own",
    errors.OutcomeUnknown: "gave no answer to a paid call",
    errors.UnexpectedResponse: "answers what makes no sense",
}


def _problem_words(error: errors.ProviderError) -> str:
    return _in_brackets(error, error.detail or error.user_message)


def _words_of_job(error: errors.ProviderError) -> str:
    """Return the problem without what was said of it, which may repeat a prompt."""
    return _in_brackets(error, error.detail.partition(":")[0] or type(error).__name__)


def _in_brackets(error: errors.ProviderError, more: str) -> str:
    words = next(
        (text for kind, text in _PROBLEMS.items() if isinstance(error, kind)),
        "does not work",
    )
    cleaned: str = clean(f"{words} ({more})")
    return cleaned[:500]
