"""What is kept adds up: files once, people's pictures each."""

import pytest

from gallery.models import StoredFile
from magicshot.dashboard.storage import Shelf, measure
from tests.gallery.making import make_image

pytestmark = pytest.mark.django_db


def test_when_two_keep_the_same_file_then_it_counts_once_and_for_both(alice, bob):
    first = make_image(alice, shade=10)
    second = make_image(bob, shade=10)
    make_image(bob, shade=90)
    assert first.file == second.file
    sizes = dict(StoredFile.objects.values_list("pk", "size"))
    found = measure()
    assert (found.num_files, found.num_bytes) == (2, sum(sizes.values()))
    assert found.people == [
        Shelf(owner=bob.pk, num_images=2, num_bytes=sum(sizes.values())),
        Shelf(owner=alice.pk, num_images=1, num_bytes=sizes[first.file_id]),
    ]


def test_when_nothing_is_kept_then_it_is_nothing(db):
    found = measure()
    assert (found.num_files, found.num_bytes, found.people) == (0, 0, [])
