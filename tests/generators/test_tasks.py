"""Celery's entry points, and the messages on the file broker of the tests."""

import datetime
import functools
from pathlib import Path
from types import SimpleNamespace

import pytest
from celery import current_app, signals
from django.conf import settings
from django.utils import timezone

from gallery.models import Image
from generators import tasks, wake, warming
from generators.contracts import Lane
from generators.models import Connection, GenerationJob
from generators.providers import registry
from generators.wake import queue_of
from tests import factories

Status = GenerationJob.Status


@pytest.fixture
def _empty_lanes():
    def empty():
        with current_app.connection_for_write() as connection:
            for lane in Lane:
                queue = current_app.amqp.queues[queue_of(lane)]
                queue(connection.default_channel).purge()

    empty()
    yield
    empty()


@pytest.mark.django_db
@pytest.mark.usefixtures("_empty_lanes")
def test_a_submit_leaves_one_message_a_job_in_its_lane(
    alice, django_capture_on_commit_callbacks
):
    assert wake.num_waiting(Lane.LOCAL) == 0
    with django_capture_on_commit_callbacks(execute=True):
        factories.submit(alice, "an owl", factories.LOCAL, factories.PAID)
        factories.submit(alice, "an owl", factories.LOCAL)
    assert (wake.num_waiting(Lane.LOCAL), wake.num_waiting(Lane.REMOTE)) == (2, 1)


@pytest.mark.django_db
@pytest.mark.usefixtures("_empty_lanes")
def test_the_reconciler_sends_what_the_broker_forgot_and_no_more(alice):
    factories.make_job(alice)
    factories.make_job(alice)
    for _ in range(3):
        tasks.reconcile()
    assert wake.num_waiting(Lane.REMOTE) == 2


@pytest.mark.usefixtures("_empty_lanes")
def test_what_is_due_much_later_is_left_to_the_reconciler():
    assert not wake.ring(Lane.REMOTE, in_seconds=61)
    assert wake.num_waiting(Lane.REMOTE) == 0


@pytest.mark.django_db
def test_a_message_runs_one_due_job(alice):
    first, second = factories.make_job(alice), factories.make_job(alice)
    tasks.wake_lane("remote")
    first.refresh_from_db()
    second.refresh_from_db()
    assert (first.status, second.status) == (Status.SUCCEEDED, Status.QUEUED)
    tasks.wake_lane("local")  # nothing is due there


@pytest.mark.django_db
def test_the_daily_sweep_deletes_old_trash(alice):
    factories.make_job(alice)
    tasks.wake_lane("remote")
    age = datetime.timedelta(days=settings.TRASH_DAYS, seconds=60)
    Image.objects.update(trashed_at=timezone.now() - age)
    tasks.sweep()
    assert not Image.objects.exists()


@pytest.mark.django_db
@pytest.mark.usefixtures("_empty_lanes")
def test_a_worker_that_comes_looks_for_what_was_forgotten(alice):
    factories.make_job(alice)
    signals.worker_ready.send(sender=None)
    assert wake.num_waiting(Lane.REMOTE) == 1


@pytest.mark.parametrize("preload", [True, False])
@pytest.mark.parametrize(
    ("lane", "expected"), [(Lane.REMOTE, "fake"), (Lane.LOCAL, "fake-local")]
)
def test_a_worker_preloads_its_lane_before_it_asks_the_database_if_the_site_wants(
    preload, lane, expected, settings, monkeypatch
):
    settings.PRELOAD = preload
    loaded = []
    for slug in registry.all_slugs():
        note = functools.partial(loaded.append, slug)
        monkeypatch.setattr(registry.get(slug), "preload", note)
    signals.celeryd_init.send(sender="lane@host", options={"queues": [queue_of(lane)]})
    assert (expected in loaded) == preload
    assert all(registry.get(slug).lane == lane for slug in loaded)


@pytest.mark.django_db
@pytest.mark.parametrize("lane", Lane)
def test_a_worker_that_is_ready_preloads_what_is_connected(lane, monkeypatch):
    Connection.objects.create(provider="openai", label="theirs")
    loaded = []
    for slug in registry.all_slugs():
        note = functools.partial(loaded.append, slug)
        monkeypatch.setattr(registry.get(slug), "preload", note)
    queues = [SimpleNamespace(name=queue_of(lane))]
    consumer = SimpleNamespace(queues=queues)
    warming.warm_connections(sender=SimpleNamespace(task_consumer=consumer))
    assert loaded == (["openai"] if lane == Lane.REMOTE else [])


def test_a_worker_that_goes_hands_work_back_and_lets_providers_go():
    provider = registry.get("fake")
    signals.worker_shutting_down.send(sender=None, sig="TERM", how="warm", exitcode=0)
    signals.worker_shutdown.send(sender=None)
    assert registry.get("fake") is not provider


def test_the_schedule_names_tasks_that_exist():
    current_app.loader.import_default_modules()  # as a worker does
    assert {"generators.reconcile", "generators.sweep", wake.TASK} <= set(
        current_app.tasks
    )
    schedule = current_app.conf.beat_schedule
    assert {entry["task"] for entry in schedule.values()} <= set(current_app.tasks)
    assert schedule["reconcile"]["schedule"] == settings.RECONCILE_SECONDS


def test_everything_of_celery_lies_in_the_data_folder():
    folder = Path(settings.MAGICSHOT_HOME)
    conf = current_app.conf
    places = [
        conf.beat_schedule_filename,
        *(
            value
            for name, value in conf.broker_transport_options.items()
            if "folder" in name
        ),
    ]
    assert len(places) == 5
    assert all(Path(place).is_relative_to(folder) for place in places)
