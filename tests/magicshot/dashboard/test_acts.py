"""What is done from the dashboard is asked first, is safe, and leaves a line."""

import pytest
from django.contrib.admin.models import LogEntry
from django.test import Client
from django.urls import reverse

from accounts import ledger
from accounts.models import AuditEntry, User
from generators import wake
from generators.models import GenerationJob
from tests.generators.test_stuck_jobs import (
    claimed,
    held,
    is_whole,
    late,
    lost,
    unknown,
)
from tests.magicshot.dashboard.conftest import INDEX, PROMPT

Status = GenerationJob.Status
RIGHTS = ("view_generationjob", "change_generationjob")
pytestmark = pytest.mark.django_db


@pytest.fixture(autouse=True)
def bell(monkeypatch) -> list[str]:
    """The lanes that were woken; no broker is asked."""
    lanes: list[str] = []
    monkeypatch.setattr(wake, "ring", lambda lane, **_: lanes.append(str(lane)))
    return lanes


def address(job, act):
    return reverse("dashboard-act", args=[job.pk, act])


def said(client):
    """Return what the page tells after an act."""
    return [str(each) for each in client.get(INDEX).context["messages"]]


@pytest.mark.parametrize(
    ("make", "act", "status"),
    [
        (held, "approve", Status.QUEUED),
        (held, "decline", Status.FAILED),
        (lost, "send-again", Status.QUEUED),
        (late, "send-again", Status.QUEUED),
        (late, "cancel", Status.CANCELED),
        (unknown, "give-up", Status.FAILED),
    ],
)
def test_when_somebody_may_act_then_it_is_asked_and_then_done(
    helper_with, alice, make, act, status
):
    client = helper_with(*RIGHTS)
    job = make(alice)
    version = job.version
    asked = client.get(address(job, act))
    assert asked.status_code == 200
    assert "csrfmiddlewaretoken" in asked.content.decode()
    assert PROMPT not in asked.content.decode()
    job.refresh_from_db()
    assert job.version == version  # looking changes nothing
    assert client.post(address(job, act)).url == INDEX
    job.refresh_from_db()
    assert job.status == status
    assert is_whole(alice) == (status in {Status.FAILED, Status.CANCELED})
    line = LogEntry.objects.get()
    assert (line.object_id, line.user.email) == (str(job.pk), "hal@example.org")
    entry = AuditEntry.objects.get()
    assert (entry.action, entry.target_pk) == (act, str(job.pk))
    assert (entry.actor_name, entry.person_id) == ("hal@example.org", alice.pk)
    moved = make in {lost, unknown} or act in {"cancel", "decline"}
    assert entry.after.get("status") == (status if moved else None)
    assert entry.before.keys() == entry.after.keys()


def test_when_the_list_does_the_same_then_the_log_says_the_same(helper_with, alice):
    client = helper_with(*RIGHTS)
    here, there = held(alice), held(alice)
    client.post(address(here, "decline"))
    chosen = {"action": "decline_jobs", "_selected_action": [there.pk]}
    client.post(reverse("admin:generators_generationjob_changelist"), chosen)
    columns = ("action", "actor_id", "person_id", "before", "after", "reason")
    one, other = AuditEntry.objects.values(*columns)
    assert one == other
    assert one["before"]["status"] == Status.QUEUED


def test_when_somebody_gave_up_then_the_job_does_not_name_them(
    helper_with, alice, caplog
):
    job = unknown(alice)
    helper_with(*RIGHTS).post(address(job, "give-up"))
    job.refresh_from_db()
    assert job.failure_detail == "An admin ended it"
    assert "hal@" not in caplog.text + str(GenerationJob.objects.values())


def test_when_a_running_job_is_canceled_then_its_worker_is_told(helper_with, alice):
    job = claimed(alice).job
    helper_with(*RIGHTS).post(address(job, "cancel"))
    job.refresh_from_db()
    assert job.status == Status.RUNNING
    assert job.cancel_requested_at is not None


def test_when_it_was_done_then_the_page_says_so_and_offers_it_no_more(
    helper_with, alice
):
    client, job = helper_with(*RIGHTS), unknown(alice)
    assert address(job, "give-up") in client.get(INDEX).content.decode()
    client.post(address(job, "give-up"))
    page = client.get(INDEX)
    assert "its credits went back" in page.content.decode()
    assert address(job, "give-up") not in page.content.decode()
    assert page.context["blocks"]["lanes"][1].unknown == 0


@pytest.mark.parametrize(
    ("make", "act"),
    [
        (lambda user: lost(user, call_started_at=late(user).created_at), "send-again"),
        (lambda user: claimed(user).job, "give-up"),
        (lambda user: claimed(user).job, "approve"),
        (unknown, "send-again"),
        (unknown, "cancel"),
        (late, "decline"),
        (held, "send-again"),
    ],
)
def test_when_it_would_be_unsafe_then_it_is_refused(helper_with, alice, make, act):
    client, job = helper_with(*RIGHTS), make(alice)
    job.refresh_from_db()
    before = job.status, job.version
    for method in (client.get, client.post):
        assert method(address(job, act)).url == INDEX
        assert "Nothing was changed" in said(client)[0]
    job.refresh_from_db()
    assert (job.status, job.version) == before
    assert not LogEntry.objects.exists()


def test_when_its_worker_lives_then_it_is_not_sent_again(helper_with, alice):
    client, job = helper_with(*RIGHTS), claimed(alice).job
    client.post(address(job, "send-again"))
    assert "Nothing was changed" in said(client)[0]
    job.refresh_from_db()
    assert job.status == Status.RUNNING


def test_when_it_is_ones_own_then_only_a_superuser_agrees(helper_with):
    client = helper_with(*RIGHTS)
    own = held(User.objects.get(email="hal@example.org"))
    assert address(own, "approve") not in client.get(INDEX).content.decode()
    client.post(address(own, "approve"))
    own.refresh_from_db()
    assert own.phase == GenerationJob.Phase.APPROVAL


@pytest.mark.parametrize("rights", [(), ("view_generationjob",), RIGHTS[1:]])
def test_when_rights_are_missing_then_nothing_is_asked_or_done(
    helper_with, alice, rights
):
    client, job = helper_with(*rights), unknown(alice)
    assert client.get(address(job, "give-up")).status_code == 403
    assert client.post(address(job, "give-up")).status_code == 403
    assert address(job, "give-up") not in client.get(INDEX).content.decode()
    job.refresh_from_db()
    assert job.status == Status.UNKNOWN


def test_when_strangers_ask_then_they_are_sent_away(client, alice, bob):
    job = unknown(alice)
    assert client.post(address(job, "give-up")).status_code == 302
    client.force_login(bob)
    assert client.post(address(job, "give-up"), follow=True).status_code == 403
    job.refresh_from_db()
    assert job.status == Status.UNKNOWN


def test_when_the_form_is_anothers_then_it_is_refused(staff, alice):
    client, job = Client(enforce_csrf_checks=True), unknown(alice)
    client.force_login(staff)
    assert client.post(address(job, "give-up")).status_code == 403
    assert ledger.wallet_of(alice).reserved > 0


def test_when_there_is_no_such_job_or_act_then_it_is_not_found(boss, alice):
    job = unknown(alice)
    assert boss.get(address(job, "delete")).status_code == 404
    for number in (0, 9**30):
        missing = f"/admin/dashboard/jobs/{number}/cancel/"
        assert boss.get(missing).status_code == 404
        assert boss.post(missing).status_code == 404
    assert boss.put(address(job, "give-up")).status_code == 405
