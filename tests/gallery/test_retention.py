"""The sweep takes what is due and nothing else."""

import datetime as dt
import os
from pathlib import Path

import pytest
import time_machine
from django.conf import settings
from django.core.files.base import ContentFile
from django.core.files.storage import default_storage
from django.utils import timezone

from accounts.models import User
from gallery.models import Image, StoredFile
from gallery.retention import GRACE, SweepReport, empty_trash, sweep
from tests.gallery.making import make_image, prepared
from tests.gallery.test_storage import files_on_disk, paths

NOTHING = SweepReport(images=0, rows=0, files=0)
pytestmark = pytest.mark.django_db(transaction=True)


def age(path: str, by: dt.timedelta) -> None:
    """Make a file older than it is."""
    then = (timezone.now() - by).timestamp()
    os.utime(Path(settings.MEDIA_ROOT) / path, (then, then))


def test_an_empty_site_is_swept():
    assert sweep() == NOTHING


def test_trash_goes_after_its_days_and_not_before(alice, settings):
    settings.TRASH_DAYS = 7
    image = make_image(alice)
    kept = make_image(alice, 9)
    Image.objects.filter(pk=image.pk).trash()
    with time_machine.travel(timezone.now() + dt.timedelta(days=6, hours=23)):
        assert sweep() == NOTHING
    with time_machine.travel(timezone.now() + dt.timedelta(days=7, minutes=1)):
        assert sweep().images == 1
    assert list(Image.objects.all()) == [kept]
    assert files_on_disk() == paths(kept.file)


def test_files_without_rows_go_after_the_grace(alice):
    kept, young, old = make_image(alice), prepared(7), prepared(8)
    unfinished = f"{Path(old.path).parent}/.new-left"
    default_storage.save(unfinished, ContentFile(b"half"))
    for path in [*paths(old), *paths(kept.file), unfinished]:
        age(path, GRACE + dt.timedelta(minutes=1))
    assert sweep() == SweepReport(images=0, rows=0, files=4)
    assert files_on_disk() == paths(kept.file) | paths(young)
    assert sweep() == NOTHING


def test_a_second_copy_goes_though_its_content_is_kept(alice):
    kept, copy = make_image(alice), prepared()
    assert copy.content_hash == kept.file.content_hash
    for path in paths(copy):
        age(path, GRACE + dt.timedelta(minutes=1))
    assert sweep().files == 3
    assert files_on_disk() == paths(kept.file)


def test_files_of_a_deleted_account_go(alice, bob):
    gone, kept = make_image(alice, 1), make_image(bob, 2)
    make_image(bob, 3)
    make_image(alice, 3)
    User.objects.get(pk=alice.pk).delete()
    assert sweep() == NOTHING
    with time_machine.travel(timezone.now() + GRACE + dt.timedelta(minutes=1)):
        assert sweep().rows == 1
    assert not StoredFile.objects.filter(pk=gone.file.pk).exists()
    assert files_on_disk().isdisjoint(paths(gone.file))
    assert paths(kept.file) <= files_on_disk()


def test_emptying_takes_only_ones_own_trash(alice, bob):
    mine, kept, other = make_image(alice, 1), make_image(alice, 2), make_image(bob, 3)
    Image.objects.filter(pk__in=[mine.pk, other.pk]).trash()
    assert empty_trash(alice.pk) == 1
    assert set(Image.objects.all()) == {kept, other}
    assert files_on_disk() == paths(kept.file) | paths(other.file)
