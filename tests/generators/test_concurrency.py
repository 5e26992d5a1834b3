"""Many workers at once, each with a database connection of its own."""

import time
import uuid

import pytest

from accounts import ledger, ledger_audit
from accounts.models import CreditEntry, Quota
from gallery.models import Image
from generators import jobs, queue, reconciler, running
from generators.clock import before
from generators.contracts import Lane
from generators.models import Generation, GenerationJob
from generators.refusals import QuotaReached
from tests import factories
from tests.at_once import at_once

Status = GenerationJob.Status
pytestmark = pytest.mark.django_db(transaction=True)


@pytest.fixture(autouse=True)
def _own_fake_service(settings, tmp_path, bell):
    settings.MAGICSHOT_HOME = tmp_path


@pytest.fixture
def person(db):
    return factories.make_person("pat")


def test_each_job_is_claimed_by_exactly_one_worker(person):
    for _ in range(24):
        factories.make_job(person)

    def claim_three(_):
        return [queue.claim_next(Lane.REMOTE) for _ in range(3)]

    claims = [claim for three in at_once(claim_three, 8) for claim in three]
    assert None not in claims
    assert len({claim.job.pk for claim in claims}) == 24
    assert queue.claim_next(Lane.REMOTE) is None
    assert len(set(GenerationJob.objects.values_list("lease_token", flat=True))) == 24


def test_of_many_presses_at_once_the_quota_lets_through_what_it_leaves(person):
    Quota.objects.create(user=person, images_per_day=10)

    def press(_):
        try:
            return factories.submit(person, num_images=2)
        except QuotaReached:
            return None

    made = at_once(press, 12)
    assert sum(each is not None for each in made) == 5
    assert GenerationJob.objects.count() == 5
    assert ledger_audit.audit() == []


def test_of_many_claims_at_once_no_more_are_drawn_than_the_quota_says(person):
    Quota.objects.create(running_jobs=2)
    for _ in range(6):
        factories.make_job(person)
    claims = at_once(lambda _: queue.claim_next(Lane.REMOTE), 6)
    assert sum(claim is not None for claim in claims) == 2


def test_workers_with_loaded_models_exchange_turns_without_losing_a_job(person):
    other = factories.make_person("quinn")
    for number in range(12):
        for owner in (person, other):
            model = factories.LOCAL if number % 2 else factories.LOCAL_B
            factories.make_job(owner, model=model)
    loaded = set(
        GenerationJob.objects.filter(image_model_slug=factories.LOCAL).values_list(
            "image_model", flat=True
        )
    )
    claims = at_once(
        lambda _: [
            queue.claim_next(Lane.LOCAL, loaded_models=loaded) for _ in range(4)
        ],
        6,
    )
    taken = [claim.job.pk for four in claims for claim in four if claim]
    while (claim := queue.claim_next(Lane.LOCAL)) is not None:
        taken.append(claim.job.pk)
    assert len(taken) == len(set(taken)) == 24


def test_one_job_run_to_its_end_by_many_workers_is_paid_once(person):
    job = factories.make_job(person)
    done = at_once(lambda _: jobs.run_next(Lane.REMOTE, worker="w"), 6)
    assert done.count(True) == 1
    job.refresh_from_db()
    assert job.status == Status.SUCCEEDED
    assert CreditEntry.objects.filter(job_id=job.public_id, kind="settle").count() == 1
    assert Image.objects.filter(job_id=job.public_id).count() == 1
    assert ledger_audit.audit() == []


def test_many_jobs_on_many_threads_all_end_and_the_ledger_agrees(person):
    """No "database is locked" comes up, with every thread writing."""
    for number in range(32):
        words = ("an owl", "!refuse", "!partial=1", "!broken")[number % 4]
        factories.make_job(person, words, num_images=2)

    def work(_):
        count = 0
        while jobs.run_next(Lane.REMOTE, worker="w"):
            count += 1
        return count

    assert sum(at_once(work, 8)) == 32
    ends = GenerationJob.objects.values_list("status", flat=True)
    assert sorted(ends) == ["failed"] * 16 + ["succeeded"] * 16
    assert ledger_audit.audit() == []
    wallet = ledger.wallet_of(person)
    wallet.refresh_from_db()
    assert wallet.reserved == 0


def test_cancel_and_end_at_once_have_one_winner(person):
    for _ in range(6):
        job = factories.make_job(person, "an owl !slow=0.05")

        def either(number, job=job):
            if number:
                time.sleep(0.03 * number)
                return jobs.cancel_job(job)
            return jobs.run_next(Lane.REMOTE, worker="w")

        at_once(either, 3)
        job.refresh_from_db()
        assert job.is_ended
        entries = CreditEntry.objects.filter(job_id=job.public_id)
        assert sum(entries.values_list("reserved", flat=True)) == 0
    assert ledger_audit.audit() == []


def test_the_same_press_at_once_is_one_generation(person):
    token = uuid.uuid4()
    pressed = at_once(
        lambda _: factories.submit(person, client_token=token).public_id, 6
    )
    assert len(set(pressed)) == 1
    assert Generation.objects.count() == GenerationJob.objects.count() == 1
    assert CreditEntry.objects.filter(kind="reserve").count() == 1


def test_presses_at_once_of_one_person_take_one_turn_each(person):
    made = at_once(lambda _: factories.make_job(person), 6)
    assert sorted(job.turn for job in made) == list(range(6))


def test_submits_at_once_never_spend_more_than_there_is(person):
    wallet = ledger.wallet_of(person)
    wallet.refresh_from_db()
    ledger.adjust(wallet, 5 - wallet.balance, note="test")  # two jobs of 2 credits

    def press(_):
        try:
            return factories.submit(person)
        except ledger.InsufficientCredits:
            return None

    pressed = at_once(press, 6)
    assert len([each for each in pressed if each]) == 2
    wallet.refresh_from_db()
    assert (wallet.balance, wallet.reserved) == (1, 4)


def test_reconcilers_at_once_count_each_lost_worker_once(person):
    lost = []
    for number in range(9):
        model = (factories.PAID, factories.LOCAL)[number % 2]
        lost.append(factories.make_job(person, model=model))
        claim = queue.claim_next(lost[-1].lane)
        columns = {"call_started_at": before(1)} if number % 2 == 0 else {}
        claim.rows.update(lease_expires_at=before(0.01), **columns)
    at_once(lambda _: reconciler.reconcile(), 4)
    for number, job in enumerate(lost):
        job.refresh_from_db()
        assert (job.status, job.attempts) == (
            (Status.QUEUED, 1) if number % 2 else (Status.UNKNOWN, 0)
        )
    GenerationJob.objects.filter(status=Status.UNKNOWN).update(deadline_at=before(1))
    at_once(lambda _: reconciler.reconcile(), 4)
    assert not GenerationJob.objects.filter(status=Status.UNKNOWN).exists()
    assert ledger_audit.audit() == []


def test_a_sleeper_and_the_deadline_at_once_have_one_winner(person):
    job = factories.make_job(person)
    claim = queue.claim_next(Lane.REMOTE)
    claim.rows.update(lease_expires_at=before(0.01), call_started_at=before(1))
    reconciler.reconcile()
    GenerationJob.objects.filter(pk=job.pk).update(deadline_at=before(1))
    at_once(lambda number: reconciler.reconcile() if number else running.run(claim), 3)
    job.refresh_from_db()
    assert job.is_ended
    assert Image.objects.count() == job.num_delivered
    assert ledger_audit.audit() == []
