"""The admin's page on one person: what is there, for whom, and what it does."""

import uuid

import pytest
from allauth.mfa.models import Authenticator
from allauth.usersessions.models import UserSession
from django.contrib.auth.models import Permission
from django.contrib.sessions.models import Session
from django.test import Client
from django.urls import reverse

from accounts import audit, ledger
from accounts.models import AuditEntry, Group, Quota, User
from generators.models import GenerationJob
from tests import factories
from tests.gallery.making import make_image

pytestmark = pytest.mark.django_db
Action = AuditEntry.Action
PROMPT = "xylophone under moonlight"
BROWSER = "Mozilla/5.0 (X11; Linux x86_64; rv:140.0) Gecko/20100101 Firefox/140.0"


@pytest.fixture
def boss(client, staff):
    """A client signed in as a superuser."""
    client.force_login(staff)
    return client


def helper_with(client, *rights):
    """Sign in staff with these rights alone."""
    user = User.objects.create_user("hal@example.org", is_staff=True)
    user.user_permissions.set(Permission.objects.filter(codename__in=rights))
    client.force_login(user)
    return user


def address(person, name="admin-person"):
    return reverse(name, args=[person.pk])


def table(response, title):
    """Return the rows of one table of the page, as text; None if it is not there."""
    for each in response.context["tables"]:
        if each.title == title:
            return [[str(cell.value) for cell in line] for line in each.lines]
    return None


def sign_in(person):
    client = Client(headers={"User-Agent": BROWSER})
    login = {"login": person.email, "password": "alice's password"}
    client.post(reverse("account_login"), login)
    return client


def test_the_page_tells_the_balance_and_where_they_stand(boss, alice):
    group = Group.objects.create(name="3b", shares_credits=True)
    alice.group = group
    alice.name = "Alice A."
    alice.save()
    ledger.adjust(ledger.wallet_of(alice), 11, note="x")
    ledger.adjust(ledger.wallet_of_group(group), 5000, note="x")
    Authenticator.objects.create(user=alice, type=Authenticator.Type.TOTP, data={})
    html = boss.get(address(alice)).content.decode()
    for words in ("Alice A.", "111", "5,000", "group 3b", "two-step sign-in"):
        assert words in html
    assert "address not confirmed" in html


def test_each_rule_says_because_of_what_and_instead_of_what(boss, alice):
    group = Group.objects.create(name="3b")
    alice.group = group
    alice.save()
    factories.make_job(alice)
    Quota.objects.create(images_per_day=50, operations=["upscale"])
    Quota.objects.create(group=group, images_per_day=10, running_jobs=2)
    Quota.objects.create(user=alice, images_per_day=3, running_jobs=-1)
    assert table(boss.get(address(alice)), "Rules in force") == [
        ["Images per day", "3", "this person", "10 (group 3b)<br>50 (everybody)", "1"],
        ["Running jobs", "no limit", "this person", "2 (group 3b)", "-"],
        ["Operations", "upscale", "everybody", "-", "-"],
    ]


def test_jobs_are_there_without_what_was_asked_for(boss, alice):
    for _ in range(25):
        job = factories.make_job(alice, PROMPT)
    GenerationJob.objects.filter(pk=job.pk).update(
        failure_message="no xylophone", failure_detail="no xylophone"
    )
    make_image(alice, prompt=PROMPT)
    response = boss.get(address(alice))
    jobs = table(response, "Newest jobs")
    assert len(jobs) == 20
    assert f"generationjob/{job.pk}/" in jobs[0][0]
    assert jobs[0][1:] == [
        job.image_model_label,
        '<span class="">Queued</span>',
        "0 of 1",
        "-",
    ]
    assert "xylophone" not in response.content.decode()


def test_the_statement_and_what_was_done_to_them_are_there(boss, alice, bob, staff):
    wallet = ledger.wallet_of(alice)
    for number in range(15):
        ledger.adjust(wallet, 1, note=f"gift {number}")
        audit.record(
            Action.CHANGE,
            alice,
            actor=staff,
            after={"name": str(number)},
            reason="asked",
        )
    audit.record(Action.CHANGE, bob, actor=staff, after={"name": "bobs"})
    response = boss.get(address(alice))
    lines = table(response, "Newest credits")
    assert len(lines) == 10
    assert lines[0][1:] == ["Changed by an admin", "gift 14", "+1", "115"]
    entries = table(response, "What was done to them")
    assert len(entries) == 10
    assert entries[0][1:] == [staff.email, "changed", "name: 14", "asked"]


def test_devices_are_those_that_are_signed_in(boss, alice):
    sign_in(alice)
    gone = sign_in(alice)
    Session.objects.filter(session_key=gone.session.session_key).delete()
    devices = table(boss.get(address(alice)), "Signed-in devices")
    assert [each[:2] for each in devices] == [["Firefox on Linux", "127.0.0.1"]]


def test_signing_out_everywhere_ends_their_sessions_alone(boss, alice, staff):
    own = [sign_in(alice), sign_in(alice)]
    response = boss.post(address(alice, "admin-person-sign-out"))
    assert response.url == address(alice)
    assert all(client.get("/gallery/").status_code == 302 for client in own)
    assert boss.get(address(alice)).status_code == 200
    assert not UserSession.objects.filter(user=alice).exists()
    entry = AuditEntry.objects.get()
    assert (entry.action, entry.actor, entry.person) == (Action.SIGN_OUT, staff, alice)
    assert entry.before == {"devices": 2}


def test_credits_are_given_right_there(boss, alice, staff):
    wallet = ledger.wallet_of(alice)
    html = boss.get(address(alice)).content.decode()
    target = reverse("admin:accounts_wallet_adjust_credits", args=[wallet.pk])
    assert f'action="{target}?back=person"' in html
    data = {"credits": "5", "reason": "kindness", "press": str(uuid.uuid4())}
    assert boss.post(f"{target}?back=person", data).url == address(alice)
    wallet.refresh_from_db()
    assert wallet.balance == 105
    assert boss.post(f"{target}?back=person", {"credits": "0"}).status_code == 422


def test_each_part_is_for_those_who_may_look_at_its_table(client, alice):
    ledger.wallet_of(alice)
    user = helper_with(client, "view_user")
    response = client.get(address(alice))
    assert [each.title for each in response.context["tables"]] == ["Rules in force"]
    html = response.content.decode()
    assert "Give or take credits" not in html
    assert "To spend" not in html
    assert "Sign out everywhere" not in html
    for right, title in (
        ("view_generationjob", "Newest jobs"),
        ("view_creditentry", "Newest credits"),
        ("view_usersession", "Signed-in devices"),
        ("view_auditentry", "What was done to them"),
    ):
        user.user_permissions.add(Permission.objects.get(codename=right))
        assert table(client.get(address(alice)), title) is not None, right


def test_without_the_right_to_see_people_there_is_no_page(client, alice):
    rights = Permission.objects.exclude(codename="view_user")
    user = helper_with(client)
    user.user_permissions.set(rights)
    assert client.get(address(alice)).status_code == 403
    client.force_login(alice)
    assert client.get(address(alice), follow=True).status_code == 403
    post = client.post(address(alice, "admin-person-sign-out"), follow=True)
    assert post.status_code == 403


def test_staff_do_not_sign_other_staff_out(client, staff, alice):
    helper_with(client, "view_user", "change_user")
    assert client.post(address(staff, "admin-person-sign-out")).status_code == 403
    assert client.post(address(alice, "admin-person-sign-out")).status_code == 302
    assert client.get(address(alice, "admin-person-sign-out")).status_code == 405


def test_nobody_is_not_found(boss):
    for key in (999999, 10**30):
        for name in ("admin-person", "admin-person-sign-out"):
            found = reverse(name, args=[key])
            send = boss.get if name == "admin-person" else boss.post
            assert send(found).status_code == 404


def test_the_page_asks_a_bounded_number_of_times(
    boss, alice, staff, django_assert_max_num_queries
):
    Quota.objects.create(images_per_day=50, storage_mb=5, waiting_jobs=99)
    for number in range(30):
        factories.make_job(alice)
        ledger.adjust(ledger.wallet_of(alice), 1, note="x")
        audit.record(Action.CHANGE, alice, actor=staff, after={"name": str(number)})
    sign_in(alice)
    with django_assert_max_num_queries(30):
        boss.get(address(alice))


def test_people_who_have_nothing_yet_have_a_page_too(boss, bob):
    response = boss.get(address(bob))
    assert response.status_code == 200
    html = response.content.decode()
    for words in (
        "None: nothing limits them but their credits.",
        "They have not asked for a picture yet.",
        "They are signed in nowhere.",
    ):
        assert words in html


def test_the_list_of_people_leads_there(boss, alice):
    html = boss.get(reverse("admin:accounts_user_changelist")).content.decode()
    assert f'href="{address(alice)}"' in html
    overview = reverse("admin:accounts_user_see_person", args=[alice.pk])
    assert (
        overview
        in boss.get(
            reverse("admin:accounts_user_change", args=[alice.pk])
        ).content.decode()
    )
    assert boss.get(overview).url == address(alice)


def test_the_title_shows_an_address_as_it_is(boss, alice):
    html = boss.get(address(alice)).content.decode()
    assert "About alice@example.org" in html
    assert "Alice@example.org" not in html


def test_what_an_admin_pressed_while_looking_leaves_room_for_the_rest(
    boss, alice, staff
):
    audit.record(Action.CHANGE, alice, actor=staff, reason="asked")
    for _ in range(12):
        audit.record(Action.LOOK_ACT, alice, actor=staff)
    acts = table(boss.get(address(alice)), "What was done to them")
    assert [act[2] for act in acts] == ["changed"]
