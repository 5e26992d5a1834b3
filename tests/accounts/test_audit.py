"""The audit log is only added to, keeps no secret, and forgets those who leave."""

import psycopg
import pytest
from django.contrib.auth.models import Permission
from django.db import connection
from django.urls import reverse
from django.utils import timezone
from psycopg.sql import SQL, Identifier
from psycopg.types.json import Json

from accounts import audit, ledger
from accounts.admin_tables import moment
from accounts.models import AppendOnly, AuditEntry, Invitation, Quota, User
from accounts.models.audit import FORGOTTEN
from generators.models import PromptVerdict
from tests.accounts.test_ledger_concurrency import (
    environment_for,
    manage,
    own_database,
)

pytestmark = pytest.mark.django_db
Action = AuditEntry.Action
LIST = "admin:accounts_auditentry_changelist"


@pytest.fixture
def entry(alice, staff):
    """Stan renamed Alice."""
    before, after = {"name": "Al"}, {"name": "Alice"}
    return audit.record(
        Action.CHANGE, alice, actor=staff, before=before, after=after, reason="asked"
    )


def test_an_entry_is_never_changed_or_deleted(entry):
    entry.reason = "another"
    with pytest.raises(AppendOnly):
        entry.save()
    with pytest.raises(AppendOnly):
        entry.delete()
    with pytest.raises(AppendOnly):
        AuditEntry.objects.update(reason="another")
    with pytest.raises(AppendOnly):
        AuditEntry.objects.all().delete()
    entry.refresh_from_db()
    assert entry.reason == "asked"
    with pytest.raises(AppendOnly):
        AuditEntry.objects.bulk_update([entry], ["reason"])


def test_an_entry_says_who_did_what_to_whom(entry, alice, staff):
    entry.refresh_from_db()
    assert (entry.actor, entry.actor_name) == (staff, "stan@example.org")
    assert (entry.target_type, entry.target_pk) == ("accounts.user", str(alice.pk))
    assert entry.target_text == "alice@example.org"
    assert entry.person == alice
    assert str(entry) == "stan@example.org changed alice@example.org"


def test_without_an_actor_it_was_the_site(alice):
    entry = audit.record(Action.PURCHASE, ledger.wallet_of(alice), after={"credits": 5})
    assert (entry.actor, entry.actor_name) == (None, "the site")
    assert entry.person_id == alice.pk, "the owner of the row"


@pytest.mark.parametrize(
    "column",
    ["password", "encrypted_key", "api_key", "client_secret", "token", "data", "keys"],
)
def test_a_secret_is_not_kept_whoever_hands_it_in(alice, column):
    told = {column: "TOPSECRET", "more": {column: ["TOPSECRET"]}}
    entry = audit.record(Action.CHANGE, alice, before={column: ""}, after=told)
    entry.refresh_from_db()
    assert entry.before == {column: ""}
    assert entry.after == {column: "(secret)", "more": {column: "(secret)"}}


def test_what_somebody_asked_for_is_not_kept(alice):
    told = {"prompt": "a dragon", "recipe": {"prompt": "a dragon"}, "tags": ["dragon"]}
    verdict = PromptVerdict(
        pk=1, owner=alice, action="flag", rule="d*", prompt="a dragon"
    )
    entry = audit.record(Action.CHANGE, verdict, after=told)
    assert "dragon" not in str(AuditEntry.objects.filter(pk=entry.pk).values())
    assert set(entry.after.values()) == {"(not kept)"}
    assert entry.person_id == alice.pk


def test_texts_and_lists_without_end_are_cut(alice):
    told = {
        "note": "x" * 9999,
        "costs": [{"usd": n} for n in range(999)],
        "zero": "a\0b",
    }
    entry = audit.record(Action.CHANGE, alice, after=told, reason="y" * 9999)
    entry.refresh_from_db()
    assert len(entry.after["note"]) == 500
    assert len(entry.after["costs"]) == 2000
    assert entry.after["zero"] == "ab"
    assert len(entry.reason) == 500


def test_values_of_any_kind_are_kept_as_json(alice):
    now = timezone.now()
    told = {"when": now, "on": True, "number": 5, "none": None, "model": alice}
    entry = audit.record(Action.CHANGE, alice, after=told)
    entry.refresh_from_db()
    assert entry.after["when"].startswith(now.strftime("%Y-%m-%dT%H:%M"))
    assert entry.after["on"] is True
    assert entry.after["number"] == 5
    assert entry.after["none"] is None
    assert entry.after["model"] == "alice@example.org"


def test_entries_outlive_accounts_and_forget_whose_they_were(entry, alice, staff, bob):
    wallet = ledger.wallet_of(alice)
    figures = {"balance": 5}
    money = audit.record(
        Action.CREDITS, wallet, actor=staff, after=figures, reason="for Alice"
    )
    of_bob = audit.record(Action.CHANGE, bob, actor=alice, after={"name": "Bob"})
    invited = audit.record(
        Action.ADD,
        Invitation(pk=1, email="al@example.com"),
        actor=staff,
        after={"email": "AL@example.com"},
    )
    of_carl = audit.record(
        Action.CHANGE, bob, actor=staff, after={"name": "hal@example.com"}
    )
    for _ in "ab":
        audit.forget(alice, ["al@example.com"])
    key = alice.pk
    alice.delete()
    for each in (entry, money, of_bob, invited, of_carl):
        each.refresh_from_db()
    assert (entry.target_text, entry.reason) == (FORGOTTEN, "")
    assert (entry.before, entry.after) == ({}, {})
    assert entry.actor_name == "stan@example.org"
    assert (money.target_text, money.reason) == (FORGOTTEN, "")
    assert money.after == figures, "the books need them"
    assert of_bob.actor_name == FORGOTTEN
    assert of_bob.after == {"name": "Bob"}
    assert {entry.person_id, money.person_id, of_bob.actor_id} == {key}
    assert (invited.target_text, invited.after) == (FORGOTTEN, {})
    assert of_carl.after == {"name": "hal@example.com"}, "somebody else's address"
    assert "alice@" not in str(list(AuditEntry.objects.values())).lower()


@pytest.mark.services
def test_postgresql_refuses_to_change_an_entry_and_lets_names_be_struck_out(tmp_path):
    make = (
        "from accounts import audit; from accounts.models import User, AuditEntry;"
        "user = User.objects.create_user('ann@example.org');"
        "audit.record(AuditEntry.Action.CHANGE, user, actor=user, reason='asked',"
        " before={'name': 'A'}, after={'name': 'Ann'})"
    )
    forget = (
        "from accounts import audit; from accounts.models import User;"
        "audit.forget(User.objects.get(), ['ann@example.com'])"
    )
    with own_database() as url:
        environment = environment_for(tmp_path, DATABASE_URL=url)
        manage(environment, "migrate", "accounts", "-v0")
        manage(environment, "shell", "-v0", "-c", make)
        with psycopg.connect(url, autocommit=True) as server:
            for column, value in (
                ("reason", "another"),
                ("actor_name", "bob@example.org"),
                ("target_text", "bob@example.org"),
                ("actor_id", None),
                ("person_id", 2),
                ("action", "delete"),
                ("target_pk", "2"),
                ("created_at", timezone.now()),
                ("after", Json({"name": "Bob"})),
                ("before", Json([])),
            ):
                update = SQL("UPDATE accounts_auditentry SET {} = %s")
                statement = update.format(Identifier(column))
                with pytest.raises(psycopg.errors.RaiseException, match="never"):
                    server.execute(statement, [value])
            with pytest.raises(psycopg.errors.RaiseException, match="never"):
                server.execute("DELETE FROM accounts_auditentry")
            manage(environment, "shell", "-v0", "-c", forget)
            struck = server.execute(
                "SELECT actor_name, target_text, reason, before, after"
                " FROM accounts_auditentry"
            )
            assert struck.fetchone() == (FORGOTTEN, FORGOTTEN, "", {}, {})


@pytest.fixture
def boss(client, staff):
    """A client signed in as a superuser."""
    client.force_login(staff)
    return client


def rows_of(response):
    return list(response.context["cl"].result_list)


def test_the_list_shows_what_changed_readably(boss, entry):
    html = boss.get(reverse(LIST)).content.decode()
    assert "name: Al → Alice" in html
    assert "asked" in html
    assert "changed" in html
    when = f'<span class="whitespace-nowrap">{moment(entry.created_at)}</span>'
    assert when in html
    page = reverse("admin:accounts_auditentry_change", args=[entry.pk])
    assert "name: Al → Alice" in boss.get(page).content.decode()


def test_the_list_is_filtered_by_who_what_and_which(boss, entry, alice, staff):
    quota = Quota.objects.create(user=alice)
    other = audit.record(Action.DELETE, quota, after={"name": "x"})
    for query, found in (
        ({"by": str(staff.pk)}, [entry]),
        ({"by": "site"}, [other]),
        ({"of": "accounts.quota"}, [other]),
        ({"action__exact": "change"}, [entry]),
        ({"q": "ali"}, [other, entry]),
        ({"q": "stan"}, [entry]),
        ({"q": "nobody"}, []),
        ({"person__id__exact": str(alice.pk)}, [other, entry]),
        ({"target_type": "accounts.user", "target_pk": str(alice.pk)}, [entry]),
    ):
        assert rows_of(boss.get(reverse(LIST), query)) == found, query


@pytest.mark.parametrize(
    "query",
    [
        {"by": "9" * 40},
        {"by": "\0"},
        {"of": "no.such"},
        {"q": "\0"},
        {"q": "%" * 400},
        {"action__exact": "x"},
        {"p": "99999999"},
        {"person__id__exact": "9" * 40},
    ],
)
def test_no_address_of_the_list_breaks_it(boss, entry, query):
    assert boss.get(reverse(LIST), query).status_code in {200, 302}


def test_the_list_counts_nothing_and_asks_a_fixed_number_of_times(
    boss, alice, staff, django_assert_max_num_queries
):
    for _ in range(30):
        audit.record(Action.CHANGE, alice, actor=staff, after={"name": "x"})
    with django_assert_max_num_queries(8) as captured:
        boss.get(reverse(LIST))
    asked = [query["sql"] for query in captured if "auditentry" in query["sql"]]
    assert asked
    assert not [sql for sql in asked if "COUNT(" in sql]


@pytest.mark.parametrize(
    ("query", "index"),
    [
        ({"actor": 1}, "audit_by_actor"),
        ({"person": 1}, "audit_about_person"),
        ({"action": "change"}, "audit_of_action"),
        ({"target_type": "accounts.user"}, "audit_of_type"),
        ({"target_type": "accounts.user", "target_pk": "1"}, "audit_of_target"),
    ],
)
def test_every_filter_of_the_list_is_a_walk_on_an_index(db, query, index):
    if connection.vendor != "sqlite":
        pytest.skip("PostgreSQL's plan depends on what is in the table")
    plan = AuditEntry.objects.filter(**query).order_by("-id")[:50].explain()
    assert index in plan
    assert "TEMP B-TREE" not in plan


def test_the_log_is_for_those_who_may_see_it(client, entry, db):
    helper = User.objects.create_user("hal@example.org", is_staff=True)
    client.force_login(helper)
    assert client.get(reverse(LIST)).status_code == 403
    helper.user_permissions.add(Permission.objects.get(codename="view_auditentry"))
    assert client.get(reverse(LIST)).status_code == 200
    address = reverse("admin:accounts_auditentry_delete", args=[entry.pk])
    assert client.post(address, {"post": "yes"}).status_code == 403
    chosen = {"action": "delete_selected", "_selected_action": [entry.pk]}
    client.post(reverse(LIST), chosen | {"post": "yes", "index": "0"})
    assert AuditEntry.objects.exists()


def test_a_superuser_cannot_change_the_log_either(boss, entry):
    for name in ("delete", "change"):
        address = reverse(f"admin:accounts_auditentry_{name}", args=[entry.pk])
        assert boss.post(address, {"post": "yes"}).status_code == 403
    assert boss.get(reverse("admin:accounts_auditentry_add")).status_code == 403
