"""The same gallery on S3: django-storages against a small S3 on loopback."""

import datetime as dt

import pytest
from django.urls import reverse
from django.utils import timezone

from gallery.models import Image
from gallery.retention import GRACE, SweepReport, sweep
from gallery.storage import StorageFailed, delete_forever
from tests.fakes.s3 import FakeS3
from tests.gallery.making import make_image, prepared
from tests.gallery.test_storage import paths

pytestmark = pytest.mark.django_db(transaction=True)


@pytest.fixture
def s3(settings, monkeypatch):
    """A bucket that the site keeps its pictures in."""
    monkeypatch.setenv("AWS_ACCESS_KEY_ID", "key")
    monkeypatch.setenv("AWS_SECRET_ACCESS_KEY", "secret")
    monkeypatch.setenv("AWS_MAX_ATTEMPTS", "1")
    fake = FakeS3()
    settings.S3_BUCKET = "pictures"
    settings.STORAGES = settings.STORAGES | {
        "default": {
            "BACKEND": "storages.backends.s3.S3Storage",
            "OPTIONS": {
                "bucket_name": "pictures",
                "endpoint_url": fake.url,
                "default_acl": "private",
                "file_overwrite": True,
            },
        }
    }
    yield fake
    fake.close()


def test_pictures_live_in_the_bucket(s3, client, alice):
    image = make_image(alice)
    assert set(s3.objects) == paths(image.file)
    client.force_login(alice)
    for name in ("image-original", "image-download"):
        response = client.get(reverse(f"gallery:{name}", args=[image.public_id]))
        assert response.content == s3.objects[image.file.path].content
    Image.objects.all().trash()
    delete_forever(Image.objects.all())
    assert s3.objects == {}


def test_the_sweep_works_in_a_bucket(s3, alice):
    kept, young, old = make_image(alice), prepared(7), prepared(8)
    for path in paths(old) | paths(kept.file):
        s3.objects[path].modified -= GRACE + dt.timedelta(minutes=1)
    assert sweep() == SweepReport(images=0, rows=0, files=3)
    assert set(s3.objects) == paths(kept.file) | paths(young)


def test_a_lost_object_is_not_found(s3, client, alice):
    image = make_image(alice)
    s3.objects.clear()
    client.force_login(alice)
    where = reverse("gallery:image-original", args=[image.public_id])
    assert client.get(where).status_code == 404


def test_a_bucket_that_is_down_is_told_in_plain_words(s3, client, alice):
    image = make_image(alice)
    s3.is_failing = True
    with pytest.raises(StorageFailed, match="did not answer"):
        prepared(9)
    client.force_login(alice)
    where = reverse("gallery:image-original", args=[image.public_id])
    assert client.get(where).status_code == 503
    Image.objects.update(trashed_at=timezone.now() - dt.timedelta(days=99))
    with pytest.raises(StorageFailed):
        sweep()  # the listing fails; the trash is gone already, its files are left
    assert not Image.objects.exists()
    assert set(s3.objects) == paths(image.file)


def test_a_bucket_that_is_gone_is_told_in_plain_words(s3):
    s3.close()
    with pytest.raises(StorageFailed, match="did not answer"):
        prepared(9)
