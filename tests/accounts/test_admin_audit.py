"""Whatever changes in the admin leaves an entry in the audit log, with before and after."""

import uuid
from datetime import UTC, datetime, timedelta

import pytest
from allauth.account.models import EmailAddress
from allauth.mfa.models import Authenticator
from django.contrib import admin
from django.contrib.auth.models import Group as Rights
from django.contrib.auth.models import Permission
from django.db.models.signals import pre_save
from django.test import RequestFactory
from django.urls import reverse
from django.utils import timezone

from accounts import deletions, ledger
from accounts.admin_pages import QuickAdmin
from accounts.models import (
    AuditEntry,
    Deletion,
    Group,
    Invitation,
    Offer,
    Quota,
    StripeEvent,
    User,
    Wallet,
)
from generators import prices
from generators.connections import set_key
from generators.models import (
    Connection,
    GenerationJob,
    ImageModel,
    PromptRule,
    PromptVerdict,
)
from generators.terms import Terms
from tests import factories
from tests.accounts.filled_form import filled_form

pytestmark = pytest.mark.django_db
Action = AuditEntry.Action
KEY = "sk-KEYOFTHEBILL"


@pytest.fixture
def boss(client, staff):
    """A client signed in as a superuser."""
    client.force_login(staff)
    return client


@pytest.fixture
def rows(alice):
    """A row in every table that the admin changes, by its model."""
    closed = "http://127.0.0.1:9/v1"  # where nobody answers
    connection = Connection(provider="openai", label="OpenAI", base_url=closed)
    set_key(connection, KEY)
    connection.save()
    job = factories.make_job(alice)
    return {
        User: alice,
        Rights: Rights.objects.create(name="Support"),
        Group: Group.objects.create(name="3b"),
        Quota: Quota.objects.create(user=alice, images_per_day=3),
        Invitation: Invitation.objects.create(
            email="dora@example.org",
            expires_at=datetime(2099, 1, 1, tzinfo=UTC),
        ),
        EmailAddress: EmailAddress.objects.create(user=alice, email=alice.email),
        Authenticator: Authenticator.objects.create(
            user=alice, type=Authenticator.Type.TOTP, data={"secret": "TOPSECRET"}
        ),
        Connection: connection,
        ImageModel: job.image_model,
        Offer: Offer.objects.create(
            name="Handful", credits=100, amount=500, currency="usd"
        ),
        PromptRule: PromptRule.objects.create(phrase="dragon", action="flag"),
        GenerationJob: job,
        PromptVerdict: PromptVerdict.objects.create(
            owner=alice, action="flag", state="open", rule="dragon", prompt="a dragon"
        ),
        StripeEvent: StripeEvent.objects.create(
            stripe_id="evt_1",
            type="invoice.paid",
            object_id="in_1",
            livemode=False,
            status=StripeEvent.Status.FAILED,
            happened_at=datetime(2026, 1, 1, tzinfo=UTC),
        ),
    }


CHANGES = {
    User: {"name": "Alicia"},
    Rights: {"name": "Help"},
    Group: {"name": "4b"},
    Quota: {"images_per_day": "5"},
    Invitation: {"email": "eve@example.org"},
    EmailAddress: {"verified": "on"},
    Connection: {"label": "Ours"},
    ImageModel: {"label": "Best"},
    Offer: {"order": "7"},
    PromptRule: {"phrase": "unicorn"},
}
ADDITIONS = {
    User: {
        "email": "eve@example.org",
        "usable_password": "true",
        "password1": "correct horse 7",
        "password2": "correct horse 7",
    },
    Rights: {"name": "Help"},
    Group: {"name": "4b"},
    Quota: {"images_per_month": "9"},
    Invitation: {"email": "eve@example.org"},
    Connection: {"label": "Second", "key": KEY},
    Offer: {"name": "Boxful", "credits": "500", "price": "20", "currency": "usd"},
    PromptRule: {"phrase": "unicorn", "action": "refuse"},
}
ACTIONS = {
    (GenerationJob, "cancel_jobs"): Action.CANCEL,
    (GenerationJob, "approve_jobs"): Action.APPROVE,
    (GenerationJob, "decline_jobs"): Action.DECLINE,
    (Connection, "try_again"): Action.TRY,
    (PromptVerdict, "dismiss_selected"): Action.DISMISS,
    (StripeEvent, "handle_again"): Action.TRY,
    (StripeEvent, "ignore"): Action.DISMISS,
}
ACTIONS_OF_THEIR_OWN = {(Deletion, "keep_accounts"), (ImageModel, "new_prices")}
"""Tested below, and in test_admin_prices."""


def request_of(user):
    request = RequestFactory().get("/")
    request.user = user
    return request


def tables_that(right, user):
    """Return the models whose rows a superuser may add, change or delete."""
    return {
        model
        for model, page in admin.site._registry.items()
        if getattr(page, f"has_{right}_permission")(request_of(user))
    }


def label(model):
    return model._meta.label


def page(model, name="changelist", *args):
    meta = model._meta
    return reverse(f"admin:{meta.app_label}_{meta.model_name}_{name}", args=args)


def send(client, address, model, data):
    """Open a form, type something and press Save."""
    opened = client.get(address)
    assert opened.status_code == 200, address
    typed = filled_form(opened.content.decode(), f"{model._meta.model_name}_form")
    assert typed, address
    response = client.post(address, typed | data)
    errors = response.context and response.context.get("errors")
    assert response.status_code == 302, (address, errors)


def test_every_table_of_the_admin_writes_the_log(staff):
    assert all(isinstance(page, QuickAdmin) for page in admin.site._registry.values())
    assert tables_that("change", staff) == set(CHANGES)
    assert tables_that("add", staff) == {*ADDITIONS, Deletion}


def test_every_action_of_the_admin_is_known_to_these_tests(staff):
    found = {
        (model, name)
        for model, page in admin.site._registry.items()
        for name in page.get_actions(request_of(staff))
        if name != "delete_selected"
    }
    assert found == set(ACTIONS) | ACTIONS_OF_THEIR_OWN


@pytest.mark.parametrize("model", CHANGES, ids=label)
def test_when_a_row_is_changed_then_the_log_has_both_values(boss, staff, rows, model):
    row = rows[model]
    [column] = CHANGES[model]
    before = getattr(row, column)
    send(boss, page(model, "change", row.pk), model, CHANGES[model])
    entry = AuditEntry.objects.get()
    assert (entry.action, entry.actor, entry.actor_name) == (
        Action.CHANGE,
        staff,
        staff.email,
    )
    assert (entry.target_type, entry.target_pk) == (
        model._meta.label_lower,
        str(row.pk),
    )
    row.refresh_from_db()
    assert (entry.before[column], entry.after[column]) == (before, getattr(row, column))
    assert entry.before[column] != entry.after[column]


@pytest.mark.parametrize("model", CHANGES, ids=label)
def test_when_nothing_was_changed_then_the_log_stays_quiet(boss, rows, model):
    send(boss, page(model, "change", rows[model].pk), model, {})
    if model is Connection:  # its key is encrypted anew, which is a change
        assert set(AuditEntry.objects.get().after) == {"encrypted_key"}
    else:
        assert not AuditEntry.objects.exists()


@pytest.mark.parametrize("model", ADDITIONS, ids=label)
def test_when_a_row_is_added_then_the_log_has_what_was_in_it(boss, staff, model):
    query = "?provider=openai" if model is Connection else ""
    send(boss, page(model, "add") + query, model, ADDITIONS[model])
    entry = AuditEntry.objects.get()
    row = model._default_manager.latest("pk")
    assert (entry.action, entry.actor) == (Action.ADD, staff)
    assert (entry.target_type, entry.target_pk) == (
        model._meta.label_lower,
        str(row.pk),
    )
    column = next(iter(ADDITIONS[model]))
    assert str(entry.after[column]) == ADDITIONS[model][column]
    assert entry.before == {}


@pytest.mark.parametrize("one_by_one", [True, False])
@pytest.mark.parametrize("model", [*CHANGES, Authenticator], ids=label)
def test_when_a_row_is_deleted_then_the_log_has_what_was_in_it(
    boss, staff, rows, model, one_by_one
):
    row = rows[model]
    key = str(row.pk)
    if one_by_one:
        response = boss.post(page(model, "delete", key), {"post": "yes"})
    else:
        chosen = {"action": "delete_selected", "_selected_action": [key], "post": "yes"}
        response = boss.post(page(model), chosen)
    if model._default_manager.filter(pk=key).exists():
        refused = admin.site._registry[model].has_delete_permission
        assert response.status_code == 403 or not refused(request_of(staff))
        assert not AuditEntry.objects.exists()
        return
    entry = AuditEntry.objects.get()
    assert (entry.action, entry.actor) == (Action.DELETE, staff)
    assert (entry.target_type, entry.target_pk) == (model._meta.label_lower, key)
    assert entry.before
    assert entry.after == {}


@pytest.mark.parametrize("model", [ImageModel, PromptRule], ids=label)
def test_when_a_list_is_edited_then_only_what_changed_is_in_the_log(boss, rows, model):
    row = rows[model]
    address = f"{page(model)}?q={getattr(row, 'slug', '')}"
    typed = filled_form(boss.get(address).content.decode(), "changelist-form")
    number = next(n for n in range(99) if typed.get(f"form-{n}-id") == [str(row.pk)])
    typed.pop(f"form-{number}-enabled")
    assert boss.post(address, typed | {"_save": "Save"}).status_code == 302
    entry = AuditEntry.objects.get()
    assert (entry.action, entry.target_pk) == (Action.CHANGE, str(row.pk))
    assert (entry.before, entry.after) == ({"enabled": True}, {"enabled": False})


def test_rows_below_another_are_in_its_entry(boss, rows):
    model = rows[ImageModel]
    model.aliases.all().delete()
    kept = model.aliases.create(name="old name")
    lost = model.aliases.create(name="lost name")
    address = page(ImageModel, "change", model.pk)
    typed = filled_form(boss.get(address).content.decode(), "imagemodel_form")
    of = {typed[f"aliases-{n}-id"][0]: n for n in range(2)}
    typed[f"aliases-{of[str(kept.pk)]}-name"] = ["new name"]
    typed[f"aliases-{of[str(lost.pk)]}-DELETE"] = ["on"]
    typed |= {"aliases-TOTAL_FORMS": ["3"], "aliases-2-name": ["third name"]}
    assert boss.post(address, typed).status_code == 302
    third = model.aliases.get(name="third name")
    entry = AuditEntry.objects.get()
    name = "image model alias"
    assert entry.before[f"{name} {kept.pk}"] == {"name": "old name"}
    assert entry.after[f"{name} {kept.pk}"] == {"name": "new name"}
    assert entry.before[f"{name} {lost.pk}"]["name"] == "lost name"
    assert f"{name} {lost.pk}" not in entry.after
    assert entry.after[f"{name} {third.pk}"]["name"] == "third name"


def act_on(client, row, action, **data):
    """Choose a row in its list and run an action."""
    chosen = {"action": action, "_selected_action": [row.pk], "index": "0", **data}
    return client.post(page(type(row)), chosen)


@pytest.mark.parametrize(("model", "name"), ACTIONS, ids=str)
def test_every_action_leaves_an_entry(boss, staff, rows, alice, model, name):
    row = rows[model]
    if name in {"approve_jobs", "decline_jobs"}:
        Quota.objects.update(ask_above=0)
        row = factories.make_job(alice)
    assert act_on(boss, row, name, reason="because").status_code == 302
    entry = AuditEntry.objects.get()
    assert (entry.action, entry.actor) == (ACTIONS[model, name], staff)
    assert (entry.target_type, entry.target_pk) == (
        model._meta.label_lower,
        str(row.pk),
    )
    act_on(boss, row, name, reason="because")
    assert AuditEntry.objects.count() == (2 if name == "try_again" else 1), "once"


def test_a_deletion_that_is_asked_for_and_taken_back_leaves_entries(boss, staff, alice):
    asked = {"user": str(alice.pk), "reason": "They wrote to us."}
    send(boss, page(Deletion, "add"), Deletion, asked)
    added = AuditEntry.objects.get()
    assert (added.action, added.actor, added.person) == (Action.ADD, staff, alice)
    act_on(boss, Deletion.objects.get(), "keep_accounts")
    kept = AuditEntry.objects.latest("pk")
    assert (kept.action, kept.person) == (Action.CHANGE, alice)
    assert kept.reason == "Kept after all."


@pytest.fixture
def full_log():
    """Let nothing more be written into the audit log."""

    class Full(Exception):
        """There is no room."""

    def refuse(**_):
        raise Full

    pre_save.connect(refuse, sender=AuditEntry)
    yield Full
    pre_save.disconnect(refuse, sender=AuditEntry)


def test_when_the_log_takes_nothing_then_no_account_is_kept(boss, staff, full_log, bob):
    deletions.ask(bob, by=staff)
    with pytest.raises(full_log):
        act_on(boss, Deletion.objects.get(), "keep_accounts")
    bob.refresh_from_db()
    assert bob.deletion_due_at is not None
    assert Deletion.objects.exists()


def test_when_the_log_takes_nothing_then_no_price_changes(boss, rows, full_log):
    row = rows[ImageModel]
    moment = timezone.now() + timedelta(days=2)
    later = prices.add(row, Terms(credits=9), valid_from=moment)
    typed = {"credits": "7", "rules": "", "costs": "", "valid_from": "", "note": ""}
    with pytest.raises(full_log):
        boss.post(page(ImageModel, "new_price", row.pk), typed)
    assert row.prices.latest("valid_from") == later
    assert row.prices.count() == 2
    with pytest.raises(full_log):
        boss.post(page(ImageModel, "withdraw_price", row.pk, later.pk))
    assert row.prices.count() == 2


def test_a_declined_job_says_how_it_stood(boss, rows, alice):
    Quota.objects.update(ask_above=0)
    job = factories.make_job(alice)
    act_on(boss, job, "decline_jobs")
    entry = AuditEntry.objects.get()
    assert (entry.before["status"], entry.after["status"]) == ("queued", "failed")
    assert entry.person_id == alice.pk


def test_a_connection_that_is_tried_on_its_page_leaves_an_entry(boss, rows):
    row = rows[Connection]
    boss.post(page(Connection, "try_again", row.pk))
    entry = AuditEntry.objects.get()
    assert entry.action == Action.TRY
    assert entry.after["check_passed"] is False


def test_credits_by_hand_are_in_the_log_with_the_balance(boss, staff, alice):
    wallet = ledger.wallet_of(alice)
    data = {"credits": "5", "reason": "kindness", "press": str(uuid.uuid4())}
    address = page(Wallet, "adjust_credits", wallet.pk)
    assert boss.post(address, data).status_code == 302
    entry = AuditEntry.objects.get()
    assert (entry.action, entry.actor, entry.reason) == (
        Action.CREDITS,
        staff,
        "kindness",
    )
    assert (entry.before, entry.after) == ({"balance": 100}, {"balance": 105})
    assert entry.person_id == alice.pk
    boss.post(address, data)
    boss.post(address, data | {"press": str(uuid.uuid4()), "credits": "-999"})
    assert AuditEntry.objects.count() == 1, "what changes nothing leaves nothing"


def test_a_password_set_by_an_admin_is_in_the_log_and_not_the_password(boss, alice):
    password = {"password1": "correct horse 7", "password2": "correct horse 7"}
    address = reverse("admin:auth_user_password_change", args=[alice.pk])
    boss.post(address, password | {"usable_password": "true"})
    entry = AuditEntry.objects.get()
    alice.refresh_from_db()
    assert alice.check_password("correct horse 7")
    assert (entry.before, entry.after) == (
        {"password": "(secret)"},
        {"password": "(secret)"},
    )
    assert entry.person_id == alice.pk


def test_rights_are_told_by_name(boss, rows, alice):
    rights = rows[Rights]
    right = Permission.objects.get(codename="view_wallet")
    send(boss, page(Rights, "change", rights.pk), Rights, {"permissions": [right.pk]})
    assert AuditEntry.objects.latest("pk").after == {"permissions": [str(right)]}
    data = {"groups": [rights.pk], "is_staff": "on", "group": rows[Group].pk}
    send(boss, page(User, "change", alice.pk), User, data)
    entry = AuditEntry.objects.latest("pk")
    assert entry.before == {"groups": [], "is_staff": False, "group": None}
    assert entry.after == {"groups": ["Support"], "is_staff": True, "group": "3b"}


def test_no_secret_lands_in_the_log(boss, rows, alice):
    for model, data in ADDITIONS.items():
        query = "?provider=openai" if model is Connection else ""
        send(boss, page(model, "add") + query, model, data)
    row = rows[Connection]
    address = page(Connection, "change", row.pk)
    send(boss, address, Connection, {"key": "sk-ANOTHERKEY"})
    boss.post(page(Authenticator, "delete", rows[Authenticator].pk), {"post": "yes"})
    row.refresh_from_db()
    written = str(list(AuditEntry.objects.values()))
    invitation = Invitation.objects.latest("pk")
    for secret in (
        "KEY",
        "gAAAA",
        row.encrypted_key,
        "TOPSECRET",
        "correct horse",
        "md5$",
        invitation.token,
    ):
        assert secret not in written.replace("encrypted_key", ""), secret


@pytest.mark.parametrize("is_remembered", [True, False])
def test_words_of_our_own_pages_are_always_kept(rf, staff, rows, is_remembered):
    page = admin.site.get_model_admin(GenerationJob)
    request = rf.post("/")
    request.user = staff
    job = rows[GenerationJob]
    if is_remembered:
        job = page.get_object(request, str(job.pk))
    page.log_change(request, job, "Canceled, from the dashboard")
    entry = AuditEntry.objects.get()
    assert (entry.action, entry.reason) == (
        Action.CHANGE,
        "Canceled, from the dashboard",
    )
    assert (entry.before, entry.after) == ({}, {})


def test_what_goes_with_a_row_is_counted_in_its_entry(boss, rows):
    group = rows[Group]
    Quota.objects.create(group=group, images_per_day=1)
    PromptRule.objects.create(phrase="troll", group=group)
    boss.post(page(Group, "delete", group.pk), {"post": "yes"})
    entry = AuditEntry.objects.get()
    assert sorted(entry.before["with it"]) == ["1 prompt rules", "1 quotas"]


def test_when_the_change_fails_then_there_is_no_entry(boss, rows, alice):
    User.objects.create_user("taken@example.org")
    address = page(User, "change", alice.pk)
    typed = filled_form(boss.get(address).content.decode(), "user_form")
    boss.post(address, typed | {"email": "taken@example.org"})
    assert not AuditEntry.objects.exists()
