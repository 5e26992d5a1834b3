"""What costs much waits for an admin, with its credits set aside."""

import html
import uuid

import pytest
from django.contrib.auth.models import Permission
from django.urls import reverse

from accounts import ledger, ledger_audit
from accounts.models import Quota
from generators import approvals, jobs, queue, reconciler
from generators.clock import before
from generators.contracts import Lane
from generators.models import GenerationJob
from tests import factories

pytestmark = pytest.mark.django_db
Status = GenerationJob.Status
HTMX = {"HX-Request": "true"}


@pytest.fixture
def held(alice, bell, django_capture_on_commit_callbacks):
    """A job of 8 credits where 5 may be spent without asking."""
    Quota.objects.create(user=alice, ask_above=5)
    with django_capture_on_commit_callbacks(execute=True):
        return factories.make_job(alice, num_images=4)


def balance(user):
    wallet = ledger.wallet_of(user)
    return wallet.balance, wallet.reserved


def test_a_dear_press_waits_with_its_credits_set_aside(alice, held, bell):
    assert balance(alice) == (92, 8)
    assert bell == []
    assert queue.claim_next(Lane.REMOTE) is None
    assert queue.num_due(Lane.REMOTE, limit=9) == 0
    reconciler.reconcile()
    held.refresh_from_db()
    assert (held.status, held.phase) == (Status.QUEUED, "approval")
    factories.make_job(alice, num_images=2)
    assert queue.claim_next(Lane.REMOTE).job.num_images == 2


def test_once_an_admin_agrees_it_is_drawn(
    held, bell, django_capture_on_commit_callbacks
):
    with django_capture_on_commit_callbacks(execute=True):
        assert approvals.approve(held)
    assert not approvals.approve(held), "once"
    assert bell == ["remote"]
    assert queue.claim_next(Lane.REMOTE).job == held


def test_once_an_admin_declines_its_credits_come_back(alice, held):
    assert approvals.decline(held)
    assert not approvals.decline(held)
    assert not approvals.approve(held)
    held.refresh_from_db()
    assert (held.status, held.failure_kind) == (Status.FAILED, "declined")
    assert balance(alice) == (100, 0)
    assert ledger_audit.audit() == []


def test_when_nobody_answers_then_the_credits_come_back(alice, held):
    GenerationJob.objects.update(deadline_at=before(1))
    reconciler.reconcile()
    held.refresh_from_db()
    assert held.status == Status.FAILED
    assert held.failure_message == "No admin agreed to it in time."
    assert balance(alice) == (100, 0)


def test_it_is_never_drawn_without_a_word_however_long_the_site_was_off(held):
    GenerationJob.objects.update(deadline_at=before(9e5), next_action_at=before(9e5))
    assert queue.claim_next(Lane.REMOTE) is None
    reconciler.reconcile()
    held.refresh_from_db()
    assert held.status == Status.FAILED


def test_staff_do_not_agree_to_their_own(client, alice, held):
    alice.is_staff = True
    alice.save()
    codes = ("view_generationjob", "change_generationjob")
    alice.user_permissions.set(Permission.objects.filter(codename__in=codes))
    client.force_login(alice)
    listed = reverse("admin:generators_generationjob_changelist")
    client.post(listed, {"action": "approve_jobs", "_selected_action": [held.pk]})
    held.refresh_from_db()
    assert held.phase == "approval"


def test_its_owner_may_cancel_it(alice, held):
    assert jobs.cancel_job(held)
    assert not approvals.approve(held)
    assert balance(alice) == (100, 0)


def test_the_jobs_of_one_press_count_together(alice, bell):
    Quota.objects.create(user=alice, ask_above=3)
    factories.submit(alice, "a fox", factories.PAID, factories.PAID_POLLED)
    assert approvals.waiting().count() == 2


def test_the_page_says_it_before_and_after_the_press(client, alice, bell):
    Quota.objects.create(user=alice, ask_above=1)
    client.force_login(alice)
    shown = html.unescape(client.get("/?image_model=fake").content.decode())
    assert "This costs more than 1 credit: it waits until an admin agrees." in shown
    fields = {"prompt": "a fox", "image_model": "fake", "num_images": "1"}
    fields["client_token"] = str(uuid.uuid4())
    answer = client.post("/generations/", fields, headers=HTMX).content.decode()
    assert "Waiting for an admin to agree" in html.unescape(answer)
    approvals.decline(GenerationJob.objects.get())
    shown = html.unescape(client.get("/").content.decode())
    assert "An admin declined it." in shown
    assert "Ask for less" in shown


def test_the_admin_agrees_and_declines_from_the_list(client, staff, alice, held, bell):
    other = factories.make_job(alice, num_images=3)
    client.force_login(staff)
    listed = reverse("admin:generators_generationjob_changelist")
    assert client.get(listed, {"phase__exact": "approval"}).status_code == 200
    for action, job in (("approve_jobs", held), ("decline_jobs", other)):
        typed = {"action": action, "_selected_action": [job.pk]}
        assert client.post(listed, typed).status_code == 302
    held.refresh_from_db()
    other.refresh_from_db()
    assert (held.phase, other.failure_kind) == ("waiting", "declined")
