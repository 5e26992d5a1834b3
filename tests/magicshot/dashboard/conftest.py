"""What tests of the dashboard share: jobs that ended, staff, and nothing kept."""

import re
from datetime import datetime, timedelta

import pytest
from django.contrib.auth.models import Permission
from django.core.cache import cache
from django.urls import reverse
from django.utils import timezone

from accounts.models import User
from generators.contracts import Lane
from generators.models import Generation, GenerationJob

PROMPT = "xylophone under moonlight"
INDEX = reverse("admin:index")
Status = GenerationJob.Status


@pytest.fixture(autouse=True)
def _nothing_kept():
    """Let every test add up anew."""
    cache.clear()
    yield
    cache.clear()


@pytest.fixture
def make_ended(db):
    """Make a job that ended, now or at a moment."""

    def make(owner, *, at: datetime | None = None, **columns) -> GenerationJob:
        at = at or timezone.now()
        usual = {
            "image_model_slug": "brush",
            "image_model_label": "Brush",
            "provider": "fake",
            "lane": Lane.REMOTE,
            "status": Status.SUCCEEDED,
            "num_delivered": 1,
            "price_credits": 5,
            "settled_credits": 5,
            "started_at": at - timedelta(seconds=10),
            "drawing_since": at - timedelta(seconds=10),
            "finished_at": at,
        }
        press = Generation.objects.create(owner=owner, prompt=PROMPT)
        pressed = columns.pop("pressed", at - timedelta(seconds=12))
        job = GenerationJob.objects.create(
            generation=press,
            owner=owner,
            recipe={"prompt": PROMPT},
            width=64,
            height=64,
            **(usual | columns),
        )
        GenerationJob.objects.filter(pk=job.pk).update(created_at=pressed)
        job.refresh_from_db()
        return job

    return make


def failed(kind=GenerationJob.FailureKind.REFUSED):
    """Return the columns of a job that failed."""
    return {
        "status": Status.FAILED,
        "failure_kind": kind,
        "num_delivered": 0,
        "settled_credits": 0,
    }


@pytest.fixture
def boss(client, staff):
    """A client signed in as a superuser."""
    client.force_login(staff)
    return client


@pytest.fixture
def helper_with(client, db):
    """Sign somebody of the staff in who has these rights alone."""

    def sign_in(*codenames):
        user = User.objects.create_user("hal@example.org", is_staff=True)
        rights = Permission.objects.filter(codename__in=codenames)
        assert rights.count() == len(codenames)
        user.user_permissions.set(rights)
        client.force_login(user)
        return client

    return sign_in


def content(html: str) -> str:
    """Return our own part of a page: the frame around it is unfold's."""
    start = html.index('<div class="dash">')
    depth = 0
    for mark in re.finditer(r"<(/?)div\b", html[start:]):
        depth += -1 if mark[1] else 1
        if not depth:
            return html[start : start + mark.end()]
    raise AssertionError("the page has no end")


def texts(html: str) -> str:
    """Return what our part of a page says, without its marks, in single spaces."""
    return re.sub(r"\s+", " ", re.sub(r"<[^>]+>", " ", content(html)))
