"""Nothing is lost: dead workers, forgotten messages, late deliveries."""

import time

import pytest
from celery import current_app
from django.db import OperationalError
from kombu import Connection

from accounts import ledger, ledger_audit
from gallery.models import Image
from generators import jobs, moves, queue, reconciler, running, wake
from generators.clock import before
from generators.contracts import JobHandle, Lane
from generators.models import GenerationJob
from generators.providers import fake
from tests import factories

Status = GenerationJob.Status
Kind = GenerationJob.FailureKind
pytestmark = pytest.mark.django_db


@pytest.fixture(autouse=True)
def _own_fake_service(settings, tmp_path):
    settings.MAGICSHOT_HOME = tmp_path


def balance(user):
    wallet = ledger.wallet_of(user)
    wallet.refresh_from_db()
    return wallet.balance, wallet.reserved


def lose_worker(user, model=factories.LOCAL, **columns):
    """Claim a job and let its lease run out."""
    job = factories.make_job(user, model=model)
    claim = queue.claim_next(job.lane)
    claim.rows.update(lease_expires_at=before(0.01), **columns)
    return claim


def reconciled(job):
    reconciler.reconcile()
    job.refresh_from_db()
    return job


def test_unpaid_work_of_a_lost_worker_is_queued_again_and_counted(alice, bell):
    job = reconciled(lose_worker(alice).job)
    assert (job.status, job.attempts) == (Status.QUEUED, 1)
    assert job.lease_token is None
    assert bell == ["local"]
    assert job.events.last().name == "lose"


def test_a_living_lease_is_left_alone(alice, bell):
    job = factories.make_job(alice, model=factories.LOCAL)
    queue.claim_next(Lane.LOCAL)
    job = reconciled(job)
    assert (job.status, job.attempts) == (Status.RUNNING, 0)
    assert bell == []


def test_the_third_lost_worker_ends_the_job_and_refunds(alice, bell):
    before_all = balance(alice)
    job = lose_worker(alice).job
    for attempts in (1, 2):
        assert reconciled(job).attempts == attempts
        queue.claim_next(Lane.LOCAL).rows.update(lease_expires_at=before(0.01))
    job = reconciled(job)
    assert (job.status, job.failure_kind) == (Status.FAILED, Kind.UNEXPECTED)
    assert "interrupted" in job.failure_message
    assert balance(alice) == before_all
    assert ledger_audit.audit() == []


def test_a_worker_lost_during_a_paid_call_leaves_the_outcome_unknown(alice, bell):
    claim = lose_worker(alice, factories.PAID, call_started_at=before(1))
    job = reconciled(claim.job)
    assert (job.status, job.attempts) == (Status.UNKNOWN, 0)
    assert job.deadline_at is not None
    assert bell == []
    assert queue.claim_next(Lane.REMOTE) is None


def test_a_worker_lost_before_its_paid_call_is_simply_tried_again(alice, bell):
    job = reconciled(lose_worker(alice, factories.PAID).job)
    assert job.status == Status.QUEUED


def test_a_worker_that_only_slept_still_delivers_what_was_paid(alice, bell):
    claim = lose_worker(alice, factories.PAID)
    real = fake.FakeProvider.submit

    def asleep(self, request, *, on_progress):
        reconciler.reconcile()
        assert GenerationJob.objects.get(pk=claim.job.pk).status == Status.UNKNOWN
        return real(self, request, on_progress=on_progress)

    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(fake.FakeProvider, "submit", asleep)
        running.run(claim)
    claim.job.refresh_from_db()
    assert claim.job.status == Status.SUCCEEDED
    assert Image.objects.filter(job_id=claim.job.public_id).count() == 1
    assert ledger_audit.audit() == []


def test_a_handle_that_came_late_is_saved_and_polled(alice, bell):
    claim = lose_worker(alice, factories.PAID_POLLED, call_started_at=before(1))
    assert reconciled(claim.job).status == Status.UNKNOWN
    handle = JobHandle(provider="fake", external_id="00")
    assert moves.accept(claim, handle)
    claim.job.refresh_from_db()
    assert claim.job.status == Status.RUNNING
    assert claim.job.lease_token is None


def test_a_worker_that_only_slept_does_not_deliver_unpaid_work_twice(alice, bell):
    claim = lose_worker(alice)
    reconciled(claim.job)
    assert jobs.run_next(Lane.LOCAL, worker="other")
    before_all = balance(alice)
    running.run(claim)  # the sleeper wakes, draws, and finds it is not its job
    assert balance(alice) == before_all
    assert Image.objects.count() == 1
    assert ledger_audit.audit() == []


def test_an_accepted_job_whose_poller_was_lost_is_polled_again(alice, bell):
    job = factories.make_job(alice, "an owl", factories.PAID_POLLED)
    jobs.run_next(Lane.REMOTE, worker="test")
    GenerationJob.objects.filter(pk=job.pk).update(next_action_at=before(1))
    claim = queue.claim_next(Lane.REMOTE)
    claim.rows.update(lease_expires_at=before(0.01))
    bell.clear()
    job = reconciled(job)
    assert (job.status, job.attempts, job.lease_token) == (Status.RUNNING, 1, None)
    assert bell == ["remote"]


def test_a_lost_worker_of_a_job_that_was_canceled_ends_it_so(alice, bell):
    before_all = balance(alice)
    claim = lose_worker(alice, cancel_requested_at=before(1))
    assert reconciled(claim.job).status == Status.CANCELED
    assert balance(alice) == before_all


def test_a_running_job_past_its_deadline_is_taken_from_a_deaf_worker(alice, bell):
    before_all = balance(alice)
    job = factories.make_job(alice, model=factories.LOCAL)
    claim = queue.claim_next(Lane.LOCAL)
    claim.rows.update(deadline_at=before(1))
    job = reconciled(job)
    assert (job.status, job.failure_kind) == (Status.FAILED, Kind.TIMED_OUT)
    assert balance(alice) == before_all
    running.run(claim)
    assert not Image.objects.exists()


def test_forgotten_jobs_get_as_many_messages_as_there_are_jobs_once(alice, bell):
    for _ in range(3):
        factories.make_job(alice)
    reconciler.reconcile()
    assert bell == ["remote"] * 3
    reconciler.reconcile()
    assert bell == ["remote"] * 3


def test_only_the_messages_that_are_missing_are_sent(alice, bell):
    for _ in range(3):
        factories.make_job(alice)
    bell.append("remote")
    reconciler.reconcile()
    assert bell == ["remote"] * 3


def test_a_job_no_worker_comes_for_ends_with_words_and_a_refund(alice, bell, settings):
    before_all = balance(alice)
    job = factories.make_job(alice)
    job.refresh_from_db()
    waits = (job.deadline_at - job.changed_at).total_seconds()
    assert waits == pytest.approx(settings.QUEUE_MAX_SECONDS, abs=2)
    assert reconciled(job).status == Status.QUEUED
    GenerationJob.objects.filter(pk=job.pk).update(deadline_at=before(1))
    job = reconciled(job)
    assert (job.status, job.failure_kind) == (Status.FAILED, Kind.TIMED_OUT)
    assert "busy or away" in job.failure_message
    assert balance(alice) == before_all
    assert ledger_audit.audit() == []


def test_the_time_of_waiting_does_not_count_as_drawing(alice, bell, settings):
    job = factories.make_job(alice, model=factories.LOCAL)
    claim = queue.claim_next(Lane.LOCAL)
    claim.job.refresh_from_db()
    draws = (claim.job.deadline_at - claim.job.changed_at).total_seconds()
    assert draws == pytest.approx(settings.JOB_MAX_SECONDS, abs=2)
    assert moves.hand_back(claim)
    job.refresh_from_db()
    waits = (job.deadline_at - job.changed_at).total_seconds()
    assert waits == pytest.approx(settings.QUEUE_MAX_SECONDS, abs=2)


def test_one_job_that_cannot_be_ended_keeps_no_other_waiting(
    alice, bell, monkeypatch, caplog
):
    overdue = [lose_worker(alice).job for _ in range(3)]
    lost = [lose_worker(alice).job for _ in range(3)]
    GenerationJob.objects.filter(pk__in=[job.pk for job in overdue]).update(
        deadline_at=before(1)
    )
    bad = {overdue[1].pk, lost[1].pk}
    for module, name in ((reconciler.endings, "fail"), (reconciler.moves, "lose")):
        real = getattr(module, name)

        def stumble(rows, job, *rest, real=real):
            if job.pk in bad:
                raise ValueError("a bad row")
            return real(rows, job, *rest)

        monkeypatch.setattr(module, name, stumble)
    reconciler.reconcile()
    for job in overdue + lost:
        job.refresh_from_db()
    good, ended = Status.RUNNING, Status.FAILED
    assert [job.status for job in overdue] == [ended, good, ended]
    assert [job.status for job in lost] == [Status.QUEUED, good, Status.QUEUED]
    assert bell == ["local"] * 2
    assert str(overdue[1]) in caplog.text
    assert str(lost[1]) in caplog.text


@pytest.mark.parametrize("part", ["_end_overdue", "_take_back_from_lost_workers"])
def test_one_part_that_fails_keeps_no_other_waiting(alice, bell, monkeypatch, part):
    def stumble():
        raise OperationalError("deadlock")

    monkeypatch.setattr(reconciler, part, stumble)
    factories.make_job(alice)
    reconciler.reconcile()
    assert bell == ["remote"]


def test_a_broker_that_is_away_harms_nothing(alice, monkeypatch, caplog):
    def away(lane):
        raise ConnectionRefusedError("no broker")

    monkeypatch.setattr(wake, "num_waiting", away)
    factories.make_job(alice)
    reconciler.reconcile()
    assert "The broker does not answer" in caplog.text


@pytest.mark.parametrize("url", ["redis://127.0.0.1:1/0", "amqp://127.0.0.1:1//"])
def test_a_submit_without_a_broker_succeeds_soon(
    alice, caplog, django_capture_on_commit_callbacks, url
):
    send = current_app.send_task
    started = time.monotonic()
    with Connection(url) as nowhere, pytest.MonkeyPatch.context() as patch:
        patch.setattr(
            current_app,
            "send_task",
            lambda *args, **words: send(*args, **words, connection=nowhere),
        )
        with django_capture_on_commit_callbacks(execute=True):
            job = factories.make_job(alice)
    assert job.status == Status.QUEUED
    assert "Could not send generators.wake_lane" in caplog.text
    assert time.monotonic() - started < 5
