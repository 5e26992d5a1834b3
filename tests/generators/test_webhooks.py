"""A service rings: what is signed makes the next poll come sooner, all else does nothing."""

import json
import uuid

import pytest
from asgiref.sync import async_to_sync
from django.test import AsyncClient, Client
from django.urls import reverse

from generators import connections, jobs
from generators.clock import after
from generators.contracts import Lane
from generators.models import Connection, GenerationJob
from generators.webhooks import MAX_BYTES
from tests.fakes import studio as fakes

Status = GenerationJob.Status


@pytest.fixture
def way(studio, bell):
    """A connection to the studio."""
    return fakes.connect(studio)


@pytest.fixture
def job(way, alice, bell):
    """Work that the studio took in, and that is polled in an hour."""
    job = fakes.submit(alice)
    jobs.run_next(Lane.REMOTE, worker="test")
    GenerationJob.objects.update(next_action_at=after(3600))
    bell.clear()
    job.refresh_from_db()
    return job


def address(row):
    return reverse("generators:webhook", args=[row.public_id])


def ring(row, body, *, secret=None, client=None):
    """Ring as the studio does; with another secret, as a forger."""
    secret = secret or connections.access_of(row).webhook_secret
    return (client or Client(enforce_csrf_checks=True)).post(
        address(row),
        data=body,
        content_type="application/json",
        headers={"X-Signature": fakes.signature(secret, body)},
    )


def about(job):
    return json.dumps({"id": job.handle["external_id"]}).encode()


def test_when_a_service_rings_then_the_next_poll_is_due(way, job, bell):
    assert not jobs.run_next(Lane.REMOTE, worker="test")
    response = ring(way, about(job))
    assert (response.status_code, response.content) == (204, b"")
    assert bell == ["remote"]
    assert jobs.run_next(Lane.REMOTE, worker="test")


def test_when_it_rings_then_the_result_is_what_the_poll_says(way, job, studio):
    studio.polls = 99
    ring(way, about(job))
    jobs.run_next(Lane.REMOTE, worker="test")
    job.refresh_from_db()
    assert job.status == Status.RUNNING


def test_when_it_rings_twice_or_for_nothing_then_nothing_happens(way, job, bell):
    for _ in range(3):
        assert ring(way, about(job)).status_code == 204
    assert ring(way, b'{"id": "unknown"}').status_code == 204
    job.refresh_from_db()
    assert job.status == Status.RUNNING
    jobs.cancel_job(job)
    GenerationJob.objects.update(
        status=Status.CANCELED, settled_credits=0, finished_at=after(0)
    )
    bell.clear()
    assert ring(way, about(job)).status_code == 204
    assert bell == []


def test_when_a_forger_rings_then_it_is_refused(way, job, bell):
    assert ring(way, about(job), secret="guessed").status_code == 403
    unsigned = Client().post(address(way), about(job), content_type="application/json")
    assert unsigned.status_code == 403
    assert bell == []


def test_when_another_connections_secret_signs_then_it_is_refused(way, job, studio):
    other = fakes.connect(studio, "Second")
    secret = connections.access_of(other).webhook_secret
    assert ring(way, about(job), secret=secret).status_code == 403
    assert ring(other, about(job)).status_code == 204
    job.refresh_from_db()
    assert job.next_action_at is not None
    assert not jobs.run_next(Lane.REMOTE, worker="test")


def test_when_nobody_knows_the_address_then_it_is_not_found(way, db):
    unknown = Connection(public_id=uuid.uuid4(), provider="studio")
    assert ring(unknown, b"{}", secret="x").status_code == 404
    Connection.objects.update(enabled=False)
    assert ring(way, b"{}").status_code == 404


def test_when_somebody_looks_then_only_posts_are_taken(way):
    assert Client().get(address(way)).status_code == 405


def test_when_a_body_is_too_large_then_it_is_refused(way):
    largest = b'{"id": "' + b"x" * (MAX_BYTES - 10) + b'"}'
    assert ring(way, largest).status_code == 204
    assert ring(way, largest + b" ").status_code == 413


def test_when_a_length_is_a_lie_then_no_more_is_read_than_may_be(way):
    post = async_to_sync(AsyncClient().post)
    lie = {"Content-Length": "12"}
    body = b"x" * (MAX_BYTES + 1)
    response = post(address(way), body, content_type="text/plain", headers=lie)
    assert response.status_code == 413


@pytest.mark.parametrize("body", [b"", b"{}", b"[]", b"\xff", b"null"])
def test_when_a_signed_body_makes_no_sense_then_nobody_breaks(way, body):
    assert ring(way, body, secret="forged").status_code == 403


def test_when_a_provider_has_no_webhooks_then_every_ring_is_refused(
    way, job, monkeypatch
):
    monkeypatch.delattr(fakes.StudioProvider, "read_webhook")
    assert ring(way, about(job)).status_code == 403


@pytest.mark.parametrize(
    ("site_url", "expected"),
    [
        ("https://pictures.example", "https://pictures.example/hooks/"),
        ("http://localhost:8000", ""),
        ("http://pictures.example", ""),
        ("https://localhost", ""),
        ("https://pictures", ""),
        ("https://pictures.lan", ""),
        ("https://192.168.1.20:8443", ""),
        ("https://[fd00::7]", ""),
    ],
)
def test_when_the_site_cannot_be_reached_then_no_service_is_told_to_ring(
    way, settings, site_url, expected
):
    settings.SITE_URL = site_url
    told = connections.access_of(way).webhook_url
    assert told.startswith(expected) if expected else told == ""
