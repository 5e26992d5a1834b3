"""Stuck jobs are found, and helped only in ways that cost nobody anything twice."""

from datetime import timedelta

import pytest
from django.utils import timezone

from accounts import ledger, ledger_audit
from generators import moves, queue, stuck_jobs
from generators.clock import before
from generators.contracts import JobHandle
from generators.models import GenerationJob
from tests import factories

Status = GenerationJob.Status
pytestmark = pytest.mark.django_db


def claimed(user, model=factories.LOCAL):
    job = factories.make_job(user, model=model)
    return queue.claim_next(job.lane)


def lost(user, model=factories.LOCAL, **columns):
    """Return a job whose worker has gone silent."""
    claim = claimed(user, model)
    claim.rows.update(lease_expires_at=before(1), **columns)
    return GenerationJob.objects.get(pk=claim.job.pk)


def late(user, seconds=stuck_jobs.LATE_SECONDS + 1):
    """Return a job that has waited for so long."""
    job = factories.make_job(user)
    deadline = job.deadline_at - timedelta(seconds=seconds)
    GenerationJob.objects.filter(pk=job.pk).update(deadline_at=deadline)
    return job


def unknown(user):
    """Return a job whose paid call has no known outcome."""
    claim = claimed(user, factories.PAID)
    moves.start_call(claim)
    moves.doubt(claim.rows, claim.job, note="no answer")
    return GenerationJob.objects.get(pk=claim.job.pk)


def held(user):
    """Return a job that waits for an admin."""
    job = factories.make_job(user)
    GenerationJob.objects.filter(pk=job.pk).update(
        phase=GenerationJob.Phase.APPROVAL,
        next_action_at=timezone.now() + timedelta(days=7),
        deadline_at=timezone.now() + timedelta(days=7),
    )
    job.refresh_from_db()
    return job


def is_whole(user):
    """Say whether nothing of somebody's credits is set aside or taken."""
    wallet = ledger.wallet_of(user)
    wallet.refresh_from_db()
    return (wallet.balance, wallet.reserved) == (100, 0) and not ledger_audit.audit()


def test_when_all_is_well_then_nothing_is_stuck(alice, bell):
    claimed(alice)
    factories.make_job(alice)
    held(alice)
    late(alice, seconds=stuck_jobs.LATE_SECONDS - 60)
    for rows in (stuck_jobs.lost(), stuck_jobs.late(), stuck_jobs.unknown()):
        assert list(rows) == []


def test_when_jobs_are_stuck_then_each_is_found_once(alice, bell):
    jobs = unknown(alice), lost(alice), late(alice)
    kinds = stuck_jobs.unknown(), stuck_jobs.lost(), stuck_jobs.late()
    assert [list(rows) for rows in kinds] == [[job] for job in jobs]


def test_when_surely_nothing_was_sent_then_it_goes_again(
    alice, bell, django_capture_on_commit_callbacks
):
    job = lost(alice)
    assert stuck_jobs.was_surely_not_sent(job)
    with django_capture_on_commit_callbacks(execute=True):
        assert stuck_jobs.send_again(job)
    job.refresh_from_db()
    assert (job.status, job.attempts, job.lease_token) == (Status.QUEUED, 1, None)
    assert bell.count("local") == 1


def test_when_a_job_is_late_then_its_lane_is_rung(
    alice, bell, django_capture_on_commit_callbacks
):
    job = late(alice)
    with django_capture_on_commit_callbacks(execute=True):
        assert stuck_jobs.send_again(job)
    assert bell.count("remote") == 1
    job.refresh_from_db()
    assert (job.status, job.attempts) == (Status.QUEUED, 0)


@pytest.mark.parametrize(
    "columns",
    [
        {"call_started_at": timezone.now()},
        {"handle": JobHandle(provider="fake", external_id="1").to_json()},
        {"cancel_requested_at": timezone.now()},
        {"attempts": moves.MAX_ATTEMPTS - 1},
    ],
)
def test_when_it_may_have_been_sent_then_it_never_goes_again(alice, bell, columns):
    job = lost(alice, **columns)
    assert not stuck_jobs.send_again(job)
    job.refresh_from_db()
    assert job.status == Status.RUNNING
    assert bell == []


def test_when_the_worker_lives_then_its_job_is_not_taken(alice, bell):
    claim = claimed(alice)
    assert not stuck_jobs.send_again(claim.job)
    assert claim.rows.exists()


def test_when_it_is_given_up_then_all_credits_go_back(alice, bell):
    job = unknown(alice)
    assert stuck_jobs.give_up(job)
    job.refresh_from_db()
    assert (job.status, job.failure_kind) == (Status.FAILED, "timed-out")
    assert job.failure_detail == "An admin ended it"
    assert is_whole(alice)
    assert not stuck_jobs.give_up(job)


def test_when_the_outcome_is_known_then_nothing_is_given_up(alice, bell):
    for job in (claimed(alice).job, late(alice)):
        assert not stuck_jobs.give_up(job)
        job.refresh_from_db()
        assert job.status != Status.FAILED
