"""Connections that fail are left alone, tried by one job, and used again."""

from datetime import timedelta

import pytest
from django.db import OperationalError

from accounts import ledger_audit
from generators import (
    catalog,
    connections,
    errors,
    health,
    jobs,
    moves,
    queue,
    reconciler,
)
from generators.clock import after, before
from generators.clock import read as now
from generators.contracts import ConnectionReport, Lane
from generators.models import Connection, GenerationJob
from generators.providers import registry
from generators.providers.http import PAID_SECONDS
from tests.at_once import at_once
from tests.fakes import studio as fakes
from tests.fakes.wire import Fault, status

Breaker = Connection.Breaker
Status = GenerationJob.Status
BRUSH, LETTER = "studio-brush", "studio-letter"
DOWN = errors.ProviderUnavailable(detail="down")


@pytest.fixture
def way(studio, bell):
    """A connection to the studio."""
    return fakes.connect(studio)


def make_jobs(user, count, model=BRUSH):
    return [fakes.submit(user, model) for _ in range(count)]


def fail_often(row, times=health.FAILURES_TO_OPEN):
    for _ in range(times):
        health.note_failure(row.pk, DOWN)
    row.refresh_from_db()
    return row


def rest(row):
    """Let a pause end."""
    Connection.objects.filter(pk=row.pk).update(paused_until=before(0.01))
    row.refresh_from_db()


def pause_of(row):
    row.refresh_from_db()
    return (row.paused_until - now()).total_seconds()


def run_until_all_ended(jobs_, looks=60):
    for _ in range(looks):
        GenerationJob.objects.filter(next_action_at__isnull=False).update(
            next_action_at=before(0.01)
        )
        jobs.run_next(Lane.REMOTE, worker="test")
        if all(fresh(job).is_ended for job in jobs_):
            return
    raise AssertionError([job.status for job in jobs_])


def fresh(job):
    job.refresh_from_db()
    return job


def test_when_a_service_fails_too_often_then_its_connection_is_left_alone(way):
    fail_often(way, health.FAILURES_TO_OPEN - 1)
    assert (way.breaker, way.paused_until) == (Breaker.CLOSED, None)
    fail_often(way, 1)
    assert way.breaker == Breaker.OPEN
    assert pause_of(way) == pytest.approx(health.FIRST_PAUSE_SECONDS, abs=3)
    assert way.last_trouble == "cannot be reached (down)"


def test_when_something_works_in_between_then_failures_are_not_in_a_row(way):
    fail_often(way, health.FAILURES_TO_OPEN - 1)
    health.note_success(way.pk)
    fail_often(way, health.FAILURES_TO_OPEN - 1)
    assert way.breaker == Breaker.CLOSED


def test_when_jobs_under_way_fail_too_then_the_pause_grows_no_longer(way):
    fail_often(way)
    Connection.objects.update(paused_until=after(10))
    fail_often(way, 50)
    assert way.breaker == Breaker.OPEN
    assert pause_of(way) <= 10


def test_when_the_request_is_at_fault_then_the_service_is_well(way):
    fail_often(way, health.FAILURES_TO_OPEN - 1)
    health.note_failure(way.pk, errors.ContentRejected())
    way.refresh_from_db()
    assert (way.failures_in_a_row, way.breaker) == (0, Breaker.CLOSED)
    assert way.last_success_at is not None


def test_when_a_breaker_is_open_then_jobs_wait_and_nobody_is_woken(way, alice, bell):
    job = fakes.submit(alice, BRUSH)
    fail_often(way)
    bell.clear()
    assert queue.claim_next(Lane.REMOTE) is None
    reconciler.reconcile()
    assert bell == []
    assert fresh(job).status == Status.QUEUED
    rest(way)
    reconciler.reconcile()
    assert bell == ["remote"]


def test_when_the_pause_ends_then_exactly_one_job_tries(way, alice):
    make_jobs(alice, 3)
    rest(fail_often(way))
    claim = queue.claim_next(Lane.REMOTE)
    assert claim is not None
    way.refresh_from_db()
    assert way.breaker == Breaker.HALF_OPEN
    assert queue.claim_next(Lane.REMOTE) is None
    health.note_success(way.pk)
    way.refresh_from_db()
    assert (way.breaker, way.paused_until) == (Breaker.CLOSED, None)
    assert queue.claim_next(Lane.REMOTE) is not None


def test_when_the_try_fails_then_the_pause_is_twice_as_long_each_time(way, alice):
    fail_often(way)
    pauses = []
    for _ in range(6):
        rest(way)
        assert health.begin_try(way)
        health.note_failure(way.pk, DOWN)
        pauses.append(pause_of(way))
        assert way.breaker == Breaker.OPEN
    assert pauses == pytest.approx([60, 120, 240, 480, 600, 600], abs=3)


def test_when_two_claimers_saw_the_same_row_then_one_may_try(way):
    rest(fail_often(way))
    first, second = (Connection.objects.get() for _ in "ab")
    assert [health.begin_try(each) for each in (first, second)] == [True, False]


@pytest.mark.django_db(transaction=True)
def test_when_many_workers_claim_at_once_then_one_job_tries(way, alice):
    make_jobs(alice, 4)
    rest(fail_often(way))
    claims = at_once(lambda _: queue.claim_next(Lane.REMOTE), 4)
    assert len([claim for claim in claims if claim is not None]) == 1


@pytest.mark.django_db(transaction=True)
def test_when_many_workers_claim_at_once_then_limits_hold(studio, alice, bell):
    fakes.connect(studio, max_concurrency=3, max_per_minute=2)
    make_jobs(alice, 6)
    claims = at_once(lambda _: queue.claim_next(Lane.REMOTE), 6)
    assert len([claim for claim in claims if claim is not None]) == 2


def test_when_the_job_that_tried_ends_without_an_outcome_then_another_tries(way, alice):
    make_jobs(alice, 2)
    rest(fail_often(way))
    claim = queue.claim_next(Lane.REMOTE)
    assert queue.claim_next(Lane.REMOTE) is None
    moves.hand_back(claim)
    assert queue.claim_next(Lane.REMOTE) is not None


def test_when_older_work_is_still_polled_then_one_job_tries_all_the_same(way, alice):
    fakes.submit(alice, LETTER)
    jobs.run_next(Lane.REMOTE, worker="test")
    assert connections.in_flight()[way.pk] == 1
    GenerationJob.objects.update(next_action_at=after(60))
    make_jobs(alice, 2)
    rest(fail_often(way))
    assert queue.claim_next(Lane.REMOTE) is not None
    assert queue.claim_next(Lane.REMOTE) is None


def test_when_a_service_asks_to_wait_then_nothing_is_sent_before(way, studio, alice):
    studio.fail(status(429, {"error": "slow down"}, retry_after="40"))
    first, second = make_jobs(alice, 2)
    assert jobs.run_next(Lane.REMOTE, worker="test")
    assert pause_of(way) == pytest.approx(40, abs=5)
    assert not jobs.run_next(Lane.REMOTE, worker="test")
    assert len(studio.calls_to("POST")) == 1
    assert {fresh(first).status, fresh(second).status} == {Status.QUEUED}
    rest(way)
    run_until_all_ended([first, second])
    assert {first.status, second.status} == {Status.SUCCEEDED}


def test_when_others_succeed_meanwhile_then_the_wait_goes_on(way):
    health.note_failure(way.pk, errors.RateLimited(retry_after=40))
    health.note_success(way.pk)
    health.note_failure(way.pk, errors.RateLimited())
    assert pause_of(way) == pytest.approx(40, abs=3)


def test_when_a_wait_is_absurd_then_it_is_cut(way):
    health.note_failure(way.pk, errors.RateLimited(retry_after=1e7))
    assert pause_of(way) <= health.LONGEST_RATE_PAUSE_SECONDS


def test_when_two_may_run_and_five_come_then_never_more_than_two_run(studio, alice):
    fakes.connect(studio, max_concurrency=2)
    many = make_jobs(alice, 5, LETTER)
    running = []
    for _ in range(40):
        while jobs.run_next(Lane.REMOTE, worker="test"):
            polled = GenerationJob.objects.filter(next_action_at__isnull=False)
            polled.update(next_action_at=after(60))
        running.append(GenerationJob.objects.filter(status=Status.RUNNING).count())
        if all(fresh(job).is_ended for job in many):
            break
        GenerationJob.objects.filter(pk=polled.last().pk).update(
            next_action_at=before(0.01)
        )
    assert {job.status for job in many} == {Status.SUCCEEDED}
    assert max(running) == 2
    assert ledger_audit.audit() == []


def test_when_a_connection_is_full_then_nobody_is_woken(studio, alice, bell):
    fakes.connect(studio, max_concurrency=1)
    make_jobs(alice, 3, LETTER)
    jobs.run_next(Lane.REMOTE, worker="test")
    GenerationJob.objects.filter(next_action_at__isnull=False).update(
        next_action_at=after(60)
    )
    bell.clear()
    reconciler.reconcile()
    assert bell == []


def test_when_a_minute_is_full_then_jobs_wait_for_the_next_one(studio, alice, bell):
    fakes.connect(studio, max_per_minute=2)
    many = make_jobs(alice, 3)
    claims = [queue.claim_next(Lane.REMOTE) for _ in many]
    assert [claim is not None for claim in claims] == [True, True, False]
    for claim in claims[:2]:
        moves.start_call(claim)
    assert queue.claim_next(Lane.REMOTE) is None
    bell.clear()
    reconciler.reconcile()
    assert bell == []
    GenerationJob.objects.update(call_started_at=before(61))
    assert queue.claim_next(Lane.REMOTE) is not None


def test_when_one_connection_is_open_then_a_second_takes_over(way, studio, alice):
    other = fakes.connect(studio, "Second")
    fail_often(way)
    many = make_jobs(alice, 3)
    run_until_all_ended(many)
    assert {(job.status, job.connection_id) for job in many} == {
        (Status.SUCCEEDED, other.pk)
    }


def test_when_there_are_two_then_the_emptier_one_is_used(way, studio, alice):
    other = fakes.connect(studio, "Second")
    make_jobs(alice, 2)
    claims = [queue.claim_next(Lane.REMOTE) for _ in "ab"]
    assert {claim.job.connection_id for claim in claims} == {way.pk, other.pk}


def test_when_one_key_was_refused_then_jobs_go_through_the_other(way, studio, alice):
    other = fakes.connect(studio, "Second")
    health.note_failure(way.pk, errors.AuthenticationFailed(detail="no"))
    many = make_jobs(alice, 3)
    claims = [queue.claim_next(Lane.REMOTE) for _ in many]
    assert {claim.job.connection_id for claim in claims} == {other.pk}


def test_when_only_the_refused_one_has_room_then_jobs_wait_for_the_other(
    way, studio, alice
):
    fakes.connect(studio, "Second", max_concurrency=1)
    health.note_failure(way.pk, errors.AuthenticationFailed(detail="no"))
    make_jobs(alice, 2)
    assert queue.claim_next(Lane.REMOTE) is not None
    assert queue.claim_next(Lane.REMOTE) is None


def test_when_a_service_is_down_then_the_job_waits_rather_than_fails(
    studio, bell, alice
):
    way = fakes.connect(studio)
    url = studio.url
    studio.stop()
    job = fakes.submit(alice, BRUSH)
    for _ in range(health.FAILURES_TO_OPEN):
        GenerationJob.objects.update(next_action_at=None)
        assert jobs.run_next(Lane.REMOTE, worker="test")
    way.refresh_from_db()
    assert way.breaker == Breaker.OPEN
    assert fresh(job).status == Status.QUEUED
    assert not jobs.run_next(Lane.REMOTE, worker="test")
    studio.start(int(url.rpartition(":")[2]))
    rest(way)
    run_until_all_ended([job])
    assert job.status == Status.SUCCEEDED
    way.refresh_from_db()
    assert way.breaker == Breaker.CLOSED


def test_when_a_key_is_refused_then_the_model_is_unavailable_until_it_works(
    way, studio, alice
):
    studio.fail(status(401, {"error": "no"}), on="POST")
    job = fakes.submit(alice, BRUSH)
    jobs.run_next(Lane.REMOTE, worker="test")
    assert fresh(job).failure_kind == GenerationJob.FailureKind.NOT_CONFIGURED
    found = catalog.availability_of(catalog.find(BRUSH))
    assert (found.is_available, found.reason) == (
        False,
        "Unavailable right now; your admin has been told.",
    )
    way.refresh_from_db()
    assert way.check_words == "key refused (HTTP 401)"
    health.check_those_in_trouble()
    assert studio.calls_to("GET /v1/account") == [], "it cannot tell"
    Connection.objects.update(checked_at=before(health.BELIEVED_SECONDS))
    health.check_those_in_trouble()
    assert catalog.availability_of(catalog.find(BRUSH)).is_available


def test_when_a_job_works_after_a_refusal_then_the_model_is_available(way):
    health.note_failure(way.pk, errors.AuthenticationFailed(detail="no"))
    assert not catalog.availability_of(catalog.find(BRUSH)).is_available
    Connection.objects.update(checked_at=now() - timedelta(seconds=1))
    health.note_success(way.pk)
    assert catalog.availability_of(catalog.find(BRUSH)).is_available


def test_when_a_service_that_worked_is_away_then_its_models_stay_available(way, studio):
    assert health.check(way)
    studio.fail(Fault(cuts=True))
    way.refresh_from_db()
    assert not health.check(way)
    way.refresh_from_db()
    assert way.check_words.startswith("cannot be reached")
    assert catalog.availability_of(catalog.find(BRUSH)).is_available


def test_when_a_service_never_answered_then_its_models_are_not_available(way, studio):
    studio.stop()
    assert not health.check(way)
    assert not catalog.availability_of(catalog.find(BRUSH)).is_available


def test_when_connections_work_or_are_off_then_they_are_not_asked_again(way, studio):
    fakes.connect(studio, "Off", enabled=False)
    assert health.check(way)
    health.check_those_in_trouble()
    assert len(studio.calls_to("GET /v1/account")) == 1


def test_when_a_check_passes_then_what_it_offers_is_in_the_dropdown(way, studio):
    studio.own_models = ["sketch"]
    assert health.check(way)
    way.refresh_from_db()
    assert (way.check_words, way.balance) == ("works, 3 models found", "$12.40")
    sketch = catalog.find("sketch")
    assert (sketch.connection, sketch.enabled) == (way, True)
    studio.own_models = []
    assert health.check(way)
    sketch.refresh_from_db()
    assert sketch.retired


def test_when_an_adapter_refuses_by_itself_then_nothing_is_known_of_the_service(way):
    health.note_failure(way.pk, errors.AuthenticationFailed(detail="HTTP 403: no"))
    fail_often(way)
    health.note_failure(way.pk, errors.UnsupportedRequest("No.", field="size"))
    way.refresh_from_db()
    assert (way.breaker, way.check_passed) == (Breaker.OPEN, False)
    assert way.last_success_at is None


@pytest.mark.parametrize("code", [402, 403])
def test_when_an_account_may_not_draw_then_a_free_check_does_not_outweigh_the_job(
    way, studio, alice, code
):
    studio.fail(status(code, {"error": "no"}), on="POST")
    fakes.submit(alice, BRUSH)
    jobs.run_next(Lane.REMOTE, worker="test")
    health.check_those_in_trouble()
    assert not catalog.availability_of(catalog.find(BRUSH)).is_available
    assert studio.calls_to("GET /v1/account") == []
    way.refresh_from_db()
    assert health.check(way), "the admin may"
    assert catalog.availability_of(catalog.find(BRUSH)).is_available


def test_when_the_dropdown_cannot_be_filled_then_the_check_says_what_it_found(
    way, studio, monkeypatch, caplog
):
    def broken(self):
        raise OperationalError("database is locked")

    studio.own_models = ["sketch"]
    monkeypatch.setattr(fakes.StudioProvider, "catalog", broken)
    assert health.check(way)
    assert way.check_words == "works, 3 models found"
    assert "could not be filled" in caplog.text


def test_when_an_offer_cannot_be_kept_then_the_next_connection_is_checked_too(
    way, studio, monkeypatch
):
    other = fakes.connect(studio, "Second")
    report = ConnectionReport(models=(object(),))
    monkeypatch.setattr(fakes.StudioProvider, "check", lambda self: report)
    health.check_those_in_trouble()
    for row in (way, other):
        row.refresh_from_db()
        assert row.check_passed is False
        assert row.check_words.startswith("does not work (an error of ours")


def test_when_one_job_tries_then_no_other_does_while_its_call_may_last():
    for slug in registry.remote_slugs():
        own = getattr(registry.get(slug), "seconds", PAID_SECONDS)
        assert max(own, PAID_SECONDS) < health.TRY_SECONDS, slug


@pytest.mark.parametrize("code", [401, 500])
def test_when_a_service_repeats_a_prompt_then_its_connection_does_not(
    way, studio, alice, code
):
    said = {"error": {"code": "some_code", "message": "not 'my secret wish'"}}
    studio.fail(status(code, said), on="POST")
    fakes.submit(alice, BRUSH)
    jobs.run_next(Lane.REMOTE, worker="test")
    way.refresh_from_db()
    assert f"(HTTP {code} some_code)" in way.last_trouble
    assert "wish" not in f"{way.last_trouble} {way.check_words}"
    assert "wish" in GenerationJob.objects.get().failure_detail
