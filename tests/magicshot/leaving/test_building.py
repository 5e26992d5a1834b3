"""Exports are built once, by whoever holds the lease, and never offered half."""

import resource
import threading
import tracemalloc
from datetime import timedelta
from pathlib import Path

import pytest
import time_machine
from django.conf import settings as site
from django.core.files.base import ContentFile
from django.core.files.storage import default_storage
from django.db import connection
from django.utils import timezone

from accounts.models import Export, User
from gallery.models import StoredFile
from generators.clock import before
from magicshot.leaving import building, exports, tasks
from tests.at_once import at_once
from tests.gallery.making import make_image
from tests.magicshot.leaving.belongings import large
from tests.magicshot.leaving.test_exports import export_of, unzipped

pytestmark = pytest.mark.django_db(transaction=True)
State = Export.State


class Killed(BaseException):
    """The worker is gone; nothing catches it, as nothing catches SIGKILL."""


def zips() -> set[str]:
    """Return every file in the folder of exports, half written ones too."""
    folder = Path(site.MEDIA_ROOT) / exports.FOLDER
    return {f"{exports.FOLDER}/{path.name}" for path in folder.glob("*")}


def age_leases() -> None:
    Export.objects.filter(lease_token__isnull=False).update(lease_expires_at=before(1))


def only() -> Export:
    return Export.objects.get()


def test_a_press_sends_one_message_and_a_second_press_shows_the_first(alice, sent):
    first = exports.ask(alice)
    assert exports.ask(alice) == first
    assert sent == [exports.TASK]
    assert exports.claim_next() is not None
    assert exports.ask(alice) == first
    assert Export.objects.count() == 1


def test_of_many_presses_at_once_one_counts(alice):
    asked = at_once(lambda _: exports.ask(alice).pk, 8)
    assert len(set(asked)) == 1
    assert Export.objects.count() == 1


def test_a_press_that_was_just_quicker_is_the_one_that_counts(alice, monkeypatch):
    if connection.vendor != "postgresql":
        pytest.skip("SQLite lets one press in at a time")
    plain, quicker = exports.pause_after, []

    def meanwhile(export):
        monkeypatch.setattr(exports, "pause_after", plain)
        quicker.extend(at_once(lambda _: exports.ask(alice).pk, 1))
        return plain(export)

    monkeypatch.setattr(exports, "pause_after", meanwhile)
    assert [exports.ask(alice).pk] == quicker
    assert [only().pk] == quicker


def test_each_export_is_claimed_by_one_worker(alice, bob):
    exports.ask(alice)
    exports.ask(bob)
    claims = at_once(lambda _: exports.claim_next(), 6)
    assert sorted(claim.export.user.email for claim in claims if claim) == [
        "alice@example.org",
        "bob@example.org",
    ]


def test_a_new_one_takes_the_place_of_the_one_that_was_ready(alice):
    make_image(alice)
    first = export_of(alice)
    Export.objects.update(ready_at=first.ready_at - exports.PAUSE)
    exports.ask(alice)
    assert not exports.ready_ones(alice).exists()
    tasks.look_after_exports()
    assert zips() == {only().path} != {first.path}


def test_a_lost_worker_leaves_nothing_and_another_builds_it(alice, monkeypatch):
    make_image(alice, 1)
    make_image(alice, 2)
    exports.ask(alice)

    def die(self, num_done):
        raise Killed

    with monkeypatch.context() as patched:
        patched.setattr(building._Progress, "tell", die)
        with pytest.raises(Killed):
            building.build_waiting()
    assert only().state == State.BUILDING
    tasks.look_after_exports()
    assert only().state == State.BUILDING, "its lease is not over"
    age_leases()
    tasks.look_after_exports()
    assert only().attempts == 1
    unzipped(only())
    assert zips() == {only().path}


def test_a_worker_lost_before_it_said_that_it_was_done_offers_nothing(
    alice, monkeypatch
):
    make_image(alice)
    exports.ask(alice)

    def die(claim, **_):
        raise Killed

    with monkeypatch.context() as patched:
        patched.setattr(exports, "finish", die)
        with pytest.raises(Killed):
            building.build_waiting()
    assert len(zips()) == 1
    age_leases()
    tasks.look_after_exports()
    unzipped(only())
    assert len(zips()) == 2
    exports.sweep()
    assert len(zips()) == 2, "it may still be written"
    with time_machine.travel(timezone.now() + exports.GRACE + timedelta(minutes=1)):
        exports.sweep()
    assert zips() == {only().path}


def test_three_lost_workers_end_it_with_words(alice):
    exports.ask(alice)
    for _ in range(exports.MAX_ATTEMPTS):
        assert exports.claim_next() is not None
        age_leases()
        exports.take_back_from_lost_workers()
    assert (only().state, only().failure) == (State.FAILED, exports.LOST)
    assert export_of(alice).state == State.READY


def test_a_worker_that_only_slept_offers_nothing_over_another(alice):
    make_image(alice)
    exports.ask(alice)
    asleep = exports.claim_next()
    age_leases()
    tasks.look_after_exports()
    ready = only()
    assert asleep is not None
    building.build(asleep)
    assert only().path == ready.path
    assert zips() == {ready.path}


def test_a_worker_that_is_stopped_hands_it_back(alice):
    make_image(alice)
    exports.ask(alice)
    claim = exports.claim_next()
    tasks.hand_exports_back()
    assert claim is not None
    building.build(claim)
    assert (only().state, only().attempts) == (State.WAITING, 0)
    assert zips() == set()
    building.build_waiting()
    assert only().state == State.WAITING, "this process takes nothing new"
    building._is_stopping.clear()
    building.build_waiting()
    unzipped(only())


def test_one_process_builds_one_at_a_time(alice, bob):
    exports.ask(alice)
    with building._building:
        building.build_waiting()
    assert only().state == State.WAITING
    exports.ask(bob)
    building.build_waiting()
    assert set(Export.objects.values_list("state", flat=True)) == {State.READY}


def test_the_lease_is_renewed_however_long_it_takes(alice, settings, monkeypatch):
    settings.HEARTBEAT_SECONDS = 0.05
    make_image(alice)
    exports.ask(alice)
    age = Export.objects.filter(lease_expires_at__lt=timezone.now())
    seen = threading.Event()

    def wait_for_a_beat(self, num_done):
        age_leases()
        for _ in range(200):
            if not age.exists():
                seen.set()
                return
            threading.Event().wait(0.02)

    monkeypatch.setattr(building._Progress, "tell", wait_for_a_beat)
    building.build_waiting()
    assert seen.is_set()
    assert only().state == State.READY


def test_without_room_on_the_disk_it_is_refused_before_a_byte_is_written(
    alice, monkeypatch
):
    make_image(alice)
    with monkeypatch.context() as patched:
        patched.setattr(building, "LEFT_FREE", 2**60)
        export = export_of(alice)
    assert export.state == State.FAILED
    assert "there is no room for that on this site now" in export.failure
    assert zips() == set()
    assert export_of(alice).state == State.READY


def test_a_disk_that_fills_up_meanwhile_fails_it_with_words(alice):
    for _ in range(3):
        large(alice, 12)
    before_it = resource.getrlimit(resource.RLIMIT_FSIZE)
    resource.setrlimit(resource.RLIMIT_FSIZE, (30_000_000, before_it[1]))
    try:
        export = export_of(alice)
    finally:
        resource.setrlimit(resource.RLIMIT_FSIZE, before_it)
    assert export.state == State.FAILED
    assert export.failure.startswith("There is no room left")
    assert zips() == set()
    unzipped(export_of(alice))


def test_the_memory_holds_one_picture_at_a_time(alice):
    for _ in range(30):
        large(alice, 4)
    exports.ask(alice)
    tracemalloc.start()
    try:
        building.build_waiting()
        _, peak = tracemalloc.get_traced_memory()
    finally:
        tracemalloc.stop()
    assert only().size > 120_000_000
    assert peak < 24_000_000


def test_an_error_of_our_own_is_told_and_logged(alice, caplog):
    make_image(alice)
    exports.ask(alice)
    StoredFile.objects.update(mime_type="image/unheard-of")
    building.build_waiting()
    assert (only().state, only().failure) == (State.FAILED, building.OWN_FAULT)
    assert "met an error of our own" in caplog.text
    assert "alice" not in caplog.text


def test_files_go_after_their_days(alice):
    make_image(alice)
    export = export_of(alice)
    with time_machine.travel(timezone.now() + timedelta(days=6, hours=23)):
        tasks.look_after_exports()
        assert exports.ready_ones(alice).get() == export
    with time_machine.travel(timezone.now() + timedelta(days=7, minutes=1)):
        assert not exports.ready_ones(alice).exists(), "before the sweep came by, too"
        tasks.look_after_exports()
    assert exports.of(alice) is None
    assert not Export.objects.exists()
    assert zips() == set()


def test_the_sweep_takes_what_no_export_knows_and_nothing_else(alice):
    export = export_of(alice)
    default_storage.save(f"{exports.FOLDER}/left.zip", ContentFile(b"left"))
    default_storage.save(f"{exports.FOLDER}/.new-left", ContentFile(b"left"))
    exports.sweep()
    assert len(zips()) == 3
    with time_machine.travel(timezone.now() + timedelta(hours=2)):
        exports.sweep()
        exports.sweep()
    assert zips() == {export.path}


def test_an_export_that_is_being_built_goes_with_the_account(alice):
    make_image(alice)
    exports.ask(alice)
    claim = exports.claim_next()
    exports.remove_all_of(alice)
    assert claim is not None
    building.build(claim)
    assert not Export.objects.exists()
    assert zips() == set()


def test_the_row_of_somebody_gone_takes_no_file_along(alice):
    export = export_of(alice)
    User.objects.filter(pk=alice.pk).delete()
    assert zips() == {export.path}
    with time_machine.travel(timezone.now() + timedelta(hours=2)):
        exports.sweep()
    assert zips() == set()
