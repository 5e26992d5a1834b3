"""The admin shows every table, and nobody's prompts."""

import uuid
from datetime import UTC, datetime, timedelta

import pytest
from allauth.account.models import EmailAddress
from allauth.mfa.models import Authenticator
from allauth.usersessions.models import UserSession
from django.apps import apps
from django.contrib import admin
from django.contrib.auth.models import Group, Permission
from django.db.models import Model
from django.urls import reverse
from django.utils import timezone

from accounts import audit, ledger, ledger_audit
from accounts.models import AuditEntry, CreditEntry, Invitation, User, Wallet
from gallery.models import Image, StoredFile, Tag
from generators.connections import set_key
from generators.models import (
    Connection,
    Generation,
    GenerationJob,
    ImageModel,
    JobEvent,
    PromptVerdict,
)
from tests import factories
from tests.gallery.making import make_image

pytestmark = pytest.mark.django_db
PROMPT = "xylophone under moonlight"
SECRETS = (PROMPT, "xylophone", "TOPSECRET", "SESSIONKEY", "KEYOFTHEBILL", "gAAAA")
TABLES = (
    User,
    Group,
    Wallet,
    CreditEntry,
    Invitation,
    EmailAddress,
    Authenticator,
    UserSession,
    Connection,
    ImageModel,
    Generation,
    GenerationJob,
    JobEvent,
    PromptVerdict,
    AuditEntry,
    Image,
    StoredFile,
    Tag,
)


@pytest.fixture
def world(alice, staff):
    """A row in every table, one of them Alice's, with words only she should see."""
    ledger.grant(ledger.wallet_of(alice), 100, reference="test")
    job = factories.make_job(alice, PROMPT)
    if not job.events.exists():
        JobEvent.objects.create(job=job, name="submitted")
    image = make_image(
        alice,
        prompt=PROMPT,
        negative_prompt=PROMPT,
        revised_prompt=PROMPT,
        parameters={"prompt": PROMPT},
        job_id=job.public_id,
    )
    Tag.objects.get_or_create(owner=alice, name="xylophone")
    Group.objects.create(name="Support")
    Invitation.objects.create(email="dora@example.org", invited_by=staff)
    EmailAddress.objects.create(user=alice, email=alice.email, primary=True)
    Authenticator.objects.create(
        user=alice, type=Authenticator.Type.TOTP, data={"secret": "TOPSECRET"}
    )
    UserSession.objects.create(
        user=alice, ip="127.0.0.1", session_key="SESSIONKEY", user_agent="x"
    )
    connection = Connection(provider="openai", label="OpenAI")
    set_key(connection, "KEYOFTHEBILL")
    connection.save()
    PromptVerdict.objects.create(
        owner=alice, action="flag", state="open", rule="moon*", prompt=PROMPT
    )
    told = {"prompt": PROMPT, "api_key": "KEYOFTHEBILL"}
    audit.record(AuditEntry.Action.CHANGE, alice, actor=staff, after=told)
    return image


@pytest.fixture
def boss(client, staff):
    """A client signed in as a superuser."""
    client.force_login(staff)
    return client


@pytest.fixture
def helper(client, db):
    """A client of staff with every right but superuser's."""
    user = User.objects.create_user("hal@example.org", "hal's password", is_staff=True)
    user.user_permissions.set(Permission.objects.all())
    client.force_login(user)
    return client


def page(model, name="changelist", *args):
    """Return the address of one of a table's pages."""
    meta = model._meta
    return reverse(f"admin:{meta.app_label}_{meta.model_name}_{name}", args=args)


def pages_of(world):
    """Yield every list and every row's page of the admin."""
    for model in admin.site._registry:
        yield page(model)
        for pk in model._default_manager.values_list("pk", flat=True):
            yield page(model, "change", pk)
            yield page(model, "history", pk)


def test_every_table_an_operator_needs_is_there():
    assert set(TABLES) <= set(admin.site._registry)


def test_every_page_opens_and_tells_no_secret(boss, world):
    seen = set()
    for address in pages_of(world):
        response = boss.get(address)
        assert response.status_code == 200, address
        html = response.content.decode()
        for secret in SECRETS:
            assert secret not in html, address
        seen.add(address)
    for model in TABLES:
        assert page(model) in seen
        assert model._default_manager.exists(), model


def test_pages_to_add_and_change_a_person_open(boss, alice):
    assert boss.get(page(User, "add")).status_code == 200
    password = reverse("admin:auth_user_password_change", args=[alice.pk])
    assert boss.get(password).status_code == 200
    assert boss.get(reverse("admin:index")).status_code == 200
    assert boss.get(reverse("admin:search"), {"s": PROMPT}).status_code == 200


@pytest.mark.parametrize("model", TABLES)
def test_any_table_can_be_searched_for_anything(boss, world, model):
    for words in ("alice", "'; --", "100%", "\x00", "é" * 300, str(uuid.uuid4())):
        response = boss.get(page(model), {"q": words})
        assert response.status_code == 200
        assert "xylophone" not in response.content.decode()


def test_prompts_cannot_be_searched_or_filtered_by(boss, world):
    for model in (Generation, GenerationJob, Image, Tag):
        html = boss.get(page(model), {"q": "xylophone"}).content.decode()
        assert world.owner.email not in html
    lookups: list[tuple[type[Model], str]] = [
        (Generation, "prompt__contains"),
        (GenerationJob, "recipe__prompt__contains"),
        (GenerationJob, "failure_detail__contains"),
        (GenerationJob, "generation__prompt__contains"),
        (Image, "prompt__startswith"),
        (Image, "parameters__contains"),
        (Image, "tags__name"),
        (Tag, "name__startswith"),
        (JobEvent, "job__generation__prompt__contains"),
        (User, "generations__prompt__contains"),
        (User, "tags__name"),
        (User, "password__startswith"),
        (PromptVerdict, "prompt__contains"),
        (PromptVerdict, "generation__prompt__contains"),
    ]
    for table, lookup in lookups:
        for words in ("xylophone", "nothing of the kind"):
            response = boss.get(page(table), {lookup: words})
            assert response.status_code in {302, 400}, lookup


def test_prompts_are_shown_where_the_operator_says_so(boss, world, settings):
    settings.STAFF_SEES_PROMPTS = True
    for row in (
        Generation.objects.get(),
        GenerationJob.objects.get(),
        world,
        Tag.objects.get(name="xylophone"),
    ):
        html = boss.get(page(type(row), "change", row.pk)).content.decode()
        assert "xylophone" in html


def test_what_a_service_said_of_a_prompt_is_shown_where_prompts_are(
    boss, world, settings
):
    GenerationJob.objects.update(failure_detail="HTTP 400: no xylophone, please")
    address = page(GenerationJob, "change", GenerationJob.objects.get().pk)
    assert "xylophone, please" not in boss.get(address).content.decode()
    settings.STAFF_SEES_PROMPTS = True
    assert "xylophone, please" in boss.get(address).content.decode()


def test_recipe_shows_its_numbers(boss, world):
    job = GenerationJob.objects.get()
    html = boss.get(page(GenerationJob, "change", job.pk)).content.decode()
    assert "&quot;width&quot;: 256" in html


@pytest.mark.parametrize(
    "model", [Wallet, CreditEntry, Generation, GenerationJob, JobEvent, Image, Tag]
)
def test_records_are_not_edited_by_hand(boss, world, model):
    row = model.objects.first()
    posts = {"status": "succeeded", "balance": "10000", "amount": "10000"}
    assert boss.post(page(model, "change", row.pk), posts).status_code == 403
    assert boss.post(page(model, "delete", row.pk), {"post": "yes"}).status_code == 403
    assert boss.get(page(model, "add")).status_code == 403
    boss.post(
        page(model),
        {"action": "delete_selected", "_selected_action": [row.pk], "post": "yes"},
    )
    fresh = model.objects.get(pk=row.pk)
    for column in ("status", "balance", "amount"):
        assert getattr(fresh, column, None) == getattr(row, column, None)


def test_job_is_canceled_through_the_job_itself(boss, world):
    job = GenerationJob.objects.get()
    data = {"action": "cancel_jobs", "_selected_action": [job.pk]}
    assert boss.post(page(GenerationJob), data).status_code == 302
    job.refresh_from_db()
    assert job.status == GenerationJob.Status.CANCELED
    assert ledger.wallet_of(job.owner).reserved == 0
    assert ledger_audit.audit() == []


def test_strangers_are_sent_to_the_sites_own_sign_in(client):
    response = client.get(reverse("admin:index"), follow=True)
    assert response.redirect_chain[-1][0].startswith(reverse("account_login"))
    assert "next=" in response.redirect_chain[-1][0]
    assert client.post(reverse("admin:login")).url.startswith(reverse("account_login"))


def test_people_who_are_not_staff_are_refused(client, alice):
    client.force_login(alice)
    assert client.get(reverse("admin:index"), follow=True).status_code == 403
    assert client.get(page(GenerationJob), follow=True).status_code == 403


def test_lockout_holds_for_staff(client, staff):
    login = reverse("account_login")
    for _ in range(5):
        client.post(login, {"login": staff.email, "password": "wrong"})
    client.post(login, {"login": staff.email, "password": "stan's password"})
    assert "_auth_user_id" not in client.session


def test_staff_must_have_a_second_factor_where_one_is_asked_for(boss, staff, settings):
    settings.STAFF_SECOND_FACTOR = True
    for address in (reverse("admin:index"), page(User), reverse("admin:jsi18n")):
        assert boss.get(address).url == reverse("mfa_index")
    Authenticator.objects.create(user=staff, type=Authenticator.Type.TOTP, data={})
    assert boss.get(reverse("admin:index")).status_code == 200


def test_policy_is_relaxed_under_admin_alone(boss):
    policy = boss.get(reverse("admin:index")).headers["Content-Security-Policy"]
    assert "script-src 'self' 'unsafe-eval'" in policy.split("; ")
    outside = boss.get(reverse("mfa_index")).headers["Content-Security-Policy"]
    assert "unsafe" not in outside


def adjust(client, wallet, **data):
    """Press the button that gives or takes credits."""
    data = {"credits": "5", "reason": "kindness", "press": str(uuid.uuid4())} | data
    address = reverse("admin:accounts_wallet_adjust_credits", args=[wallet.pk])
    assert client.get(address).status_code == 200
    return client.post(address, data)


def test_credits_are_given_and_taken_through_the_ledger(boss, alice):
    wallet = ledger.wallet_of(alice)
    assert adjust(boss, wallet).status_code == 302
    assert adjust(boss, wallet, credits="-50").status_code == 302
    wallet.refresh_from_db()
    assert wallet.balance == 55
    entry = CreditEntry.objects.latest("id")
    assert (entry.kind, entry.amount) == (CreditEntry.Kind.ADJUST, -50)
    assert entry.note == "kindness"  # the ledger outlives whoever pressed the button
    assert ledger_audit.audit() == []


def test_second_press_of_the_button_changes_nothing(boss, alice):
    wallet = ledger.wallet_of(alice)
    press = str(uuid.uuid4())
    assert [adjust(boss, wallet, press=press).status_code for _ in "ab"] == [302, 302]
    wallet.refresh_from_db()
    assert wallet.balance == 105


@pytest.mark.parametrize(
    "data",
    [
        {"credits": "-101"},
        {"credits": "0"},
        {"credits": ""},
        {"credits": "1.5"},
        {"credits": "9" * 40},
        {"credits": "\x00"},
        {"reason": ""},
        {"reason": "  "},
        {"reason": "a\x00b"},
        {"reason": "x" * 500},
        {"reason": "for alice@example.org"},
        {"press": "again"},
    ],
)
def test_credits_that_make_no_sense_are_an_error_of_the_form(boss, alice, data):
    wallet = ledger.wallet_of(alice)
    assert adjust(boss, wallet, **data).status_code == 422
    wallet.refresh_from_db()
    assert wallet.balance == 100


def test_adjusting_a_wallet_takes_the_right_to(client, alice, db):
    user = User.objects.create_user("hal@example.org", is_staff=True)
    user.user_permissions.set(Permission.objects.filter(codename="view_wallet"))
    client.force_login(user)
    wallet = ledger.wallet_of(alice)
    address = reverse("admin:accounts_wallet_adjust_credits", args=[wallet.pk])
    assert client.get(page(Wallet, "change", wallet.pk)).status_code == 200
    assert client.get(address).status_code == 403
    assert client.post(address, {"credits": "5"}).status_code == 403


def test_unknown_wallet_is_not_found(boss):
    for key in (12345, "abc", "9" * 30):
        address = reverse("admin:accounts_wallet_adjust_credits", args=[key])
        assert boss.get(address).status_code == 404


def test_new_person_by_the_admin_has_a_wallet(boss):
    response = boss.post(
        page(User, "add"),
        {
            "email": "Eve@Example.org",
            "usable_password": "true",
            "password1": "correct horse 7",
            "password2": "correct horse 7",
        },
    )
    assert response.status_code == 302
    eve = User.objects.get(email="eve@example.org")
    assert eve.check_password("correct horse 7")
    assert eve.wallet.balance == 100


def test_new_person_with_a_taken_address_is_an_error_of_the_form(boss, alice):
    data = {
        "email": "ALICE@example.org",
        "usable_password": "false",
        "password1": "",
        "password2": "",
    }
    response = boss.post(page(User, "add"), data)
    assert response.status_code == 200
    assert "already" in response.content.decode()


def test_staff_cannot_make_themselves_superusers(helper):
    user = User.objects.get(email="hal@example.org")
    helper.post(
        page(User, "change", user.pk),
        {
            "email": user.email,
            "is_active": "on",
            "is_staff": "on",
            "is_superuser": "on",
        },
    )
    user.refresh_from_db()
    assert not user.is_superuser


def test_staff_cannot_touch_a_superuser(helper, staff):
    data = {"email": "mallory@example.org", "is_active": "on"}
    assert helper.post(page(User, "change", staff.pk), data).status_code == 403
    password = reverse("admin:auth_user_password_change", args=[staff.pk])
    assert (
        helper.post(password, {"password1": "x", "password2": "x"}).status_code == 403
    )
    factor = Authenticator.objects.create(
        user=staff, type=Authenticator.Type.TOTP, data={}
    )
    deletion = page(Authenticator, "delete", factor.pk)
    assert helper.post(deletion, {"post": "yes"}).status_code == 403


@pytest.mark.parametrize("is_superuser", [False, True])
def test_staff_cannot_take_other_staff_over(helper, is_superuser):
    other = User.objects.create_user(
        "olga@example.org", "olga's password", is_staff=True, is_superuser=is_superuser
    )
    mail = EmailAddress.objects.create(user=other, email=other.email, verified=True)
    data = {"email": "mallory@example.org"}
    assert helper.post(page(User, "change", other.pk), data).status_code == 403
    password = reverse("admin:auth_user_password_change", args=[other.pk])
    new = {"password1": "correct horse 7", "password2": "correct horse 7"}
    assert helper.get(password).status_code == 403
    assert helper.post(password, new | {"usable_password": "true"}).status_code == 403
    assert helper.post(page(EmailAddress, "change", mail.pk), {}).status_code == 403
    deletion = page(EmailAddress, "delete", mail.pk)
    assert helper.post(deletion, {"post": "yes"}).status_code == 403
    other.refresh_from_db()
    assert (other.email, other.is_active) == ("olga@example.org", True)
    assert other.check_password("olga's password")


def test_staff_may_change_people_but_give_them_no_rights(helper, alice):
    group = Group.objects.create(name="Support")
    password = reverse("admin:auth_user_password_change", args=[alice.pk])
    assert helper.get(password).status_code == 200
    data = {"email": "alice@example.com", "name": "Alice", "is_active": "on"}
    rights = {"is_staff": "on", "is_superuser": "on", "groups": [group.pk]}
    rights |= {"user_permissions": [Permission.objects.first().pk]}
    response = helper.post(page(User, "change", alice.pk), data | rights)
    assert response.status_code == 302
    alice.refresh_from_db()
    assert alice.email == "alice@example.com"
    assert (alice.is_staff, alice.is_superuser) == (False, False)
    assert not alice.groups.exists()
    assert not alice.user_permissions.exists()


def test_staff_cannot_give_their_group_more_rights(helper):
    group = Group.objects.create(name="Support")
    rights = {"name": "Support", "permissions": ["1"]}
    assert helper.post(page(Group, "change", group.pk), rights).status_code == 403
    assert helper.post(page(Group, "add"), rights).status_code == 403


def test_sidebar_offers_what_one_may_look_at(client, db):
    user = User.objects.create_user("hal@example.org", is_staff=True)
    user.user_permissions.set(Permission.objects.filter(codename="view_wallet"))
    client.force_login(user)
    html = client.get(reverse("admin:index")).content.decode()
    assert page(Wallet) in html
    assert page(User) not in html


def test_when_somebody_may_see_what_is_paid_then_the_sidebar_offers_it(client, db):
    user = User.objects.create_user("hal@example.org", is_staff=True)
    names = ["view_connection", "view_generationjob"]
    user.user_permissions.set(Permission.objects.filter(codename__in=names[:1]))
    client.force_login(user)
    index, costs = reverse("admin:index"), reverse("admin-costs")
    assert costs not in client.get(index).content.decode()
    assert client.get(costs).status_code == 403
    user.user_permissions.set(Permission.objects.filter(codename__in=names))
    assert costs in client.get(index).content.decode()
    assert client.get(costs).status_code == 200


def test_when_the_policy_is_strict_then_our_own_pages_of_the_admin_keep_it(boss, world):
    connection = Connection.objects.get()
    for address in (
        page(Connection),
        page(Connection, "add"),
        page(Connection, "add") + "?provider=openai",
        page(Connection, "change", connection.pk),
        reverse("admin-costs"),
        reverse("admin-person", args=[world.owner.pk]),
        page(PromptVerdict, "change", PromptVerdict.objects.get().pk),
    ):
        response = boss.get(address)
        assert response.status_code == 200
        policy = response.headers["Content-Security-Policy"]
        assert "script-src 'self' 'unsafe-eval'" in policy.split("; ")


def test_superuser_can_take_a_lost_factor_away(boss, alice):
    factor = Authenticator.objects.create(
        user=alice, type=Authenticator.Type.TOTP, data={}
    )
    boss.post(page(Authenticator, "delete", factor.pk), {"post": "yes"})
    assert not Authenticator.objects.exists()


def test_invitation_shows_its_link(boss, staff, settings):
    settings.SITE_URL = "https://pictures.example"
    boss.post(
        page(Invitation, "add"),
        {"email": "", "expires_at_0": "2099-01-01", "expires_at_1": "12:00"},
    )
    invitation = Invitation.objects.get()
    assert invitation.invited_by == staff
    html = boss.get(page(Invitation, "change", invitation.pk)).content.decode()
    assert f"https://pictures.example/accounts/invitation/{invitation.token}/" in html


def test_invitations_say_what_became_of_them(boss, alice):
    past = timezone.now() - timedelta(days=1)
    Invitation.objects.create(expires_at=past)
    Invitation.objects.create(accepted_at=past, accepted_by=alice)
    html = boss.get(page(Invitation)).content.decode()
    assert "expired" in html
    assert "accepted" in html
    for invitation in Invitation.objects.all():
        html = boss.get(page(Invitation, "change", invitation.pk)).content.decode()
        assert "None: it is over." in html


def test_password_is_changed_where_everybody_does(boss):
    response = boss.get(reverse("admin:password_change"))
    assert response.url == reverse("account_change_password")


def test_lists_ask_the_database_a_fixed_number_of_times(
    boss, world, django_assert_max_num_queries
):
    for number in range(20):
        person = User.objects.create_user(f"p{number}@example.org")
        ledger.wallet_of(person)
        Tag.objects.create(owner=person, name="word")
    for model in (User, Wallet, CreditEntry, Tag, AuditEntry):
        with django_assert_max_num_queries(12):
            boss.get(page(model))


def test_the_admin_writes_dates_as_the_site_does_and_each_group_once(boss, alice):
    day = datetime(2026, 3, 4, 17, 5, tzinfo=UTC)
    User.objects.filter(pk=alice.pk).update(date_joined=day)
    assert "4 March 2026, 17:05" in boss.get(page(User)).content.decode()
    names = [config.verbose_name for config in apps.get_app_configs()]
    assert names.count("Accounts") == 1
