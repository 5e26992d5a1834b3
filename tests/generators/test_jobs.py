"""Submitting, canceling and trying again."""

import dataclasses
import datetime as dt
import uuid

import pytest
from django.utils import timezone

from accounts import ledger, ledger_audit
from accounts.ledger import InsufficientCredits
from accounts.models import CreditEntry
from generators import catalog, jobs
from generators.capabilities import ImageRole
from generators.contracts import InputImage, Lane
from generators.models import Connection, Generation, GenerationJob, ImageModel
from generators.refusals import CannotSubmit
from tests import factories

Status = GenerationJob.Status
pytestmark = pytest.mark.django_db


def balance(user):
    wallet = ledger.wallet_of(user)
    wallet.refresh_from_db()
    return wallet.balance, wallet.reserved


def test_submit_makes_a_job_a_model_and_sets_credits_aside(
    alice, bell, django_capture_on_commit_callbacks
):
    before, _ = balance(alice)
    with django_capture_on_commit_callbacks(execute=True):
        generation = factories.submit(
            alice, "an owl", factories.PAID, factories.LOCAL, num_images=2
        )
    paid, local = generation.jobs.order_by("lane").reverse()
    assert (paid.lane, local.lane) == (Lane.REMOTE, Lane.LOCAL)
    assert {job.status for job in (paid, local)} == {Status.QUEUED}
    price = 2 * (paid.price_credits + local.price_credits)
    assert price > 0
    assert balance(alice) == (before - price, price)
    assert sorted(bell) == ["local", "remote"]
    assert paid.recipe["client_token"] == str(paid.public_id)
    assert ledger_audit.audit() == []


def test_the_same_press_twice_is_one_generation(alice):
    token = uuid.uuid4()
    first = factories.submit(alice, client_token=token)
    again = factories.submit(alice, client_token=token)
    assert first == again
    assert GenerationJob.objects.count() == 1
    assert CreditEntry.objects.filter(kind="reserve").count() == 1


def test_the_same_token_of_another_person_is_another_generation(alice, bob):
    token = uuid.uuid4()
    assert factories.submit(alice, client_token=token) != factories.submit(
        bob, client_token=token
    )


def test_too_few_credits_for_all_leaves_nothing(alice):
    wallet = ledger.wallet_of(alice)
    ledger.adjust(wallet, 1 - balance(alice)[0], note="test")
    with pytest.raises(InsufficientCredits) as got:
        factories.submit(alice, "an owl", factories.LOCAL, factories.PAID)
    assert (got.value.needed, got.value.available) == (3, 1), "of the whole press"
    assert not Generation.objects.exists()
    assert not GenerationJob.objects.exists()
    assert balance(alice) == (1, 0)


def test_free_jobs_have_their_receipt_too(alice):
    factories.set_price(factories.LOCAL, 0)
    job = factories.make_job(alice, model=factories.LOCAL)
    assert CreditEntry.objects.get(job_id=job.public_id, kind="reserve").amount == 0


@pytest.mark.parametrize(
    "change",
    [{"enabled": False}, {"retired": True}, {"enabled": False, "price": None}],
)
def test_a_model_that_cannot_be_used_is_refused_before_anything_is_charged(
    alice, change
):
    model = catalog.find(factories.PAID)
    type(model).objects.filter(pk=model.pk).update(**change)
    with pytest.raises(CannotSubmit):
        factories.submit(alice)
    assert not Generation.objects.exists()


def test_input_pictures_are_refused_rather_than_dropped(alice):
    model = catalog.find(factories.PAID)
    picture = InputImage(content=b"x", mime_type="image/png", role=ImageRole.INIT)
    request = dataclasses.replace(factories.make_request(model), images=(picture,))
    with pytest.raises(CannotSubmit):
        jobs.submit_generation(
            user=alice,
            prompt="x",
            requests=[(model, request)],
            client_token=uuid.uuid4(),
        )


def test_cancel_of_a_waiting_job_ends_it_and_gives_credits_back(alice):
    before = balance(alice)
    job = factories.make_job(alice)
    assert jobs.cancel_job(job)
    job.refresh_from_db()
    assert job.status == Status.CANCELED
    assert job.settled_credits == 0
    assert job.finished_at is not None
    assert balance(alice) == before
    assert [event.name for event in job.events.all()] == ["cancel"]
    assert not jobs.cancel_job(job)


def test_cancel_of_an_ended_job_changes_nothing(alice):
    job = factories.make_job(alice)
    assert jobs.run_next(Lane.REMOTE, worker="test")
    job.refresh_from_db()
    version = job.version
    assert not jobs.cancel_job(job)
    job.refresh_from_db()
    assert (job.status, job.version) == (Status.SUCCEEDED, version)
    assert job.cancel_requested_at is None


def test_retry_asks_the_same_again_in_a_new_generation(alice):
    job = factories.make_job(alice, "an owl !times=1 !refuse", num_images=2)
    jobs.run_next(Lane.REMOTE, worker="test")
    token = uuid.uuid4()
    again = jobs.retry_job(job, client_token=token)
    (fresh,) = again.jobs.all()
    assert again != job.generation
    same = {"client_token": ""}
    assert fresh.recipe | same == job.recipe | same
    assert fresh.recipe["client_token"] == str(fresh.public_id)
    assert jobs.retry_job(job, client_token=token) == again


def test_retry_of_a_running_job_or_a_vanished_model_is_refused(alice):
    job = factories.make_job(alice)
    with pytest.raises(CannotSubmit):
        jobs.retry_job(job, client_token=uuid.uuid4())
    jobs.cancel_job(job)
    GenerationJob.objects.filter(pk=job.pk).update(image_model=None)
    with pytest.raises(CannotSubmit):
        jobs.retry_job(job, client_token=uuid.uuid4())


def test_when_the_model_has_ended_then_trying_again_says_so_and_holds_nothing(alice):
    job = factories.make_job(alice)
    jobs.cancel_job(job)
    before = balance(alice)
    yesterday = timezone.localdate() - dt.timedelta(days=1)
    ImageModel.objects.filter(pk=job.image_model_id).update(sunset_date=yesterday)
    with pytest.raises(CannotSubmit, match="ended on"):
        jobs.retry_job(job, client_token=uuid.uuid4())
    assert (balance(alice), Generation.objects.count()) == (before, 1)


def test_when_its_last_connection_is_gone_then_trying_again_says_so(alice):
    Connection.objects.create(provider="google", label="ours", check_passed=True)
    job = factories.make_job(alice, model="nano-banana-2-1")
    jobs.cancel_job(job)
    before = balance(alice)
    Connection.objects.all().delete()
    with pytest.raises(CannotSubmit, match="Not connected"):
        jobs.retry_job(job, client_token=uuid.uuid4())
    assert (balance(alice), Generation.objects.count()) == (before, 1)


def test_when_the_provider_would_refuse_the_old_recipe_then_so_does_trying_again(alice):
    Connection.objects.create(provider="stability", label="ours", check_passed=True)
    job = factories.make_job(alice, model="stable-image-core")
    jobs.cancel_job(job)
    recipe = job.recipe | {"seed": 0}
    GenerationJob.objects.filter(pk=job.pk).update(recipe=recipe)
    with pytest.raises(CannotSubmit, match="seed 0"):
        jobs.retry_job(job, client_token=uuid.uuid4())


def test_nothing_to_run_says_so(db):
    assert not jobs.run_next(Lane.LOCAL, worker="test")
    assert not jobs.run_next(Lane.REMOTE, worker="test")
