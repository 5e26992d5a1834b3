"""Groups: the way in, credits that their members share, and what each of them spent."""

import html

import pytest
from django.urls import reverse

from accounts import ledger, ledger_audit
from accounts.models import Group, Invitation, Quota
from generators import endings, jobs
from generators.failures import Failure
from generators.models import GenerationJob
from tests import factories

pytestmark = [pytest.mark.django_db, pytest.mark.usefixtures("bell")]
STATEMENT = reverse("generators:statement")
Status = GenerationJob.Status


@pytest.fixture
def group(alice, bob):
    group = Group.objects.create(name="Design", shares_credits=True)
    ledger.grant(ledger.wallet_of_group(group), 50, reference="pool")
    for user in (alice, bob):
        user.group = group
        user.save()
    return group


def text_of(response):
    return html.unescape(response.content.decode())


def pool(group):
    wallet = ledger.wallet_of_group(group)
    return wallet.balance, wallet.reserved


def link(group, **options):
    invitation = Invitation.objects.create(group=group, **options)
    return reverse("accounts:invitation-accept", args=[invitation.token])


def running(job):
    rows = GenerationJob.objects.filter(pk=job.pk)
    rows.update(status=Status.RUNNING)
    return rows


def test_members_spend_the_groups_credits_and_keep_their_own(alice, bob, group):
    own = ledger.wallet_of(alice).balance
    first, second = factories.make_job(alice), factories.make_job(bob)
    assert pool(group) == (46, 4)
    jobs.cancel_job(first)
    first.refresh_from_db()
    assert pool(group) == (48, 2)
    failure = Failure(kind=GenerationJob.FailureKind.REFUSED, message="No.")
    assert endings.fail(running(second), second, failure)
    assert pool(group) == (50, 0)
    assert ledger.wallet_of(alice).balance == own
    assert ledger_audit.audit() == []


def test_when_the_pool_is_empty_then_nothing_is_taken_from_ones_own(alice, group):
    ledger.adjust(ledger.wallet_of_group(group), -49, note="spent")
    with pytest.raises(ledger.InsufficientCredits):
        factories.make_job(alice)
    assert pool(group) == (1, 0)


@pytest.mark.parametrize("change", ["leave", "delete", "keep apart"])
def test_a_job_ends_in_the_wallet_it_was_paid_from(alice, group, change):
    own = ledger.wallet_of(alice).balance
    job = factories.make_job(alice)
    wallet = ledger.wallet_of_group(group)
    if change == "leave":
        alice.group = None
        alice.save()
    elif change == "delete":
        group.delete()
    else:
        Group.objects.update(shares_credits=False)
    jobs.cancel_job(GenerationJob.objects.get(pk=job.pk))
    wallet.refresh_from_db()
    assert (wallet.balance, wallet.reserved) == (50, 0)
    alice.refresh_from_db()
    factories.make_job(alice)
    assert ledger.wallet_of(alice).balance == own - 2
    assert ledger_audit.audit() == []


def test_a_member_sees_the_pool_and_their_own_jobs_alone(client, alice, bob, group):
    factories.make_job(alice, "a red apple of mine")
    factories.make_job(bob, "a secret of another")
    client.force_login(alice)
    shown = text_of(client.get(STATEMENT))
    assert "Design pays for your pictures" in shown
    assert "a red apple of mine" in shown
    assert "a secret of another" not in shown
    assert "data-balance>46<" in shown
    address = reverse("generators:statement-file")
    content = client.get(address).content.decode()
    assert "a red apple of mine" in content
    assert "a secret of another" not in content
    assert "data-balance>46<" in text_of(client.get("/"))


def test_a_stranger_signs_up_into_a_group(client, group, settings):
    settings.SIGN_UP = "invitation"
    response = client.get(link(group))
    assert response.url == reverse("account_signup")
    typed = {"email": "new@example.org", "password1": "correct horse battery"}
    assert client.post(response.url, typed).status_code == 302
    person = group.members.get(email="new@example.org")
    assert ledger.paying_wallet(person) == ledger.wallet_of_group(group)


def test_a_person_joins_by_a_press_and_not_by_a_visit(client, staff, group):
    address = link(group)
    client.force_login(staff)
    shown = text_of(client.get(address))
    assert "Join Design?" in shown
    staff.refresh_from_db()
    assert staff.group is None
    assert client.post(address).url == "/"
    staff.refresh_from_db()
    assert staff.group == group
    assert client.post(address).url == "/", "once"
    assert Invitation.objects.get().accepted_by == staff


def test_an_invitation_for_another_is_no_way_in(client, alice, staff, group):
    address = link(group, email="somebody@example.org")
    client.force_login(staff)
    assert client.get(address).url == "/"
    assert client.post(address).url == "/"
    staff.refresh_from_db()
    assert staff.group is None


def test_a_group_with_credits_is_not_deleted(client, staff, group):
    client.force_login(staff)
    address = reverse("admin:accounts_group_delete", args=[group.pk])
    assert client.post(address, {"post": "yes"}).status_code == 403
    ledger.adjust(ledger.wallet_of_group(group), -50, note="moved")
    assert client.post(address, {"post": "yes"}).status_code == 302
    assert not Group.objects.exists()


def test_the_admin_sees_who_spent_what(client, staff, alice, bob, group):
    Quota.objects.create(group=group, images_per_day=9)
    for user, count in ((alice, 3), (bob, 1)):
        job = factories.make_job(user, num_images=count)
        GenerationJob.objects.filter(pk=job.pk).update(settled_credits=2 * count)
    client.force_login(staff)
    address = reverse("admin:accounts_group_change", args=[group.pk])
    shown = text_of(client.get(address))
    assert "alice@example.org: 6 credits<br>bob@example.org: 2 credits" in shown
    assert "42 credits" in shown
    add = reverse("admin:accounts_group_add")
    assert client.get(add).status_code == 200
    assert client.post(add, {"name": "Film", "shares_credits": "on"}).status_code == 302
    assert Group.objects.get(name="Film").wallet.balance == 0
    for table in ("group", "wallet", "creditentry", "invitation", "quota", "user"):
        listed = client.get(reverse(f"admin:accounts_{table}_changelist"))
        assert listed.status_code == 200, table
