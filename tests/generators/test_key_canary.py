"""A key that a rude service repeats wherever it can is found nowhere afterwards.

Logs, rows, pages, the database's own files and the pictures are all searched for it.
"""

import json
import logging
from itertools import chain, count
from pathlib import Path

import pytest
from django.conf import settings as site
from django.contrib import admin
from django.contrib.auth.models import Permission
from django.db import connection as database
from django.test import Client
from django.urls import reverse

from accounts.models import User
from generators import connections, health, jobs, reconciler
from generators.clock import before
from generators.contracts import Lane
from generators.models import Connection, GenerationJob, JobEvent
from generators.providers import registry
from tests import factories
from tests.fakes import studio as fakes
from tests.fakes.studio import FakeStudio
from tests.fakes.wire import Fault, Reply, html, status

KEY = FakeStudio.KEY
PIECE = KEY[:12]
"""A beginning of the key is as bad as all of it."""

ECHO = {"error": {"message": f"Incorrect API key provided: {KEY}", "key": KEY}}
LONG = {"error": {"message": "x" * 480 + KEY + "y" * 200}}
BOUNDARIES = [
    Fault(reply=Reply(status=400, body=b"x" * size + KEY.encode() + b"tail"))
    for size in range(470, 506, 5)
]
PAGES = [
    Fault(reply=Reply(body=b"<html>" + b"x" * size + KEY.encode()))
    for size in (0, 170, 180, 190)
]
FAULTS = [
    *(status(code, ECHO) for code in (400, 401, 402, 403, 404, 409, 413, 418, 422)),
    *(status(code, ECHO) for code in (429, 500, 502, 503)),
    status(429, ECHO, retry_after="0", X_Key=KEY),
    status(307, ECHO, Location=f"http://127.0.0.1:9/?key={KEY}"),
    status(400, LONG),
    status(200, {"image": None, "usd": 1, "said": KEY}),
    html(500),
    Fault(cuts=True),
    Fault(cuts_body=True),
    *BOUNDARIES,
    *PAGES,
]

pytestmark = pytest.mark.django_db(transaction=True)


def run_next():
    """Run whatever can be run now, with a connection that no trouble has shut."""
    Connection.objects.update(breaker="closed", failures_in_a_row=0, paused_until=None)
    GenerationJob.objects.filter(next_action_at__isnull=False).update(
        next_action_at=before(0.01)
    )
    return jobs.run_next(Lane.REMOTE, worker="test")


def misbehave(studio, person, row):
    """Let each fault meet a paid call, a poll and a check."""
    for fault in FAULTS:
        studio.fail(fault, on="POST")
        fakes.submit(person, "studio-brush")
        run_next()
        fakes.submit(person, "studio-letter")
        run_next()
        studio.fail(fault, on="GET /v1/letters")
        run_next()
        studio.fail(fault, on="GET /v1/account")
        health.check(row)
        studio._faults.clear()
    GenerationJob.objects.update(deadline_at=before(1))
    reconciler.reconcile()


def ring(row):
    """Ring with the key in the body and the signature."""
    address = reverse("generators:webhook", args=[row.public_id])
    signed = {"X-Signature": KEY}
    Client().post(address, json.dumps(ECHO), "application/json", headers=signed)


def pages(row):
    """Yield the address of every page of the admin that may speak of it."""
    for model in admin.site._registry:
        meta = model._meta
        name = f"admin:{meta.app_label}_{meta.model_name}"
        yield reverse(f"{name}_changelist")
        few = 20 if model is GenerationJob else 3
        for pk in model._default_manager.values_list("pk", flat=True)[:few]:
            yield reverse(f"{name}_change", args=[pk])
            yield reverse(f"{name}_history", args=[pk])
    yield from (reverse("admin:index"), reverse("admin-costs"))
    yield reverse("admin:generators_connection_delete", args=[row.pk])


def every_repr(row):
    """Yield how whatever holds the key, or could, writes itself."""
    access = connections.access_of(row)
    provider = connections.bound(row)
    for each in (
        row,
        access,
        provider,
        provider._http,
        provider.access,
        registry._bound,
    ):
        yield repr(each)
        yield str(each)
    yield from map(str, vars(provider).values())


def every_row():
    """Yield what the rows say, and the database's files byte for byte."""
    job = GenerationJob.objects
    for row in chain(
        job.values_list("failure_message", "failure_detail", "handle", "recipe"),
        JobEvent.objects.values_list("note", "name"),
        Connection.objects.values_list("last_trouble", "check_words", "offered"),
    ):
        yield str(row)


def dump():
    """Return the whole database: its files, or all its rows where it has none."""
    if database.vendor != "sqlite":
        with database.cursor() as cursor:
            tables = database.introspection.table_names(cursor)
            rows = []
            for table in tables:
                cursor.execute(f'SELECT * FROM "{table}"')  # noqa: S608 (our own names)
                rows += cursor.fetchall()
        return repr(rows).encode()
    name = Path(database.settings_dict["NAME"])
    files = [name, *name.parent.glob(f"{name.name}-*")]
    return b"".join(path.read_bytes() for path in files)


def media():
    """Yield the files of the pictures."""
    root = Path(site.MEDIA_ROOT)
    yield from (path for path in root.rglob("*") if path.is_file())


def test_when_a_service_repeats_the_key_everywhere_then_it_is_found_nowhere(
    studio, bell, staff, client, caplog
):
    person = factories.make_person("pat", credits=100_000)
    caplog.set_level(logging.DEBUG)
    client.force_login(staff)
    row = fakes.connect(studio)
    misbehave(studio, person, row)
    ring(row)
    done = count()
    while GenerationJob.objects.filter(status="queued").exists() and next(done) < 200:
        run_next()
    ended = set(GenerationJob.objects.values_list("status", flat=True))
    assert {"failed", "succeeded"} <= ended
    assert "[key]" in caplog.text  # it was repeated, and taken out

    assert PIECE not in caplog.text
    for text in chain(every_row(), every_repr(row)):
        assert PIECE not in text
    for address in pages(row):
        response = client.get(address)
        assert response.status_code == 200, address
        assert PIECE.encode() not in response.content, address
    assert PIECE.encode() not in dump()
    for path in media():
        assert PIECE.encode() not in path.read_bytes()
    assert any(media())


def test_when_the_key_goes_through_the_form_then_it_is_found_nowhere(
    studio, client, caplog
):
    caplog.set_level(logging.DEBUG)
    user = User.objects.create_user("hal@example.org", "hal's password", is_staff=True)
    user.user_permissions.set(Permission.objects.all())
    client.force_login(user)
    typed = {
        "provider": "studio",
        "label": "Studio",
        "enabled": "on",
        "base_url": studio.url,
        "max_concurrency": "3",
        "max_per_minute": "0",
        "key": KEY,
    }
    address = reverse("admin:generators_connection_add")
    studio.fail(status(401, ECHO))
    wrong = client.post(address, typed | {"max_concurrency": "0"})
    response = client.post(address, typed, follow=True)
    assert "key refused (HTTP 401" in response.content.decode()
    row = Connection.objects.get()
    assert connections.access_of(row).api_key == KEY
    for each in (wrong, response, *(client.get(page) for page in pages(row))):
        assert PIECE not in each.content.decode()
    assert PIECE not in caplog.text
    assert PIECE.encode() not in dump()
