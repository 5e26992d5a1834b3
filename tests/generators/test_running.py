"""Every way a claimed job can go, through the fake providers."""

import errno
import os

import pytest
from django.db import OperationalError

from accounts import ledger
from gallery.models import Image
from generators import errors, jobs, previews, reconciler, running
from generators.clock import Now, before
from generators.contracts import JobHandle, Lane
from generators.models import GenerationJob
from generators.providers import fake, registry
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


def run(job):
    """Run the job's lane once and return the job as it is then."""
    assert jobs.run_next(job.lane, worker="test")
    job.refresh_from_db()
    return job


def run_to_the_end(job, *, looks=20):
    for _ in range(looks):
        GenerationJob.objects.filter(pk=job.pk, next_action_at__isnull=False).update(
            next_action_at=Now()
        )
        if run(job).is_ended:
            return job
    raise AssertionError(f"{job.status} after {looks} looks")


def calls(job, action="submit"):
    token = str(job.public_id)
    return sum((c["action"], c["token"]) == (action, token) for c in fake.call_log())


@pytest.mark.parametrize("model", [factories.PAID, factories.LOCAL])
def test_a_good_job_ends_with_pictures_receipt_and_times(alice, model):
    before_all, _ = balance(alice)
    job = run(factories.make_job(alice, "an owl", model, num_images=2))
    assert job.status == Status.SUCCEEDED
    assert (job.num_delivered, job.progress) == (2, 1)
    assert job.settled_credits == 2 * job.price_credits
    assert job.started_at <= job.finished_at
    assert job.model_seconds is not None
    assert (job.lease_token, job.next_action_at, job.deadline_at) == (None,) * 3
    images = Image.objects.filter(job_id=job.public_id).order_by("position")
    assert [image.position for image in images] == [0, 1]
    assert [image.seed for image in images] == [7, 8]
    assert {image.batch_id for image in images} == {job.generation.public_id}
    assert {image.credits for image in images} == {job.price_credits}
    assert images[0].parameters == job.recipe
    assert balance(alice) == (before_all - job.settled_credits, 0)
    assert [event.name for event in job.events.all()] == ["claim", "succeed"]
    assert ledger.audit() == []


@pytest.mark.parametrize(
    ("directive", "kind"),
    [
        ("!refuse", Kind.REFUSED),
        ("!invalid", Kind.INVALID),
        ("!unsupported", Kind.INVALID),
        ("!memory", Kind.OUT_OF_MEMORY),
        ("!timeout", Kind.TIMED_OUT),
        ("!empty", Kind.UNEXPECTED),
        ("!auth", Kind.NOT_CONFIGURED),
        ("!quota", Kind.NOT_CONFIGURED),
        ("!not-configured", Kind.NOT_CONFIGURED),
        ("!gone", Kind.NOT_CONFIGURED),
        ("!nothing", Kind.UNEXPECTED),
        ("!refused=1", Kind.REFUSED),
        ("!broken", Kind.UNEXPECTED),
        ("!truncated", Kind.UNEXPECTED),
        ("!html", Kind.UNEXPECTED),
        ("!bomb", Kind.UNEXPECTED),
    ],
)
@pytest.mark.parametrize("model", [factories.PAID, factories.PAID_POLLED])
def test_each_failure_has_its_kind_words_and_refund(alice, directive, kind, model):
    before_all = balance(alice)
    job = run_to_the_end(factories.make_job(alice, f"an owl {directive}", model))
    assert (job.status, job.failure_kind) == (Status.FAILED, kind)
    assert job.failure_message
    assert "Traceback" not in job.failure_message
    assert job.failure_detail
    assert job.settled_credits == 0
    assert balance(alice) == before_all
    assert not Image.objects.exists()
    assert job.events.last().name == "fail"
    assert ledger.audit() == []


def test_a_bug_in_an_adapter_fails_the_job_without_showing_it(alice, caplog):
    job = run(factories.make_job(alice, "an owl !crash"))
    assert (job.status, job.failure_kind) == (Status.FAILED, Kind.UNEXPECTED)
    assert "bug" not in job.failure_message
    assert "a bug in an adapter" in job.failure_detail
    assert "error of our own" in caplog.text
    assert run(factories.make_job(alice)).status == Status.SUCCEEDED


@pytest.mark.parametrize("directive", ["!partial=2", "!refused=1"])
def test_fewer_pictures_than_asked_settle_what_was_delivered(alice, directive):
    before_all, _ = balance(alice)
    job = run(factories.make_job(alice, f"an owl {directive}", num_images=3))
    assert (job.status, job.num_delivered) == (Status.SUCCEEDED, 2)
    assert job.settled_credits == 2 * job.price_credits
    assert balance(alice) == (before_all - job.settled_credits, 0)
    assert ledger.audit() == []


def test_more_pictures_than_asked_are_not_charged(alice):
    job = run(factories.make_job(alice, "an owl !extra=2", num_images=2))
    assert (job.status, job.num_delivered) == (Status.SUCCEEDED, 2)
    assert Image.objects.count() == 2


def test_one_broken_picture_among_good_ones_is_not_charged(alice, monkeypatch):
    job = factories.make_job(alice, num_images=3)
    draw = fake.fake_pictures.draw
    monkeypatch.setattr(
        fake.fake_pictures,
        "draw",
        lambda request, **words: (
            b"<html>" if words["seed"] == 8 else draw(request, **words)
        ),
    )
    job = run(job)
    assert (job.status, job.num_delivered) == (Status.SUCCEEDED, 2)
    images = Image.objects.order_by("position")
    assert [(image.position, image.seed) for image in images] == [(0, 7), (1, 9)]


def test_a_busy_provider_queues_it_again_as_it_asked(alice):
    job = run(factories.make_job(alice, "an owl !rate-limit=30 !times=1"))
    assert (job.status, job.attempts) == (Status.QUEUED, 0)
    assert job.call_started_at is None
    wait = (job.next_action_at - job.changed_at).total_seconds()
    assert 29.9 <= wait <= 33.1
    assert not jobs.run_next(Lane.REMOTE, worker="test")  # not before it is due
    job = run_to_the_end(job)
    assert job.status == Status.SUCCEEDED
    assert calls(job) == 2
    assert [event.name for event in job.events.all()] == [
        "claim",
        "postpone",
        "claim",
        "succeed",
    ]


def test_a_provider_that_is_down_is_asked_less_and_less_often(alice):
    job = factories.make_job(alice, "an owl !down")
    waits = []
    for _ in range(4):
        job = run(job)
        assert job.status == Status.QUEUED
        waits.append((job.next_action_at - job.changed_at).total_seconds())
        GenerationJob.objects.filter(pk=job.pk).update(next_action_at=Now())
    for times, wait in enumerate(waits):
        assert 0.5 * 2 * 2**times <= wait <= 1.5 * 2 * 2**times + 0.01


def test_a_provider_that_stays_down_ends_the_job_at_its_deadline(alice, settings):
    before_all = balance(alice)
    job = run(factories.make_job(alice, "an owl !down"))
    GenerationJob.objects.filter(pk=job.pk).update(
        started_at=before(settings.RETRY_SECONDS), next_action_at=Now()
    )
    job = run(job)
    assert (job.status, job.failure_kind) == (Status.FAILED, Kind.PROVIDER_DOWN)
    assert balance(alice) == before_all


def test_an_unknown_outcome_is_never_sent_again_and_ends_with_credits_back(alice):
    before_all = balance(alice)
    job = run(factories.make_job(alice, "an owl !unknown"))
    assert job.status == Status.UNKNOWN
    assert job.deadline_at is not None
    assert balance(alice)[1] == job.price_credits  # still set aside
    reconciler.reconcile()
    assert not jobs.run_next(Lane.REMOTE, worker="test")
    job.refresh_from_db()
    assert job.status == Status.UNKNOWN
    GenerationJob.objects.filter(pk=job.pk).update(deadline_at=before(1))
    reconciler.reconcile()
    job.refresh_from_db()
    assert (job.status, job.failure_kind) == (Status.FAILED, Kind.TIMED_OUT)
    assert balance(alice) == before_all
    assert calls(job) == 1


def test_an_accepted_job_saves_its_handle_and_holds_no_worker(alice):
    job = run(factories.make_job(alice, "an owl !polls=2", factories.PAID_POLLED))
    assert job.status == Status.RUNNING
    assert job.handle["external_id"]
    assert job.lease_token is None
    assert job.next_action_at is not None
    GenerationJob.objects.filter(pk=job.pk).update(next_action_at=Now())
    job = run(job)
    assert 0 < job.progress < 1
    assert job.lease_token is None
    job = run_to_the_end(job)
    assert job.status == Status.SUCCEEDED
    assert (calls(job), calls(job, "poll")) == (1, 3)
    assert [event.name for event in job.events.all()] == ["claim", "accept", "succeed"]


@pytest.mark.parametrize(
    ("directive", "kind"),
    [("!poll-refuse", Kind.REFUSED), ("!poll-lost", Kind.UNEXPECTED)],
)
def test_a_failure_met_when_polling_is_refunded(alice, directive, kind):
    before_all = balance(alice)
    job = run_to_the_end(
        factories.make_job(alice, f"an owl {directive}", factories.PAID_POLLED)
    )
    assert (job.status, job.failure_kind) == (Status.FAILED, kind)
    assert balance(alice) == before_all


@pytest.mark.parametrize("directive", ["!poll-down", "!poll-rate-limit=7"])
def test_trouble_when_polling_only_waits_and_never_submits_again(alice, directive):
    job = factories.make_job(
        alice, f"an owl {directive} !times=2 !polls=0", factories.PAID_POLLED
    )
    job = run_to_the_end(job)
    assert job.status == Status.SUCCEEDED
    assert calls(job) == 1


def test_an_endless_poll_ends_at_its_deadline(alice):
    before_all = balance(alice)
    job = run(factories.make_job(alice, "!poll-forever owl", factories.PAID_POLLED))
    GenerationJob.objects.filter(pk=job.pk).update(deadline_at=before(1))
    reconciler.reconcile()
    job.refresh_from_db()
    assert (job.status, job.failure_kind) == (Status.FAILED, Kind.TIMED_OUT)
    assert balance(alice) == before_all


def test_cancel_of_an_accepted_job_is_passed_on_at_once(alice):
    before_all = balance(alice)
    job = run(factories.make_job(alice, "!poll-forever !poll-seconds=60", "fake-async"))
    assert jobs.cancel_job(job)
    job = run(job)
    assert job.status == Status.CANCELED
    assert balance(alice) == before_all
    assert calls(job, "cancel") == 1


def test_a_full_disk_fails_the_job_with_its_cause_and_a_refund(alice, monkeypatch):
    before_all = balance(alice)

    def no_space(*_):
        raise OSError(errno.ENOSPC, "No space left on device")

    job = factories.make_job(alice)
    with monkeypatch.context() as patch:
        patch.setattr(os, "fsync", no_space)
        job = run(job)
    assert (job.status, job.failure_kind) == (Status.FAILED, Kind.UNEXPECTED)
    assert "no room left" in job.failure_message
    assert balance(alice) == before_all
    assert run(factories.make_job(alice)).status == Status.SUCCEEDED


def test_a_provider_that_is_no_longer_here_fails_the_job(alice, settings):
    job = factories.make_job(alice)
    settings.FAKE_PROVIDER = False
    job = run(job)
    assert (job.status, job.failure_kind) == (Status.FAILED, Kind.NOT_CONFIGURED)


def test_a_recipe_that_cannot_be_read_fails_the_job(alice):
    job = factories.make_job(alice)
    GenerationJob.objects.filter(pk=job.pk).update(recipe={"nonsense": 1})
    assert run(job).failure_kind == Kind.UNEXPECTED


def test_the_preview_is_gone_when_the_job_has_ended(alice):
    job = factories.make_job(alice)
    previews.show(job, b"picture")
    assert previews.find(job) == b"picture"
    run(job)
    assert previews.find(job) is None


def test_a_preview_too_large_or_a_broken_cache_harms_nothing(alice, settings, tmp_path):
    job = factories.make_job(alice, "!steps=3", factories.LOCAL)
    previews.show(job, b"x" * (previews.MAX_BYTES + 1))
    assert previews.find(job) is None
    (tmp_path / "cache").write_text("a file where the folder should be")
    settings.CACHES = {
        "default": {
            "BACKEND": "django.core.cache.backends.filebased.FileBasedCache",
            "LOCATION": str(tmp_path / "cache"),
        }
    }
    previews.show(job, b"picture")
    assert previews.find(job) is None
    assert run(job).status == Status.SUCCEEDED


def test_a_database_that_is_away_is_waited_for(alice, monkeypatch):
    answers = iter([OperationalError("gone"), OperationalError("gone"), True])

    def write():
        answer = next(answers)
        if isinstance(answer, Exception):
            raise answer
        return answer

    monkeypatch.setattr(running, "DATABASE_PAUSES", (0, 0, 0))
    monkeypatch.setattr(running.connections, "close_all", lambda: None)
    assert running._patiently(write)


def test_a_database_that_goes_before_the_call_costs_an_attempt_not_the_job(
    alice, monkeypatch
):
    job = factories.make_job(alice)

    def gone(_):
        raise OperationalError("gone")

    with monkeypatch.context() as patch:
        patch.setattr(running.moves, "start_call", gone)
        with pytest.raises(OperationalError):
            jobs.run_next(Lane.REMOTE, worker="test")
    job.refresh_from_db()
    assert job.status == Status.RUNNING
    GenerationJob.objects.filter(pk=job.pk).update(lease_expires_at=before(1))
    reconciler.reconcile()
    job = run(job)
    assert (job.status, job.attempts) == (Status.SUCCEEDED, 1)
    assert calls(job) == 1


def test_work_the_provider_itself_canceled_ends_as_canceled(alice):
    before_all = balance(alice)
    job = run(factories.make_job(alice, "!poll-forever", factories.PAID_POLLED))
    provider = registry.get("fake")
    assert provider.cancel(JobHandle.from_json(job.handle))
    job = run_to_the_end(job)
    assert job.status == Status.CANCELED
    assert balance(alice) == before_all


def test_a_provider_that_cannot_cancel_delivers(alice, monkeypatch):
    def refuses(self, handle):
        raise errors.ProviderUnavailable

    monkeypatch.setattr(fake.FakeProvider, "cancel", refuses)
    job = run(factories.make_job(alice, "an owl !polls=1", factories.PAID_POLLED))
    assert jobs.cancel_job(job)
    job = run_to_the_end(job)
    assert job.status == Status.SUCCEEDED
    assert job.settled_credits == job.price_credits


def test_a_cancel_while_the_provider_is_busy_ends_the_wait(alice, monkeypatch):
    real = fake.FakeProvider.submit

    def cancel_meanwhile(self, request, *, on_progress):
        GenerationJob.objects.update(cancel_requested_at=Now())
        return real(self, request, on_progress=on_progress)

    monkeypatch.setattr(fake.FakeProvider, "submit", cancel_meanwhile)
    before_all = balance(alice)
    job = run(factories.make_job(alice, "an owl !down"))
    assert job.status == Status.CANCELED
    assert balance(alice) == before_all
