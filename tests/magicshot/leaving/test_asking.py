"""Asking to leave: the page, the bar, the mail, the refusals; and the admin who asks."""

import html
import smtplib
from datetime import timedelta

import pytest
import time_machine
from django.apps import apps
from django.contrib.auth.models import Permission
from django.core import checks, mail
from django.test import Client
from django.urls import reverse
from django.utils import timezone

from accounts import deletions, ledger, monthly_credits
from accounts.models import CreditEntry, Deletion, Quota, User
from accounts.quotas import rules_of
from generators.models import GenerationJob
from generators.refusals import AccountLeaves
from magicshot.leaving import tasks
from tests import factories
from tests.gallery.making import make_image

pytestmark = pytest.mark.django_db
PAGE = reverse("leaving:your-data")
DELETE = reverse("leaving:account-delete")
KEEP = reverse("leaving:account-keep")
ADD = reverse("admin:accounts_deletion_add")
LIST = reverse("admin:accounts_deletion_changelist")
ALICE = "alice@example.org"
MONTHLY = 30


def text_of(response):
    return html.unescape(response.content.decode())


def due_at(user):
    user.refresh_from_db()
    return user.deletion_due_at


def in_days(days):
    return time_machine.travel(timezone.now() + timedelta(days=days))


def test_the_page_takes_a_fresh_proof(client, alice):
    client.force_login(alice)
    for answer in (client.get(DELETE), client.post(DELETE, {"email": ALICE})):
        assert answer.url.startswith(reverse("account_reauthenticate"))
    assert due_at(alice) is None


def test_the_page_says_what_goes_and_what_stays(fresh, alice):
    make_image(alice)
    shown = text_of(fresh.get(DELETE))
    assert "1 picture with the trash" in shown
    assert "What is left of your 100 credits is gone" in shown
    assert "In 14 days" in shown
    assert "Stays, without a name" in shown


@pytest.mark.parametrize(
    "email", ["", "bob@example.org", "alice", "\x00", "x" * 5000, "alice@example.org."]
)
def test_another_address_deletes_nothing(fresh, alice, email):
    answer = fresh.post(DELETE, {"email": email})
    assert answer.status_code == 422
    assert "errorlist" in text_of(answer)
    assert due_at(alice) is None


@pytest.mark.parametrize("email", [ALICE, f" {ALICE.upper()} "])
def test_the_address_sets_the_day(fresh, alice, email, settings):
    settings.DELETION_DAYS = 3
    assert fresh.post(DELETE, {"email": email}).url == PAGE
    expected = timezone.now() + timedelta(days=3)
    assert abs(due_at(alice) - expected) < timedelta(minutes=1)
    row = Deletion.objects.get()
    assert (row.user, row.requested_by) == (alice, alice)
    first = due_at(alice)
    assert fresh.get(DELETE).url == PAGE
    assert fresh.post(DELETE, {"email": ALICE}).url == PAGE
    assert due_at(alice) == first


def test_every_page_says_so_until_it_is_kept(fresh, alice):
    fresh.post(DELETE, {"email": ALICE})
    day = f"{due_at(alice):%-d}"
    for address in ("/", PAGE, reverse("gallery:gallery-list"), reverse("mfa_index")):
        shown = text_of(fresh.get(address))
        assert "Your account will be deleted on" in shown
        assert day in shown
        assert f'action="{KEEP}"' in shown
    kept = fresh.post(KEEP, follow=True)
    assert "Your account stays" in text_of(kept)
    assert due_at(alice) is None
    assert "will be deleted" not in text_of(fresh.get("/"))
    assert fresh.post(KEEP).url == PAGE


def test_strangers_keep_nothing(alice):
    deletions.ask(alice, by=alice)
    assert Client().post(KEEP).url.startswith(reverse("account_login"))
    assert due_at(alice) is not None


def test_nothing_new_is_drawn_meanwhile_and_nothing_charged(fresh, alice):
    going = factories.make_job(alice)
    fresh.post(DELETE, {"email": ALICE})
    entries = CreditEntry.objects.count()
    answer = fresh.post(
        reverse("generators:generation-create"),
        {"prompt": "an apple", "image_model": factories.PAID, "num_images": "1"},
        headers={"HX-Request": "true"},
    )
    assert answer.status_code == 422
    assert "Your account will be deleted on" in text_of(answer)
    alice.refresh_from_db()
    with pytest.raises(AccountLeaves, match="Press “Keep it”"):
        factories.submit(alice)
    assert CreditEntry.objects.count() == entries
    assert GenerationJob.objects.get() == going
    fresh.post(KEEP)
    alice.refresh_from_db()
    factories.submit(alice)


def test_the_only_superuser_is_told_why_not(client, staff):
    client.post(
        reverse("account_login"),
        {"login": "stan@example.org", "password": "stan's password"},
    )
    client.post(reverse("account_reauthenticate"), {"password": "stan's password"})
    assert "only superuser" in text_of(client.get(DELETE))
    answer = client.post(DELETE, {"email": "stan@example.org"})
    assert answer.status_code == 422
    assert "only superuser" in text_of(answer)
    assert due_at(staff) is None


# Mail


@pytest.mark.usefixtures("_mail")
def test_mail_is_sent_at_the_press_and_a_day_before(
    fresh, alice, django_capture_on_commit_callbacks
):
    mail.outbox.clear()
    with django_capture_on_commit_callbacks(execute=True):
        fresh.post(DELETE, {"email": ALICE})
    (asked,) = mail.outbox
    assert asked.to == [ALICE]
    assert f"{due_at(alice):%-d %B %Y}" in asked.subject
    assert "Keep it" in asked.body
    assert "http://localhost:8000" in asked.body
    mail.outbox.clear()
    with in_days(12.9):
        deletions.warn()
    assert mail.outbox == []
    with in_days(13.1):
        deletions.warn()
        deletions.warn()
    (soon,) = mail.outbox
    assert "tomorrow" in soon.subject


def test_without_mail_none_is_sent(alice, django_capture_on_commit_callbacks):
    with django_capture_on_commit_callbacks(execute=True):
        deletions.ask(alice, by=alice)
    with in_days(13.5):
        deletions.warn()
    assert mail.outbox == []


@pytest.mark.usefixtures("_mail")
def test_mail_that_cannot_be_sent_stops_nothing_and_leaves_no_address_in_the_log(
    alice, settings, caplog, django_capture_on_commit_callbacks
):
    settings.EMAIL_BACKEND = f"{__name__}.Refusing"
    with django_capture_on_commit_callbacks(execute=True):
        deletions.ask(alice, by=alice)
    assert due_at(alice) is not None
    with in_days(13.5):
        deletions.warn()
    assert "got no mail: SMTPRecipientsRefused" in caplog.text
    assert ALICE not in caplog.text
    settings.EMAIL_BACKEND = "django.core.mail.backends.locmem.EmailBackend"
    with in_days(13.6):
        deletions.warn()
    assert len(mail.outbox) == 1


class Refusing:
    """A mail server that takes nothing."""

    def __init__(self, **_):
        pass

    def send_messages(self, messages):
        refused = {to: (550, b"no") for message in messages for to in message.to}
        raise smtplib.SMTPRecipientsRefused(refused)


# The admin


@pytest.fixture
def boss(client, staff):
    client.force_login(staff)
    return client


def helper(*codenames):
    """A client of staff with some rights."""
    user = User.objects.create_user("hal@example.org", is_staff=True)
    user.user_permissions.set(Permission.objects.filter(codename__in=codenames))
    client = Client()
    client.force_login(user)
    return client


def test_an_admin_asks_with_a_reason_and_takes_it_back(boss, alice, staff):
    person = boss.get(reverse("admin:accounts_user_change", args=[alice.pk]))
    assert f"{ADD}?user={alice.pk}" in text_of(person)
    assert boss.get(f"{ADD}?user={alice.pk}").status_code == 200
    for data in ({"user": alice.pk}, {"reason": "x"}, {"user": "0", "reason": "x"}):
        assert boss.post(ADD, data).status_code == 200
    assert due_at(alice) is None
    answer = boss.post(ADD, {"user": alice.pk, "reason": "Asked by letter"})
    assert answer.status_code == 302
    row = Deletion.objects.get()
    assert (row.reason, row.requested_by) == ("Asked by letter", staff)
    assert due_at(alice) is not None
    shown = reverse("admin:accounts_deletion_change", args=[row.pk])
    assert "Asked by letter" in text_of(boss.get(shown))
    again = boss.post(ADD, {"user": alice.pk, "reason": "Again"})
    assert "to be deleted already" in text_of(again)
    keep = {"action": "keep_accounts", "_selected_action": [row.pk]}
    assert boss.post(LIST, keep).status_code == 302
    assert due_at(alice) is None
    assert not Deletion.objects.exists()


def test_an_admin_cannot_ask_for_the_only_superuser(boss, staff):
    answer = boss.post(ADD, {"user": staff.pk, "reason": "x"})
    assert "only superuser" in text_of(answer)
    assert due_at(staff) is None


def test_it_takes_the_right_to_delete_people(alice):
    weak = helper("view_user", "view_deletion", "add_deletion")
    assert weak.get(LIST).status_code == 200
    assert weak.get(ADD).status_code == 403
    assert weak.post(ADD, {"user": alice.pk, "reason": "x"}).status_code == 403
    assert due_at(alice) is None


def test_staff_are_deleted_and_kept_by_superusers_alone(alice, staff, boss):
    User.objects.create_superuser("tess@example.org")
    strong = helper("view_user", "view_deletion", "delete_user")
    answer = strong.post(ADD, {"user": staff.pk, "reason": "x"})
    assert answer.status_code == 200
    assert due_at(staff) is None
    assert strong.post(ADD, {"user": alice.pk, "reason": "x"}).status_code == 302
    assert due_at(alice) is not None
    assert boss.post(ADD, {"user": staff.pk, "reason": "x"}).status_code == 302
    row = Deletion.objects.get(user=staff)
    keep = {"action": "keep_accounts", "_selected_action": [row.pk]}
    assert strong.post(LIST, keep).status_code == 302
    assert due_at(staff) is not None


# Free credits of months, notes of old, settings


@pytest.mark.django_db(transaction=True)
def test_free_credits_of_a_month_come_once_however_often_one_leaves(alice):
    Quota.objects.create(monthly_credits=MONTHLY)
    with time_machine.travel("2026-11-10T12:00:00Z") as clock:
        monthly_credits.renew(alice, rules_of(alice))
        assert ledger.wallet_of(alice).balance == 100 + MONTHLY
        deletions.ask(alice, by=alice)
        clock.shift(timedelta(days=15))
        tasks.delete_due_accounts()
        again = User.objects.create_user(ALICE)
        monthly_credits.renew(again, rules_of(again))
        assert ledger.wallet_of(again).balance == 0
        clock.shift(timedelta(days=10))
        monthly_credits.renew(again, rules_of(again))
        assert ledger.wallet_of(again).balance == MONTHLY


@pytest.mark.parametrize(
    ("days", "is_wrong"), [(0, True), (-3, True), (10**9, True), (1, False)]
)
def test_a_way_out_without_a_pause_is_found_by_the_checks(settings, days, is_wrong):
    settings.DELETION_DAYS = days
    configs = [apps.get_app_config("accounts")]
    found = {each.id for each in checks.run_checks(app_configs=configs)}
    assert ("accounts.E003" in found) is is_wrong
