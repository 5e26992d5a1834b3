"""An address is found as a whole, wherever it was kept; parts of others are not."""

import pytest
from django.contrib.admin.models import CHANGE, LogEntry
from django.contrib.sessions.backends.db import SessionStore
from django.contrib.sessions.models import Session

from accounts import audit, erasing
from accounts.addresses import is_named, pattern_of
from accounts.models import AuditEntry, User
from accounts.models.audit import FORGOTTEN


@pytest.mark.parametrize(
    "text",
    [
        "al@example.org",
        "Wrote to AL@Example.ORG.",
        "<al@example.org>",
        "'al@example.org' asked",
        "Old:\nal@example.org\nnew",
        {"user": [{"e-mail": "al@example.org, a@b.c"}]},
        {"al@example.org": 1},
        '[{"changed": {"object": "\\nal@example.org"}}]',
    ],
)
def test_an_address_is_found_wherever_it_stands(text):
    assert is_named(pattern_of(["al@example.org"]), text)


@pytest.mark.parametrize(
    "text",
    [
        "hal@example.org",
        "o'al@example.org",
        "al@example.org.uk",
        "al@example.organic",
        "al@example.org-chart.de",
        "x+al@example.org",
        "x&al@example.org",
        {"user": ["hal@example.org"]},
        "[1, not JSON",
        "",
        None,
    ],
)
def test_another_address_is_not_taken_for_it(text):
    assert not is_named(pattern_of(["al@example.org"]), text)


def test_no_address_at_all_finds_nothing():
    assert not is_named(pattern_of([""]), "anything @ all")


@pytest.mark.django_db
@pytest.mark.parametrize(
    ("theirs", "others"),
    [
        ("boss@acme.co", "boss@acme.co.uk"),
        ("al@example.org", "hal@example.org"),
        ("ann@exämple.org", "joann@exämple.org"),
    ],
)
def test_somebody_who_leaves_takes_nothing_of_others_along(staff, theirs, others):
    leaving, stays = map(User.objects.create_user, (theirs, others))
    for person in (leaving, stays):
        told = {"email": person.email.upper(), "note": f"Ä: {person.email}"}
        audit.record(AuditEntry.Action.CHANGE, staff, actor=staff, after=told)
        message = [{"added": {"name": "address", "object": person.email}}]
        LogEntry.objects.log_actions(staff.pk, [staff], CHANGE, message)
        session = SessionStore()
        session["account_login"] = {"email": person.email}
        session.save()
    for _ in "ab":
        erasing.erase_sign_in(leaving)
    gone, kept = AuditEntry.objects.order_by("pk")
    assert (gone.target_text, gone.after) == (FORGOTTEN, {})
    assert kept.after["note"] == f"Ä: {others}"
    struck, left = LogEntry.objects.order_by("pk")
    assert (struck.object_repr, struck.change_message) == ("Deleted account", "")
    assert others in left.get_change_message()
    (session,) = Session.objects.all()
    assert session.get_decoded()["account_login"] == {"email": others}
