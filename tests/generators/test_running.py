"""Every way a claimed job can go, through the fake providers."""

import errno
import io
import os
from dataclasses import replace

import pytest
from django.db import OperationalError
from django.template.loader import render_to_string
from PIL import Image as PillowImage

from accounts import ledger, ledger_audit
from gallery import storage
from gallery.decoding import UPLOADS
from gallery.downloads import download
from gallery.models import Image
from generators import (
    cards,
    deliveries,
    errors,
    inputs,
    jobs,
    moves,
    patience,
    previews,
    queue,
    reconciler,
    running,
    wake,
)
from generators.capabilities import ImageRole, InputLimits
from generators.clock import Now, after, before
from generators.contracts import GenerationResult, JobHandle, Lane, ResultImage
from generators.models import GenerationJob
from generators.providers import fake, registry
from generators.spool import Spool
from tests import factories
from tests.gallery.making import large_png, png_chunk

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
    assert ledger_audit.audit() == []


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
    assert ledger_audit.audit() == []


def test_free_work_that_breaks_off_is_begun_again(alice):
    job = factories.make_job(alice, "an owl !break-off !times=2", factories.LOCAL)
    assert run(job).attempts == 1
    assert not jobs.run_next(job.lane, worker="test"), "what broke it is given time"
    assert cards.JobCard(job=job).words == "Trying again soon"
    job = run_to_the_end(job)
    assert (job.status, job.attempts) == (Status.SUCCEEDED, 2)


def test_free_work_that_always_breaks_off_fails_in_its_own_words(alice):
    was = balance(alice)
    job = factories.make_job(alice, "an owl !break-off", factories.LOCAL)
    assert run_to_the_end(job, looks=moves.MAX_ATTEMPTS).status == Status.FAILED
    assert job.events.filter(name="lose").count() == moves.MAX_ATTEMPTS - 1
    assert job.failure_message == "It broke off."
    assert balance(alice) == was


def test_work_that_breaks_off_for_the_last_time_while_canceled_ends_canceled(
    alice, monkeypatch
):
    job = factories.make_job(alice, "an owl", factories.LOCAL)

    def breaks_off(self, request, *, on_progress):
        jobs.cancel_job(job)
        raise errors.UnexpectedResponse(broke_off=True)

    monkeypatch.setattr(fake.FakeProvider, "submit", breaks_off)
    GenerationJob.objects.filter(pk=job.pk).update(attempts=moves.MAX_ATTEMPTS - 1)
    assert run(job).status == Status.CANCELED


def test_paid_work_that_breaks_off_is_never_sent_again(alice):
    job = run(factories.make_job(alice, "an owl !break-off"))
    assert (job.status, calls(job)) == (Status.FAILED, 1)


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
    assert ledger_audit.audit() == []


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


def test_a_paid_picture_larger_than_an_upload_is_kept_as_it_came(alice, monkeypatch):
    note = png_chunk(b"prVt", bytes(UPLOADS.max_bytes))
    content = large_png(5001, 5000, note)
    monkeypatch.setattr(fake.fake_pictures, "draw", lambda *_, **__: content)
    job = run(factories.make_job(alice))
    assert job.status == Status.SUCCEEDED
    image = Image.objects.get()
    assert note in download(image, "original").content
    for choice in ("png", "jpeg", "webp"):
        assert download(image, choice).content
    limits = InputLimits(mime_types=("image/jpeg",))
    assert inputs.fits(image.file, role=ImageRole.INIT, limits=limits)


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
    due = GenerationJob.objects.filter(pk=job.pk)
    due.update(started_at=before(settings.RETRY_SECONDS), next_action_at=Now())
    job = run(job)  # it waited long in its lane, which was not the provider's doing
    assert job.status == Status.QUEUED
    job.events.filter(name="postpone").update(created_at=before(settings.RETRY_SECONDS))
    due.update(next_action_at=Now())
    job = run(job)
    assert (job.status, job.failure_kind) == (Status.FAILED, Kind.PROVIDER_DOWN)
    assert balance(alice) == before_all


def test_a_provider_that_asks_for_too_long_a_wait_ends_the_job_at_once(
    alice, monkeypatch, settings
):
    def refuses(self, request, *, on_progress):
        raise errors.RateLimited(retry_after=settings.RETRY_SECONDS + 1)

    before_all = balance(alice)
    monkeypatch.setattr(fake.FakeProvider, "submit", refuses)
    job = run(factories.make_job(alice))
    assert (job.status, job.failure_kind) == (Status.FAILED, Kind.RATE_LIMITED)
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


@pytest.mark.parametrize(
    "directive", ["!poll-down", "!poll-rate-limit=7", "!poll-unknown"]
)
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


@pytest.fixture
def full_disk(monkeypatch):
    """Let the next writes of pictures fail, as many as the test says."""
    monkeypatch.setattr(deliveries, "STORAGE_PAUSES", (0, 0))
    real, left = storage.prepare, [0]

    def prepare(*args, **words):
        if left[0] > 0:
            left[0] -= 1
            raise storage.StorageFailed("There is no room left.")
        return real(*args, **words)

    monkeypatch.setattr(storage, "prepare", prepare)
    return lambda times: left.__setitem__(0, times)


def test_a_disk_full_for_ever_fails_the_job_with_its_cause_and_a_refund(
    alice, monkeypatch
):
    before_all = balance(alice)

    def no_space(*_):
        raise OSError(errno.ENOSPC, "No space left on device")

    monkeypatch.setattr(deliveries, "STORAGE_PAUSES", (0, 0))
    job = factories.make_job(alice)
    with monkeypatch.context() as patch:
        patch.setattr(os, "fsync", no_space)
        job = run(job)
    assert (job.status, job.failure_kind) == (Status.FAILED, Kind.UNEXPECTED)
    assert "no room left" in job.failure_message
    assert balance(alice) == before_all
    assert run(factories.make_job(alice)).status == Status.SUCCEEDED


def test_a_disk_full_for_a_moment_costs_nothing(alice, full_disk):
    full_disk(2)
    job = run(factories.make_job(alice, num_images=2))
    assert (job.status, job.num_delivered) == (Status.SUCCEEDED, 2)
    assert calls(job) == 1


def test_pictures_that_could_be_stored_are_delivered_and_alone_charged(
    alice, full_disk
):
    before_all, _ = balance(alice)
    full_disk(4)  # two pauses, then each picture gets one try
    job = run(factories.make_job(alice, num_images=3))
    assert (job.status, job.num_delivered) == (Status.SUCCEEDED, 1)
    assert job.failure_message == "There is no room left."
    assert job.events.last().note == "There is no room left."
    card = {"card": cards.JobCard(job=job)}
    page = render_to_string("generators/partials/_outcome.html", card)
    assert "The rest was not charged. There is no room left." in page
    assert balance(alice) == (before_all - job.price_credits, 0)
    assert Image.objects.get(job_id=job.public_id).position == 0
    assert ledger_audit.audit() == []


def test_accepted_work_that_cannot_be_stored_is_fetched_again(alice, full_disk):
    job = run(factories.make_job(alice, "an owl !polls=0", factories.PAID_POLLED))
    full_disk(3)
    GenerationJob.objects.filter(pk=job.pk).update(next_action_at=Now())
    job = run(job)
    assert (job.status, job.lease_token) == (Status.RUNNING, None)
    job = run_to_the_end(job)
    assert (job.status, job.num_delivered) == (Status.SUCCEEDED, 1)
    assert (calls(job), calls(job, "poll")) == (1, 2)


def test_accepted_work_is_not_fetched_again_past_its_deadline(alice, full_disk):
    before_all = balance(alice)
    job = run(factories.make_job(alice, "an owl !polls=0", factories.PAID_POLLED))
    full_disk(99)
    GenerationJob.objects.filter(pk=job.pk).update(
        next_action_at=Now(), deadline_at=after(30)
    )
    job = run(job)
    assert (job.status, job.failure_message) == (
        Status.FAILED,
        "There is no room left.",
    )
    assert balance(alice) == before_all


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

    monkeypatch.setattr(patience, "DATABASE_PAUSES", (0, 0, 0))
    monkeypatch.setattr(patience.connections, "close_all", lambda: None)
    assert patience.patiently(write)


def test_a_database_that_goes_before_the_call_costs_an_attempt_not_the_job(
    alice, monkeypatch
):
    job = factories.make_job(alice)

    def gone(_):
        raise OperationalError("gone")

    with monkeypatch.context() as patch:
        patch.setattr(moves, "start_call", gone)
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


def test_a_cancel_between_the_claim_and_the_paid_call_wins(alice):
    before_all = balance(alice)
    job = factories.make_job(alice)
    claim = queue.claim_next(job.lane)
    assert jobs.cancel_job(job)
    running.run(claim)
    job.refresh_from_db()
    assert (job.status, job.call_started_at) == (Status.CANCELED, None)
    assert (calls(job), balance(alice)) == (0, before_all)


@pytest.mark.parametrize("requeue", ["postpone", "hand-back", "lose"])
def test_a_canceled_job_is_never_queued_again(alice, requeue):
    before_all = balance(alice)
    job = factories.make_job(alice)
    claim = queue.claim_next(job.lane)
    assert jobs.cancel_job(job)
    assert not {
        "postpone": lambda: moves.postpone(claim, seconds=1, note="busy"),
        "hand-back": lambda: moves.hand_back(claim),
        "lose": lambda: moves.lose(claim.rows, job),
    }[requeue]()
    claim.rows.update(lease_expires_at=before(1))
    reconciler.reconcile()
    job.refresh_from_db()
    assert job.status == Status.CANCELED
    assert balance(alice) == before_all


def test_a_cancel_between_the_last_look_and_the_wait_ends_the_job(alice, monkeypatch):
    real = moves.postpone

    def canceled_first(claim, **words):
        assert jobs.cancel_job(claim.job)
        return real(claim, **words)

    monkeypatch.setattr(moves, "postpone", canceled_first)
    job = run(factories.make_job(alice, "an owl !down"))
    assert job.status == Status.CANCELED
    assert job.events.last().name == "cancel"


@pytest.mark.parametrize("method", ["submit", "poll"])
def test_a_cancel_during_a_look_is_passed_on_at_once(alice, monkeypatch, method):
    job = factories.make_job(
        alice, "an owl !poll-forever !poll-seconds=60", factories.PAID_POLLED
    )
    if method == "poll":
        job = run(job)
        GenerationJob.objects.filter(pk=job.pk).update(next_action_at=Now())
    real = getattr(fake.FakeProvider, method)

    def canceled_meanwhile(self, *args, **words):
        jobs.cancel_job(job)
        return real(self, *args, **words)

    rung = []
    monkeypatch.setattr(
        wake, "ring", lambda lane, in_seconds=0: rung.append(in_seconds)
    )
    with monkeypatch.context() as patch:
        patch.setattr(fake.FakeProvider, method, canceled_meanwhile)
        assert run(job).status == Status.RUNNING
    assert rung[-1] == 0
    assert run(job).status == Status.CANCELED
    assert calls(job, "cancel") == 1


def test_a_provider_that_does_not_cancel_is_not_polled_without_pause(
    alice, monkeypatch
):
    monkeypatch.setattr(fake.FakeProvider, "cancel", lambda *_: False)
    job = run(factories.make_job(alice, "!poll-forever !poll-seconds=60", "fake-async"))
    assert jobs.cancel_job(job)
    job = run(job)
    assert (job.next_action_at - job.changed_at).total_seconds() > 50


def test_earlier_tries_and_waits_are_not_measured_as_drawing(alice, monkeypatch):
    monkeypatch.setattr(
        fake, "_result", lambda *_, **__: replace(result, model_seconds=None)
    )
    result = GenerationResult(images=(ResultImage(content=Spool(one_picture())),))
    job = run(factories.make_job(alice, "!down !times=1 !polls=0", "fake-async"))
    GenerationJob.objects.filter(pk=job.pk).update(started_at=before(500))
    job = run_to_the_end(job)
    assert job.status == Status.SUCCEEDED
    assert job.model_seconds < 100


def one_picture():
    out = io.BytesIO()
    PillowImage.new("RGB", (64, 64), "red").save(out, "PNG")
    return out.getvalue()


def test_what_no_database_takes_is_cleaned_out_of_a_providers_words(alice, monkeypatch):
    def declines(self, request, *, on_progress):
        raise errors.ContentRejected("Not \0this.", detail="code \0 \ud800")

    with monkeypatch.context() as patch:
        patch.setattr(fake.FakeProvider, "submit", declines)
        job = run(factories.make_job(alice))
    assert job.failure_message == job.events.last().note == "Not this."
    assert job.failure_detail == "ContentRejected: code  ?"
    claim = queue.claim_next(factories.make_job(alice, model="fake-async").lane)
    assert moves.accept(claim, JobHandle(provider="fake", external_id="a\0b"))
    claim.job.refresh_from_db()
    assert claim.job.handle["external_id"] == "ab"


def test_a_crashing_providers_words_are_cleaned_too(alice, monkeypatch):
    def crashes(self, request, *, on_progress):
        raise ValueError("\0")

    monkeypatch.setattr(fake.FakeProvider, "submit", crashes)
    job = run(factories.make_job(alice))
    assert (job.status, job.failure_detail) == (Status.FAILED, "ValueError: ")
