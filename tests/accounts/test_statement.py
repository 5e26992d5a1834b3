"""A wallet's lines and receipts say what the ledger says."""

import csv
import io
import uuid

import pytest
from django.db import transaction

from accounts import ledger, statement, tasks
from accounts.csv_file import csv_lines
from accounts.models import Wallet
from accounts.receipts import Receipt, receipts_of

pytestmark = pytest.mark.django_db


@pytest.fixture
def wallet(alice, settings) -> Wallet:
    settings.SIGN_UP_CREDITS = 100
    return ledger.wallet_of(alice)


def spend(wallet, reserved, settled):
    job_id = uuid.uuid4()
    with transaction.atomic():
        ledger.reserve(wallet, reserved, job_id=job_id)
    ledger.settle(wallet, settled, job_id=job_id)
    return job_id


def told(page):
    return [(line.entry.amount, line.balance) for line in page.lines]


def test_each_line_says_the_balance_that_it_left(wallet, bob):
    ledger.adjust(ledger.wallet_of(bob), 1000, note="another's")
    spend(wallet, 8, 6)
    spend(wallet, 5, 5)
    page = statement.statement_page(wallet)
    assert told(page) == [(-5, 89), (2, 94), (-8, 92), (100, 100)]
    assert page.older is None


def test_pages_follow_each_other_without_a_gap(wallet, monkeypatch):
    monkeypatch.setattr(statement, "PAGE_SIZE", 3)
    for _ in range(4):
        spend(wallet, 8, 6)
    found, before = [], None
    while True:
        page = statement.statement_page(wallet, before=before)
        found += told(page)
        ledger.adjust(wallet, 1, note="comes between two looks")
        if page.older is None:
            break
        before = page.older
    assert [amount for amount, _ in found] == [2, -8] * 4 + [100]
    assert [balance for _, balance in found] == [76, 74, 82, 80, 88, 86, 94, 92, 100]


def test_the_file_has_every_entry_and_ends_at_the_balance(wallet):
    spend(wallet, 8, 6)
    lines = list(statement.all_lines(wallet))
    assert [line.entry.amount for line in lines] == [100, -8, 0, 2]
    wallet.refresh_from_db()
    assert lines[-1].balance == wallet.balance == 94


def test_a_receipt_adds_up(wallet):
    ended = spend(wallet, 8, 6)
    waiting, unknown = uuid.uuid4(), uuid.uuid4()
    ledger.reserve(wallet, 3, job_id=waiting)
    found = receipts_of([ended, waiting, unknown])
    assert found == {
        ended: Receipt(reserved=8, settled=6, refunded=2),
        waiting: Receipt(reserved=3),
        unknown: Receipt(),
    }
    assert [found[each].open for each in (ended, waiting, unknown)] == [0, 3, 0]


@pytest.mark.parametrize(
    "text",
    ["=1+1", "+1", "-1", "@SUM(A1)", "\t=1", "\r=1", "\n=1", "  =1+1", "|cmd", "%0A"],
)
def test_a_text_is_never_a_formula(text):
    [row] = csv.reader(io.StringIO("".join(csv_lines([[text, -8]])), newline=""))
    assert row == [f"'{text}", "-8"]


def test_harmless_texts_stay_as_they_are():
    row = ["a red apple", "1-2", "", 'say "hi", twice', 7]
    [read] = csv.reader(io.StringIO("".join(csv_lines([row])), newline=""))
    assert read == [str(value) for value in row]


def test_the_daily_audit_logs_what_does_not_add_up(wallet, caplog):
    tasks.audit_ledger()
    assert caplog.text == ""
    Wallet.objects.filter(pk=wallet.pk).update(balance=101)
    tasks.audit_ledger()
    [record] = caplog.records
    assert record.levelname == "ERROR"
    assert "expected 100, found 101" in record.message
