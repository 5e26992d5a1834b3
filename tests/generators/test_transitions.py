"""The table of transitions: walked, and the same in the docs."""

import re
from pathlib import Path

import pytest
from django.db import IntegrityError, transaction

from generators import moves
from generators.contracts import JobHandle
from generators.models import GenerationJob
from generators.moves import Claim
from generators.transitions import ENDS, TRANSITIONS, Action
from tests import factories

Status = GenerationJob.Status

HANDLE = JobHandle(provider="fake", external_id="1")

ACTIONS = {
    Action.APPROVE: lambda claim: moves.approve(claim.job),
    Action.CLAIM: lambda claim: moves.claim(
        claim.job, phase="drawing", turn=0, worker="test"
    ),
    Action.ACCEPT: lambda claim: moves.accept(claim, HANDLE),
    Action.WAIT: lambda claim: moves.wait(claim, seconds=1, fraction=0.5),
    Action.POSTPONE: lambda claim: moves.postpone(claim, seconds=1, note="busy"),
    Action.HAND_BACK: moves.hand_back,
    Action.LOSE: lambda claim: moves.lose(claim.rows, claim.job),
    Action.DOUBT: lambda claim: moves.doubt(claim.rows, claim.job, note="lost"),
    Action.SUCCEED: lambda claim: moves.succeed(
        claim.rows,
        claim.job,
        num_delivered=1,
        settled_credits=1,
        model_seconds=1,
        provider_request_id="",
    ),
    Action.FAIL: lambda claim: moves.fail(
        claim.rows, claim.job, kind="refused", message="No.", detail=""
    ),
    Action.CANCEL: lambda claim: moves.cancel(claim.rows, claim.job),
}


def job_in(status, user):
    """Return a claim of a job that stands in a status, as the moves leave it."""
    job = factories.make_job(user)
    if status == Status.QUEUED:
        return Claim(job=job, token=None)
    claim = moves.claim(job, phase="drawing", turn=0, worker="test")
    paths = {
        Status.RUNNING: None,
        Status.UNKNOWN: Action.DOUBT,
        Status.SUCCEEDED: Action.SUCCEED,
        Status.FAILED: Action.FAIL,
        Status.CANCELED: Action.CANCEL,
    }
    if paths[status]:
        assert ACTIONS[paths[status]](claim)
    job.refresh_from_db()
    assert job.status == status
    return Claim(job=job, token=job.lease_token)


def test_every_action_is_in_the_table_and_every_status_is_reached():
    assert set(TRANSITIONS) == set(Action) == set(ACTIONS)
    assert {each.target for each in TRANSITIONS.values()} == set(Status)
    assert {Status.SUCCEEDED, Status.FAILED, Status.CANCELED} == ENDS


@pytest.mark.django_db
@pytest.mark.parametrize("status", Status)
@pytest.mark.parametrize("action", Action)
def test_each_action_works_from_its_sources_alone(action, status, alice):
    claim = job_in(status, alice)
    if action == Action.CLAIM and status == Status.RUNNING:  # between two polls
        moves.accept(claim, HANDLE)
        claim.job.refresh_from_db()
    if action == Action.APPROVE:
        GenerationJob.objects.update(phase=GenerationJob.Phase.APPROVAL)
    before = GenerationJob.objects.values().get(pk=claim.job.pk)
    num_events = claim.job.events.count()
    step = TRANSITIONS[action]
    assert bool(ACTIONS[action](claim)) == (status in step.sources)
    after = GenerationJob.objects.values().get(pk=claim.job.pk)
    if status in step.sources:
        assert after["status"] == step.target
        assert after["version"] == before["version"] + 1
        assert after["changed_at"] >= before["changed_at"]
    else:
        assert after == before
        assert claim.job.events.count() == num_events


@pytest.mark.django_db
@pytest.mark.parametrize("action", [each for each in Action if each != Action.CLAIM])
def test_a_worker_that_lost_its_lease_changes_nothing(action, alice):
    claim = job_in(Status.RUNNING, alice)
    assert moves.lose(claim.rows, claim.job)
    before = GenerationJob.objects.values().get(pk=claim.job.pk)
    assert not ACTIONS[action](claim)
    assert GenerationJob.objects.values().get(pk=claim.job.pk) == before


@pytest.mark.django_db
def test_a_leased_job_cannot_be_claimed_again(alice):
    claim = job_in(Status.RUNNING, alice)
    assert moves.claim(claim.job, phase="drawing", turn=0, worker="other") is None


@pytest.mark.django_db
def test_the_database_itself_refuses_an_end_without_settlement(alice):
    job = factories.make_job(alice)
    for columns in (
        {"status": Status.SUCCEEDED},
        {"status": Status.FAILED, "settled_credits": 0},
        {"lease_token": job.public_id},
    ):
        with pytest.raises(IntegrityError), transaction.atomic():
            GenerationJob.objects.filter(pk=job.pk).update(**columns)


def test_only_moves_writes_a_status():
    folder = Path(__file__).parents[2]
    writes = re.compile(r"\.(?:update|create|bulk_create)\([^)]*\bstatus=")
    sources = [
        path
        for app in ("generators", "magicshot")  # the others know no jobs
        for path in (folder / app).rglob("*.py")
        if path.name != "moves.py" and "migrations" not in path.parts
    ]
    assert len(sources) > 30
    assert [path for path in sources if writes.search(path.read_text())] == []


def test_the_docs_show_this_very_table():
    docs = (Path(__file__).parents[2] / "docs" / "jobs.md").read_text()
    rows = [
        f"| `{action}` | {', '.join(each.sources)} | {each.target} | {each.meaning} |"
        for action, each in TRANSITIONS.items()
    ]
    assert "\n".join(rows) in docs
