"""An admin looks at the site as somebody: with a reason, a proof, a limit, and told."""

from datetime import timedelta

import pytest
import time_machine
from allauth.usersessions.models import UserSession
from asgiref.sync import async_to_sync
from django.contrib.auth.models import Permission
from django.contrib.sessions.models import Session
from django.core import mail
from django.test import Client
from django.urls import NoReverseMatch, get_resolver, path, reverse
from django.utils import timezone

from accounts import erasing, impersonation
from accounts.looking import only_by_oneself
from accounts.models import AuditEntry, Impersonation, Notice, User
from accounts.sign_in import is_still_signed_in
from accounts.tasks import end_looks
from gallery.models import Image
from tests.gallery.making import make_image

pytestmark = pytest.mark.django_db
Action = AuditEntry.Action
STOP = "accounts:look-stop"


def look_page(person):
    return reverse("admin:accounts_user_look", args=[person.pk])


def prove(client, user):
    """Give a fresh proof of who one is."""
    password = f"{user.get_short_name()}'s password"
    client.post(reverse("account_reauthenticate"), {"password": password})


def sign_in(client, user):
    login = reverse("account_login")
    password = f"{user.get_short_name()}'s password"
    client.post(login, {"login": user.email, "password": password})
    assert client.session["_auth_user_id"] == str(user.pk)


@pytest.fixture
def boss(client, staff):
    """A client of a superuser who has just signed in."""
    sign_in(client, staff)
    return client


@pytest.fixture
def hal(db):
    """Staff with the right, who is no superuser."""
    user = User.objects.create_user("hal@example.org", "hal's password", is_staff=True)
    rights = Permission.objects.filter(codename__in=["impersonate_user", "view_user"])
    user.user_permissions.set(rights)
    return user


@pytest.fixture
def helper(client, hal):
    """Hal's client."""
    sign_in(client, hal)
    return client


def begin(client, person, reason="they asked for help"):
    return client.post(look_page(person), {"reason": reason})


@pytest.fixture
def looking(boss, alice):
    """Stan's client while he looks at the site as Alice."""
    assert begin(boss, alice).status_code == 302
    return boss


def who(client):
    """Return whose pages a client sees."""
    shown = client.get("/")
    return shown.context["request"].user if shown.context else None


def acts():
    return list(AuditEntry.objects.order_by("id").values_list("action", flat=True))


def test_the_admin_sees_the_site_as_the_person_with_a_bar_on_it(boss, alice, staff):
    image = make_image(alice, prompt="xylophone")
    response = begin(boss, alice)
    assert (response.status_code, response.url) == (302, "/")
    assert who(boss) == alice
    for address in ("/", reverse("gallery:gallery-list"), "/credits/", "/nowhere/"):
        html = boss.get(address).content.decode()
        assert 'class="looking"' in html, address
        assert "You look at the site as <strong>alice@example.org" in html
        assert reverse(STOP) in html
    assert str(image.public_id) in boss.get("/gallery/").content.decode()
    entry = AuditEntry.objects.get()
    assert (entry.action, entry.actor, entry.person) == (Action.LOOK, staff, alice)
    assert entry.reason == "they asked for help"


def test_when_the_admin_stops_then_they_are_themselves_again(looking, alice, staff):
    response = looking.post(reverse(STOP))
    assert response.url == reverse("admin-person", args=[alice.pk])
    assert who(looking) == staff
    assert looking.get(reverse("admin:index")).status_code == 200
    assert "looking" not in looking.get("/").content.decode()
    assert acts() == [Action.LOOK, Action.LOOK_END]
    look = Impersonation.objects.get()
    assert look.ended_at is not None
    assert looking.post(reverse(STOP)).url == "/", "nothing is left to stop"
    assert acts() == [Action.LOOK, Action.LOOK_END]


def test_it_does_not_begin_without_a_fresh_proof(client, staff, alice):
    client.force_login(staff)
    for send in (client.get, client.post):
        response = send(look_page(alice), {"reason": "curious"})
        assert response.url.startswith(reverse("account_reauthenticate"))
    assert not Impersonation.objects.exists()
    assert who(client) == staff


def test_a_sign_in_is_a_proof_for_five_minutes(boss, alice):
    now = timezone.now()
    with time_machine.travel(now + timedelta(seconds=290), tick=False):
        assert boss.get(look_page(alice)).status_code == 200
    with time_machine.travel(now + timedelta(seconds=310), tick=False):
        asked = boss.get(look_page(alice))
        assert asked.url.startswith(reverse("account_reauthenticate"))
        prove(boss, boss.get("/").context["request"].user)
        assert begin(boss, alice).url == "/"


def test_after_the_proof_what_was_sent_is_done(client, staff, alice):
    client.force_login(staff)
    asked = client.post(look_page(alice), {"reason": "they asked"})
    client.post(asked.url, {"password": "wrong"})
    assert not Impersonation.objects.exists()
    client.post(asked.url, {"password": "stan's password"})
    assert Impersonation.objects.get().reason == "they asked"
    assert who(client) == alice


def test_an_old_proof_does_not_count(boss, alice, settings):
    with time_machine.travel(timezone.now() + timedelta(minutes=10), tick=False):
        assert begin(boss, alice).url.startswith(reverse("account_reauthenticate"))
    assert not Impersonation.objects.exists()


def test_a_get_never_begins_or_stops(boss, alice):
    assert boss.get(look_page(alice), {"reason": "x"}).status_code == 200
    assert not Impersonation.objects.exists()
    begin(boss, alice)
    assert boss.get(reverse(STOP)).status_code == 405
    assert who(boss) == alice


@pytest.mark.parametrize("reason", ["", "   ", "\0", "x" * 301])
def test_it_takes_a_reason(boss, alice, reason):
    assert begin(boss, alice, reason).status_code == 422
    assert not Impersonation.objects.exists()


def test_staff_without_the_right_may_not(helper, hal, alice):
    hal.user_permissions.set(Permission.objects.exclude(codename="impersonate_user"))
    for send in (helper.get, helper.post):
        assert send(look_page(alice), {"reason": "x"}).status_code == 403
    html = helper.get(reverse("admin-person", args=[alice.pk])).content.decode()
    assert look_page(alice) not in html
    assert not Impersonation.objects.exists()


def test_people_and_strangers_may_not(client, alice, bob):
    assert begin(client, bob).status_code == 302
    sign_in(client, alice)
    assert client.post(look_page(bob), {"reason": "x"}, follow=True).status_code == 403
    assert who(client) == alice
    assert not Impersonation.objects.exists()


def test_the_right_alone_without_the_admin_is_not_enough(client, alice, bob):
    alice.user_permissions.add(Permission.objects.get(codename="impersonate_user"))
    sign_in(client, alice)
    begin(client, bob)
    assert not Impersonation.objects.exists()


def test_staff_with_the_right_may_look_as_people_but_not_as_staff(helper, alice, staff):
    other = User.objects.create_user("olga@example.org", is_staff=True)
    for person in (staff, other):
        assert begin(helper, person).status_code == 403
    begin(helper, alice)
    assert who(helper) == alice


def test_a_superuser_may_look_as_staff_and_never_opens_their_admin(boss, staff):
    olga = User.objects.create_user("olga@example.org", is_staff=True)
    begin(boss, olga)
    assert who(boss) == olga
    assert boss.get(reverse("admin:index")).status_code == 403
    assert reverse("admin:index") not in boss.get("/").content.decode()


def test_nobody_looks_as_themselves_or_as_somebody_who_is_stopped(boss, staff, alice):
    assert begin(boss, staff).status_code == 403
    User.objects.filter(pk=alice.pk).update(is_active=False)
    assert begin(boss, alice).status_code == 403
    assert boss.get(look_page(User(pk=999999))).status_code == 404
    assert not Impersonation.objects.exists()


def test_one_look_does_not_begin_within_another(looking, alice, bob):
    assert begin(looking, bob).status_code == 403
    assert who(looking) == alice
    assert Impersonation.objects.count() == 1


CLOSED = (
    "account_change_password",
    "account_email",
    "account_reauthenticate",
    "account_reset_password",
    "account_set_password",
    "account_login",
    "account_signup",
    "mfa_index",
    "mfa_activate_totp",
    "mfa_deactivate_totp",
    "mfa_generate_recovery_codes",
    "mfa_view_recovery_codes",
    "mfa_list_webauthn",
    "mfa_add_webauthn",
    "mfa_reauthenticate",
    "usersessions_list",
    "admin:index",
    "admin:accounts_user_changelist",
    "admin-costs",
    "setup",
)


@pytest.mark.parametrize("name", CLOSED)
def test_what_only_the_person_may_do_is_refused(looking, alice, name):
    for method in ("get", "post", "put", "patch", "delete", "head"):
        response = getattr(looking, method)(reverse(name))
        assert response.status_code == 403, method
    shown = looking.get(reverse(name)).content.decode()
    assert "Only they may do that" in shown
    assert reverse(STOP) in shown


def test_every_address_of_the_accounts_is_refused_but_two(looking):
    """Also those that are added later."""
    passed = set()
    for name in get_resolver().reverse_dict:
        try:
            address = reverse(name)
        except NoReverseMatch:
            continue
        if address.startswith("/accounts/") and looking.get(address).status_code != 403:
            passed.add(address)
    assert passed == {reverse("account_logout")}
    assert looking.get("/accounts/").status_code != 200
    invitation = reverse("accounts:invitation-accept", args=["x"])
    assert looking.get(invitation).status_code == 403


def test_a_view_that_is_marked_is_refused_wherever_it_stands(looking, settings):
    settings.ROOT_URLCONF = MarkedViews
    assert looking.get("/buy/").status_code == 403
    assert looking.post("/buy/").status_code == 403


def test_the_persons_pictures_are_not_deleted_for_ever(looking, alice):
    image = make_image(alice)
    Image.objects.filter(pk=image.pk).trash()
    delete = reverse("gallery:image-delete", args=[image.public_id])
    for address in (delete, reverse("gallery:trash-empty")):
        assert looking.post(address).status_code == 403, address
    assert Image.objects.filter(pk=image.pk).exists()


@only_by_oneself
def buy(request):
    raise AssertionError("it must not get here")


class MarkedViews:
    """Addresses of a site that sells something."""

    from magicshot.urls import urlpatterns

    urlpatterns = [path("buy/", buy), *urlpatterns]


def test_everything_that_is_sent_is_written_down_without_what_was_in_it(
    looking, alice, staff
):
    image = make_image(alice)
    address = reverse("gallery:image-trash", args=[image.public_id])
    looking.post(f"{address}?word=SECRETWORD", {"note": "SECRETWORD"})
    image.refresh_from_db()
    assert image.trashed_at is not None
    entry = AuditEntry.objects.get(action=Action.LOOK_ACT)
    assert (entry.actor, entry.person) == (staff, alice)
    assert entry.after == {
        "method": "POST",
        "path": address,
        "view": "gallery:image-trash",
    }
    looking.get(address)
    assert AuditEntry.objects.filter(action=Action.LOOK_ACT).count() == 1


def test_what_is_refused_is_written_down_too_without_secrets_of_addresses(looking):
    looking.post(reverse("accounts:invitation-accept", args=["TOPSECRET"]))
    entry = AuditEntry.objects.get(action=Action.LOOK_ACT)
    assert entry.after["refused"] is True
    assert entry.after["view"] == "accounts:invitation-accept"
    assert "TOPSECRET" not in str(entry.after)


def test_after_half_an_hour_it_is_over(looking, alice, staff):
    image = make_image(alice)
    later = timezone.now() + impersonation.LONGEST + timedelta(seconds=1)
    with time_machine.travel(later, tick=False):
        address = reverse("gallery:image-trash", args=[image.public_id])
        response = looking.post(address)
        assert response.url == reverse("admin:index")
        assert who(looking) == staff
    image.refresh_from_db()
    assert image.trashed_at is None, "nothing is done as anybody"
    look = Impersonation.objects.get()
    assert look.ended_at == look.ends_at
    assert acts() == [Action.LOOK, Action.LOOK_END]


def test_a_part_of_a_page_that_comes_too_late_leaves_the_page(looking):
    later = timezone.now() + impersonation.LONGEST + timedelta(seconds=1)
    with time_machine.travel(later, tick=False):
        response = looking.get("/press-price/", headers={"HX-Request": "true"})
    assert response.headers["HX-Redirect"] == reverse("admin:index")


@pytest.mark.parametrize(
    "change",
    [
        {"is_active": False},
        {"is_staff": False},
        {"is_superuser": False},
    ],
)
def test_when_the_admin_loses_the_right_then_the_next_request_ends_it(
    looking, alice, staff, change
):
    User.objects.filter(pk=staff.pk).update(**change)
    assert looking.get("/gallery/").status_code == 302
    assert who(looking) != alice
    assert Impersonation.objects.get().ended_at is not None
    assert acts()[-1] == Action.LOOK_END


def test_when_a_right_of_staff_is_taken_then_the_next_request_ends_it(
    helper, hal, alice
):
    begin(helper, alice)
    hal.user_permissions.clear()
    helper.get("/gallery/")
    assert who(helper) == hal


@pytest.mark.parametrize(
    "change", [{"is_active": False}, {"is_staff": True}, {"is_superuser": True}]
)
def test_when_the_person_may_not_be_looked_at_any_more_then_it_ends(
    helper, hal, alice, change
):
    begin(helper, alice)
    User.objects.filter(pk=alice.pk).update(**change)
    helper.get("/gallery/")
    assert who(helper) == hal


def test_when_the_admin_changes_their_password_elsewhere_then_it_ends(
    looking, alice, staff
):
    staff.set_password("another one 7")
    staff.save()
    looking.get("/gallery/")
    assert who(looking) is None or who(looking).is_anonymous
    assert Impersonation.objects.get().ended_at is not None


def test_the_key_of_the_session_changes_and_old_ones_are_worth_nothing(boss, alice):
    keys = [boss.session.session_key]
    begin(boss, alice)
    keys.append(boss.session.session_key)
    boss.post(reverse(STOP))
    keys.append(boss.session.session_key)
    assert len(set(keys)) == 3
    assert set(Session.objects.values_list("session_key", flat=True)) == {keys[-1]}
    for key in keys[:2]:
        thief = Client()
        thief.cookies["sessionid"] = key
        assert thief.get("/gallery/").status_code == 302


def test_the_admins_list_of_devices_knows_the_session_throughout(boss, alice, staff):
    begin(boss, alice)
    row = UserSession.objects.get()
    assert (row.user, row.session_key) == (staff, boss.session.session_key)
    boss.post(reverse(STOP))
    row = UserSession.objects.get()
    assert row.session_key == boss.session.session_key


def test_a_session_that_names_the_look_of_another_admin_is_its_own(looking, alice, bob):
    other = User.objects.create_superuser("olga@example.org", "olga's password")
    thief = Client()
    sign_in(thief, other)
    session = thief.session
    session[impersonation.SESSION_KEY] = Impersonation.objects.get().pk
    session.save()
    thief.get("/gallery/")
    assert who(thief) == other
    assert who(looking) == alice
    assert acts() == [Action.LOOK]


def test_a_session_that_names_no_look_is_its_own(boss, staff):
    session = boss.session
    session[impersonation.SESSION_KEY] = 999999
    session.save()
    boss.get("/gallery/")
    assert who(boss) == staff
    assert acts() == []


def test_the_persons_own_session_goes_on_and_is_not_the_look(looking, alice):
    own = Client()
    sign_in(own, alice)
    html = own.get("/").content.decode()
    assert 'class="looking"' not in html
    assert own.get(reverse("mfa_index")).status_code == 200


def test_when_the_admin_signs_out_then_the_look_ends_with_it(looking, alice):
    looking.post(reverse("account_logout"))
    assert "_auth_user_id" not in looking.session
    assert impersonation.SESSION_KEY not in looking.session
    assert acts() == [Action.LOOK, Action.LOOK_END]


def test_the_person_is_told_on_their_next_visit_until_they_put_it_away(
    looking, alice, staff
):
    started = timezone.localtime(Impersonation.objects.get().started_at)
    assert 'class="standing"' not in looking.get("/").content.decode(), "not the admin"
    own = Client()
    own.force_login(alice)
    html = own.get("/").content.decode()
    assert "stan from the team looked at your account on" in html
    assert "for 30 minutes at most (UTC): they asked for help" in html
    looking.post(reverse(STOP))
    ended = timezone.localtime(Impersonation.objects.get().ended_at)
    html = own.get("/").content.decode()
    times = "–".join(dict.fromkeys((f"{started:%H:%M}", f"{ended:%H:%M}")))  # noqa: RUF001
    assert f"{times} (UTC): they asked for help" in html
    notice = Notice.objects.get()
    assert reverse("accounts:notice-dismiss", args=[notice.pk]) in html
    own.post(reverse("accounts:notice-dismiss", args=[notice.pk]))
    assert "looked at your account" not in own.get("/").content.decode()


def test_when_the_admin_leaves_then_their_name_goes(looking, staff):
    looking.post(reverse(STOP))
    for _ in "ab":
        erasing.erase_sign_in(staff)
    staff.delete()
    look = Impersonation.objects.get()
    assert (look.admin, look.admin_name) == (None, "somebody who left")
    told = Notice.objects.get().text
    assert told.startswith("Somebody from the team, who has left since, looked at")
    assert told.endswith("they asked for help")
    assert "stan" not in told
    assert AuditEntry.objects.count() == 2


def test_the_admin_cannot_put_the_notice_away_for_the_person(looking):
    notice = Notice.objects.get()
    address = reverse("accounts:notice-dismiss", args=[notice.pk])
    assert looking.post(address).status_code == 403
    notice.refresh_from_db()
    assert notice.dismissed_at is None


def test_an_address_is_written_to_where_the_site_can(boss, alice, settings):
    settings.EMAIL_IS_SET = True
    mail.outbox.clear()
    begin(boss, alice)
    [letter] = mail.outbox
    assert letter.to == ["alice@example.org"]
    assert "looked at your account" in letter.subject
    assert "they asked for help" in letter.body
    assert "stan from the team" in letter.body


def test_when_no_mail_goes_out_then_it_begins_all_the_same(
    boss, alice, settings, caplog
):
    settings.EMAIL_IS_SET = True
    settings.EMAIL_BACKEND = "django.core.mail.backends.smtp.EmailBackend"
    settings.EMAIL_HOST, settings.EMAIL_PORT = "127.0.0.1", 9
    assert begin(boss, alice).status_code == 302
    assert Notice.objects.exists()
    assert "No mail went" in caplog.text


def test_when_the_admin_never_comes_back_then_it_is_ended_by_the_clock(looking, alice):
    end_looks()
    assert acts() == [Action.LOOK]
    Impersonation.objects.update(ends_at=timezone.now() - timedelta(minutes=1))
    end_looks()
    end_looks()
    look = Impersonation.objects.get()
    assert look.ended_at == look.ends_at
    assert acts() == [Action.LOOK, Action.LOOK_END]
    looking.get("/")
    assert acts() == [Action.LOOK, Action.LOOK_END]


def test_a_stream_of_news_is_the_persons_while_the_look_lasts(looking, alice, staff):
    key = looking.session.session_key
    assert is_still_signed_in(alice, key)
    assert not is_still_signed_in(staff, key)
    looking.post(reverse(STOP))
    assert not is_still_signed_in(alice, key)
    assert is_still_signed_in(staff, looking.session.session_key)
    assert not is_still_signed_in(alice, looking.session.session_key)


def test_an_async_server_shows_the_person_too(looking, async_client, alice):
    async_client.cookies["sessionid"] = looking.session.session_key
    response = async_to_sync(async_client.get)("/gallery/")
    assert response.context["request"].user == alice
    assert async_to_sync(response.context["request"].auser)() == alice
    refused = async_to_sync(async_client.get)(reverse("admin:index"))
    assert refused.status_code == 403
    Impersonation.objects.update(ends_at=timezone.now())
    over = async_to_sync(async_client.get)("/gallery/")
    assert over.url == reverse("admin:index")


def test_a_page_without_a_session_is_nobodys(client):
    assert "Cookie" not in client.get("/healthz").headers.get("Vary", "")


def test_a_notice_of_somebody_else_is_not_found(client, alice, bob):
    notice = Notice.objects.create(user=alice, text="Hello")
    client.force_login(bob)
    address = reverse("accounts:notice-dismiss", args=[notice.pk])
    assert client.post(address).status_code == 404
    assert client.get(address).status_code == 405
    for key in (999, 10**30):
        address = reverse("accounts:notice-dismiss", args=[key])
        assert client.post(address).status_code == 404
    notice.refresh_from_db()
    assert notice.dismissed_at is None


def test_a_press_on_got_it_stays_on_the_page(client, alice):
    notice = Notice.objects.create(user=alice, text="Hello")
    client.force_login(alice)
    address = reverse("accounts:notice-dismiss", args=[notice.pk])
    page = "http://testserver/gallery/?tag=x"
    response = client.post(address, headers={"Referer": page})
    assert response.url == "/gallery/?tag=x"
    assert client.post(address).status_code == 302, "twice"
