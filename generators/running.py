"""Runs one claimed job: calls its provider, stores what came, ends it.

Nothing here holds a database connection while a provider works. Every write presents
the claim's token; one that changes nothing means that the job is somebody else's now,
and this worker stops quietly.
"""

import logging
import random
import time
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import replace

from django.conf import settings
from django.utils.crypto import salted_hmac

from gallery.storage import BrokenPicture, StorageFailed
from generators import (
    actual_costs,
    catalog,
    connections,
    deliveries,
    endings,
    errors,
    health,
    inputs,
    moves,
    previews,
    wake,
)
from generators.bytes_in_flight import sent_to
from generators.capabilities import Capabilities
from generators.clock import after, before
from generators.contracts import (
    Accepted,
    GenerationRequest,
    GenerationResult,
    InputImage,
    JobHandle,
    Lane,
    Pending,
)
from generators.deliveries import Delivery
from generators.failures import GIVEN_UP_WORDS, Failure
from generators.models import GenerationJob
from generators.moves import Claim
from generators.patience import DATABASE_AWAY, let_go_of_database, patiently
from generators.providers.base import Provider
from generators.pulse import Pulse, Stop, heart
from generators.transitions import Action

FIRST_PAUSE_SECONDS = 2.0
LONGEST_PAUSE_SECONDS = 60.0
BROKE_OFF_PAUSE_SECONDS = 15.0  # short of memory just now, it may not be then
POLL_PAUSE_SECONDS = (0.1, 60.0)
POLL_TROUBLE_SECONDS = 5.0

_EXPECTED = (errors.ProviderError, BrokenPicture)
logger = logging.getLogger(__name__)


def run(claim: Claim) -> None:
    """Do the next piece of work on a claimed job: call its provider, or poll it."""
    pulse: Pulse | None = None
    try:
        _refuse_without_model(claim.job)
        provider = connections.provider_of(claim.job)
        with heart.hold(claim, is_paid=provider.is_paid) as pulse:
            work = _submit if claim.job.handle is None else _poll
            delivery = work(claim, provider, pulse)
        if delivery is not None:
            _deliver(claim, delivery, is_paid=provider.is_paid)
    except errors.GenerationCanceled:
        _stopped(claim, pulse.stop if pulse else None)
    except errors.OutcomeUnknown as error:
        _wonder(claim, error)
    except errors.Transient as error:
        _try_later(claim, error)
    except StorageFailed as error:
        _fetch_later(claim, error)
    except DATABASE_AWAY:
        raise  # nothing can be written now; the reconciler takes the job back
    except Exception as error:  # the one place: whatever it was, the job ends
        if not isinstance(error, _EXPECTED):
            logger.exception("Job %s met an error of our own", claim.job)
        if not (getattr(error, "broke_off", False) and _begin_again(claim, error)):
            _fail(claim, Failure.of(error))


def _refuse_without_model(job: GenerationJob) -> None:
    """Refuse new remote work whose model was deleted meanwhile.

    A service may have another under its name, at any other connection.
    """
    is_remote = job.lane == Lane.REMOTE
    if is_remote and job.image_model is None and job.handle is None:
        raise errors.ModelUnavailable(detail="its image model was deleted")


def _submit(claim: Claim, provider: Provider, pulse: Pulse) -> Delivery | None:
    with _room_to_send(claim.job):
        request = _request_of(claim.job)
        if provider.is_paid and not moves.start_call(claim):
            _cancel_if_asked(claim)
            return None
        let_go_of_database()
        started = time.monotonic()
        with health.noted(claim.job.connection_id, provider):
            outcome = provider.submit(request, on_progress=pulse.on_progress)
        del request  # with the pictures in it
    if isinstance(outcome, GenerationResult):
        return _store(claim, outcome, seconds=time.monotonic() - started)
    _save_handle(claim, outcome)
    return None


@contextmanager
def _room_to_send(job: GenerationJob) -> Iterator[None]:
    """Wait until the pictures it works on fit into memory beside those of others."""
    if not job.num_inputs:
        yield
        return
    num_bytes = inputs.bytes_to_send(job, _able(job))
    let_go_of_database()
    with sent_to[job.provider].hold(num_bytes):
        yield


def _able(job: GenerationJob) -> Capabilities:
    row = job.image_model
    return Capabilities() if row is None else catalog.capabilities_of(row)


def _request_of(job: GenerationJob) -> GenerationRequest:
    """Return the recipe with its pictures, and a name for its owner that says nothing."""
    images: tuple[InputImage, ...] = ()
    if job.num_inputs:
        images = inputs.load(job, _able(job), expected=job.num_inputs)
    owner = salted_hmac("generators.end_user", str(job.owner_id)).hexdigest()
    request = GenerationRequest.from_json(job.recipe)
    return replace(request, images=images, end_user=owner)


def _save_handle(claim: Claim, accepted: Accepted) -> None:
    micros = actual_costs.micros_of(accepted.cost)
    if patiently(
        lambda: moves.accept(claim, accepted.handle, actual_usd_micros=micros)
    ):
        _ring_for_poll(claim, _poll_pause(accepted.handle.next_poll_seconds))


def _poll(claim: Claim, provider: Provider, pulse: Pulse) -> Delivery | None:
    handle = JobHandle.from_json(claim.job.handle)
    let_go_of_database()
    if claim.job.cancel_requested_at is not None and _agrees(provider, handle):
        raise errors.GenerationCanceled
    with health.noted(claim.job.connection_id, provider, is_poll=True):
        outcome = provider.poll(handle)
    if isinstance(outcome, GenerationResult):
        return _store(claim, outcome, seconds=_seconds_drawn(claim.job))
    _show_and_wait(claim, outcome)
    return None


def _agrees(provider: Provider, handle: JobHandle) -> bool:
    """Ask the provider to stop; one that cannot will deliver instead."""
    try:
        with errors.hiding(connections.key_of(provider)):
            return provider.cancel(handle)
    except errors.ProviderError as error:
        logger.warning("%s did not cancel: %s", provider.slug, error.detail or error)
        return False


def _show_and_wait(claim: Claim, pending: Pending) -> None:
    news = pending.progress
    if news is not None and news.preview:
        previews.show(claim.job, news.preview)
    fraction = None if news is None else min(max(news.fraction, 0.0), 1.0)
    _poll_later(claim, _poll_pause(pending.next_poll_seconds), fraction=fraction)


def _poll_later(claim: Claim, seconds: float, *, fraction: float | None = None) -> None:
    if patiently(lambda: moves.wait(claim, seconds=seconds, fraction=fraction)):
        _ring_for_poll(claim, seconds)


def _ring_for_poll(claim: Claim, seconds: float) -> None:
    """Ring for the next poll; at once, if a cancel came that this look did not know."""
    if claim.job.cancel_requested_at is None and moves.hurry_cancel(claim.job):
        seconds = 0
    wake.ring(claim.job.lane, in_seconds=seconds)


def _trouble_pause(claim: Claim) -> float:
    """Return how long to leave a service alone that did not say how its work goes."""
    usual = JobHandle.from_json(claim.job.handle).next_poll_seconds
    return max(POLL_TROUBLE_SECONDS, _poll_pause(usual))


def _poll_pause(seconds: float) -> float:
    shortest, longest = POLL_PAUSE_SECONDS
    return min(max(seconds, shortest), longest)


def _seconds_drawn(job: GenerationJob) -> float:
    """Return how long this try had been going on when the poll began."""
    if job.drawing_since is None:
        return 0.0
    return max(0.0, (job.changed_at - job.drawing_since).total_seconds())


def _store(
    claim: Claim, result: GenerationResult, *, seconds: float
) -> Delivery | None:
    micros = actual_costs.micros_of(result.cost)
    if not patiently(lambda: moves.save(claim, actual_usd_micros=micros)):
        return None
    deliveries.check_not_empty(result)
    return deliveries.store(claim.job, result, seconds=seconds)


def _deliver(claim: Claim, delivery: Delivery, *, is_paid: bool) -> None:
    """End it well, unless the person canceled work that cost the operator nothing."""
    wanted = claim.rows
    if not is_paid:
        wanted = wanted.filter(cancel_requested_at__isnull=True)
    if not patiently(lambda: endings.succeed(wanted, claim.job, delivery)):
        _cancel_if_asked(claim)


def _cancel_if_asked(claim: Claim) -> bool:
    asked = claim.rows.filter(cancel_requested_at__isnull=False)
    return patiently(lambda: endings.cancel(asked, claim.job))


def _stopped(claim: Claim, stop: Stop | None) -> None:
    """Do what a provider was stopped for; with no reason of ours, it was canceled."""
    if stop is Stop.LOST:
        return
    if stop is Stop.OVERDUE:
        kind = GenerationJob.FailureKind.TIMED_OUT
        _fail(claim, Failure(kind=kind, message=GIVEN_UP_WORDS))
    elif stop is Stop.HAND_BACK:
        if moves.hand_back(claim):
            wake.ring(claim.job.lane)
        else:
            _cancel_if_asked(claim)
    else:
        patiently(lambda: endings.cancel(claim.rows, claim.job))


def _wonder(claim: Claim, error: errors.OutcomeUnknown) -> None:
    """Ask accepted work again; set aside what nobody can be asked about."""
    logger.warning("Job %s: the outcome is not known: %s", claim.job, error.detail)
    if claim.job.handle is not None:
        _poll_later(claim, _trouble_pause(claim))
        return
    note = error.detail or error.user_message
    patiently(lambda: moves.doubt(claim.rows, claim.job, note=note))


def _fetch_later(claim: Claim, error: StorageFailed) -> None:
    """Fetch accepted work again while there is time; other pictures are lost."""
    seconds = LONGEST_PAUSE_SECONDS
    in_time = claim.rows.filter(deadline_at__gt=after(seconds))
    if claim.job.handle is not None and in_time.exists():
        _poll_later(claim, seconds)
    else:
        _fail(claim, Failure.of(error))


def _try_later(claim: Claim, error: errors.Transient) -> None:
    """Poll again later, or queue again later, until there is no point any more."""
    if claim.job.handle is not None:
        pause = error.retry_after or _trouble_pause(claim)
        _poll_later(claim, min(pause, LONGEST_PAUSE_SECONDS))
        return
    if _cancel_if_asked(claim):
        return
    seconds, note = _pause(claim.job, error), error.user_message
    if _is_too_late(claim, seconds):
        _fail(claim, Failure.of(error))
    elif patiently(lambda: moves.postpone(claim, seconds=seconds, note=note)):
        wake.ring(claim.job.lane, in_seconds=seconds)
    else:
        _cancel_if_asked(claim)


def _begin_again(claim: Claim, error: Exception) -> bool:
    """Queue unpaid work that broke off again later, unless it has done so too often."""
    if claim.job.attempts + 1 >= moves.MAX_ATTEMPTS:
        return _cancel_if_asked(claim)
    logger.warning("Job %s broke off: %s", claim.job, Failure.of(error).detail)
    unpaid = claim.rows.filter(call_started_at__isnull=True, handle__isnull=True)
    seconds = BROKE_OFF_PAUSE_SECONDS
    if patiently(lambda: moves.lose(unpaid, claim.job, seconds=seconds)):
        wake.ring(claim.job.lane, in_seconds=seconds)
        return True
    return _cancel_if_asked(claim)


def _pause(job: GenerationJob, error: errors.Transient) -> float:
    """Return how long to wait: what the provider said, else twice as long each time."""
    if error.retry_after is not None:
        return max(error.retry_after, 0.1) * random.uniform(1.0, 1.1)  # noqa: S311
    times = min(job.events.filter(name=Action.POSTPONE).count(), 16)
    pause: float = min(FIRST_PAUSE_SECONDS * 2**times, LONGEST_PAUSE_SECONDS)
    return pause * random.uniform(0.5, 1.5)  # noqa: S311


def _is_too_late(claim: Claim, seconds: float) -> bool:
    """Say whether the provider will have been away for longer than a person waits.

    It counts from its first refusal; what went before, or was begun anew since, was not
    its doing.
    """
    if seconds > settings.RETRY_SECONDS:
        return True
    anew = claim.job.events.filter(name__in=(Action.HAND_BACK, Action.LOSE))
    refusals = claim.job.events.filter(name=Action.POSTPONE)
    if (last := anew.order_by("-pk").first()) is not None:
        refusals = refusals.filter(pk__gt=last.pk)
    long_ago = before(settings.RETRY_SECONDS - seconds)
    return refusals.filter(created_at__lt=long_ago).exists()


def _fail(claim: Claim, failure: Failure) -> None:
    patiently(lambda: endings.fail(claim.rows, claim.job, failure))
