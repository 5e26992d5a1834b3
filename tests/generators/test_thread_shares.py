"""That no provider takes all threads of a worker."""

import pytest

from generators import connections, jobs, queue
from generators.contracts import Lane
from generators.models import Connection, GenerationJob
from generators.thread_shares import ThreadShares, threads
from tests import factories
from tests.fakes import studio as fake_studio

Status = GenerationJob.Status


def test_a_provider_is_crowded_with_three_quarters_of_the_threads(settings):
    settings.REMOTE_CONCURRENCY = 4
    shares = ThreadShares()
    with shares.hold("slow"), shares.hold("slow"), shares.hold("quick"):
        assert shares.crowded() == set()
        with shares.hold("slow"):
            assert shares.crowded() == {"slow"}
        assert shares.crowded() == set()


@pytest.mark.django_db
def test_when_a_provider_is_crowded_then_only_its_own_jobs_wait(studio, alice):
    fake_studio.connect(studio)
    slow = fake_studio.submit(alice)
    polled = fake_studio.submit(alice)
    claim = queue.claim_next(Lane.REMOTE)
    assert claim is not None
    assert claim.job == slow
    GenerationJob.objects.filter(pk=slow.pk).update(
        lease_token=None, next_action_at=slow.changed_at
    )  # a poll of it is due
    assert queue.claim_next(Lane.REMOTE, crowded={"studio"}) is None
    due = queue.claim_next(Lane.REMOTE, crowded={"another"})
    assert due is not None
    assert due.job == slow
    fresh = queue.claim_next(Lane.REMOTE)
    assert fresh is not None
    assert fresh.job == polled


@pytest.mark.django_db
@pytest.mark.parametrize("is_alone", [True, False])
def test_when_one_hangs_then_the_worker_leaves_threads_to_others_if_there_are_any(
    studio, alice, settings, is_alone
):
    settings.REMOTE_CONCURRENCY = 1
    fake_studio.connect(studio)
    if not is_alone:
        Connection.objects.create(provider="another", label="another")
    assert connections.are_several() is not is_alone
    job = fake_studio.submit(alice, "studio-brush")
    with threads.hold("studio"):
        assert jobs.run_next(Lane.REMOTE, worker="test") is is_alone
    job.refresh_from_db()
    assert job.status == (Status.SUCCEEDED if is_alone else Status.QUEUED)


@pytest.mark.django_db
def test_when_local_models_draw_then_nothing_is_shared_out(alice, settings):
    settings.REMOTE_CONCURRENCY = 1
    for provider in ("one", "two"):
        Connection.objects.create(provider=provider, label=provider)
    factories.make_job(alice, model=factories.LOCAL)
    with threads.hold("fake-local"):
        assert jobs.run_next(Lane.LOCAL, worker="test")
