"""Exports and deletions on S3: a small S3 on loopback."""

import io
import json
import zipfile
from datetime import timedelta

import pytest
import time_machine
from django.urls import reverse
from django.utils import timezone

from accounts import deletions
from accounts.models import Export, User
from magicshot.leaving import exports, tasks
from tests.gallery.making import make_image
from tests.gallery.test_s3 import s3
from tests.magicshot.leaving.test_exports import export_of

__all__ = ["s3"]
pytestmark = pytest.mark.django_db(transaction=True)


def test_an_export_is_put_into_the_bucket_and_sent_from_it(s3, fresh, alice):
    make_image(alice)
    export = export_of(alice)
    assert export.state == Export.State.READY, export.failure
    address = reverse("leaving:export-download", args=[export.public_id])
    response = fresh.get(address)
    content = b"".join(response.streaming_content)
    assert content == s3.objects[export.path].content
    packed = zipfile.ZipFile(io.BytesIO(content))
    assert packed.testzip() is None
    assert len(json.loads(packed.read("pictures.json"))) == 1
    response.close()


def test_a_bucket_that_is_down_fails_it_with_words(s3, alice):
    exports.ask(alice)
    s3.is_failing = True
    tasks.build_exports()
    export = exports.of(alice)
    assert (export.state, export.path) == (Export.State.FAILED, "")
    assert "did not answer" in export.failure


def test_a_bucket_that_is_down_is_told_at_the_download(s3, fresh, alice):
    export = export_of(alice)
    s3.is_failing = True
    address = reverse("leaving:export-download", args=[export.public_id])
    assert fresh.get(address).status_code == 503


def test_nothing_is_left_in_the_bucket(s3, alice, staff):
    make_image(alice)
    export_of(alice)
    deletions.ask(alice, by=staff)
    with time_machine.travel(timezone.now() + timedelta(days=15)):
        tasks.delete_due_accounts()
    assert s3.objects == {}
    assert not User.objects.filter(pk=alice.pk).exists()
