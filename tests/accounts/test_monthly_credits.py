"""Free credits come once a month and go with its end; others stay."""

import uuid

import pytest
import time_machine
from django.db import transaction
from django.utils import timezone

from accounts import ledger, ledger_audit, monthly_credits, quotas
from accounts.models import NO_LIMIT, CreditEntry, Group, Quota, Wallet
from tests.at_once import at_once

pytestmark = pytest.mark.django_db
Kind = CreditEntry.Kind


@pytest.fixture
def wallet(alice, settings):
    settings.SIGN_UP_CREDITS = 10
    Quota.objects.create(monthly_credits=100)
    return ledger.wallet_of(alice)


def visit(user, day):
    """Come on that day; return the balance then."""
    with time_machine.travel(f"2026-{day}T12:00:00Z", tick=False):
        monthly_credits.renew(user, quotas.rules_of(user))
    return ledger.wallet_of(user).balance


def spend(wallet, credits, *, settled=None):
    job_id = uuid.uuid4()
    with transaction.atomic():
        ledger.reserve(wallet, credits, job_id=job_id)
    ledger.settle(wallet, credits if settled is None else settled, job_id=job_id)


def test_they_come_at_the_first_visit_of_a_month_and_once(alice, wallet):
    assert [visit(alice, day) for day in ("10-01", "10-01", "10-31")] == [110] * 3
    assert visit(alice, "11-01") == 110, "100 expired, 100 came"
    assert ledger_audit.audit() == []


def test_what_was_spent_was_free_first(alice, wallet):
    visit(alice, "10-01")
    spend(wallet, 60)
    spend(wallet, 30, settled=10)
    assert visit(alice, "11-01") == 10 + 100
    assert CreditEntry.objects.get(kind=Kind.EXPIRE).amount == -30


def test_bought_credits_stay(alice, wallet):
    visit(alice, "10-01")
    ledger.purchase(wallet, 500, reference="cs_1")
    spend(wallet, 130)
    assert visit(alice, "11-01") == 10 + 500 - 30 + 100
    assert CreditEntry.objects.get(kind=Kind.EXPIRE).amount == 0


def test_a_month_without_a_visit_gives_nothing(alice, wallet):
    visit(alice, "09-15")
    assert visit(alice, "11-01") == 110
    assert CreditEntry.objects.filter(reference__startswith="monthly:").count() == 3


def test_a_person_may_have_their_own_and_without_a_quota_the_rest_still_goes(
    alice, wallet
):
    Quota.objects.create(user=alice, monthly_credits=7)
    assert visit(alice, "10-01") == 17
    Quota.objects.all().delete()
    assert visit(alice, "10-02") == 17
    assert visit(alice, "11-01") == 10
    assert visit(alice, "12-01") == 10


@pytest.mark.parametrize("limit", [0, NO_LIMIT])
def test_no_free_credits_is_none_at_all(alice, wallet, limit):
    Quota.objects.update(monthly_credits=limit)
    assert visit(alice, "10-01") == 10


def test_months_are_the_sites(alice, wallet, settings):
    settings.TIME_ZONE = "Pacific/Auckland"  # 13 hours ahead in October
    timezone.get_default_timezone.cache_clear()
    try:
        visit(alice, "10-30")
        assert CreditEntry.objects.filter(reference__endswith="2026-10").exists()
        visit(alice, "10-31")  # noon there is past midnight
        assert CreditEntry.objects.filter(reference__endswith="2026-11").exists()
    finally:
        timezone.get_default_timezone.cache_clear()


def test_jobs_of_last_month_do_not_make_bought_credits_go(alice, wallet):
    ledger.purchase(wallet, 50, reference="cs_1")
    job_id = uuid.uuid4()
    with transaction.atomic():
        ledger.reserve(wallet, 60, job_id=job_id)
    assert visit(alice, "10-01") == 100
    ledger.refund(wallet, job_id=job_id)
    spend(wallet, 70)
    assert visit(alice, "11-01") == 160 - 70 - 30 + 100
    assert CreditEntry.objects.get(kind=Kind.EXPIRE).amount == -30


def test_what_debts_and_admins_took_was_free_first(alice, wallet):
    ledger.take_back(wallet, 50, reference="dp_1")
    visit(alice, "10-01")
    ledger.adjust(wallet, -20, note="taken")
    ledger.purchase(wallet, 100, reference="cs_1")
    assert ledger.wallet_of(alice).balance == 140
    assert visit(alice, "11-01") == 140 - 40 + 100


def test_to_whom_their_group_pays_for_nothing_comes(alice, wallet):
    group = Group.objects.create(name="Design", shares_credits=True)
    alice.group = group
    alice.save()
    assert visit(alice, "10-01") == 10
    assert ledger.wallet_of_group(group).balance == 0


@pytest.mark.django_db(transaction=True)
def test_of_many_visits_at_once_one_brings_them(alice, wallet):
    rules = quotas.rules_of(alice)
    monthly_credits.renew(alice, rules)
    Wallet.objects.update(free_month="2026-01")
    ledger.grant(wallet, 100, reference=f"monthly:{wallet.pk}:2026-01")
    before = ledger.wallet_of(alice).balance
    at_once(lambda _: monthly_credits.renew(alice, rules), 8)
    assert ledger.wallet_of(alice).balance == before - 100
    assert ledger_audit.audit() == []


def test_what_is_set_aside_over_the_end_of_a_month_is_not_lost(alice, wallet):
    visit(alice, "10-01")
    job_id = uuid.uuid4()
    ledger.reserve(wallet, 110, job_id=job_id)
    assert visit(alice, "11-01") == 100
    ledger.refund(wallet, job_id=job_id)
    assert ledger.wallet_of(alice).balance == 210
    assert ledger_audit.audit() == []


def test_debts_are_paid_first(alice, wallet):
    ledger.take_back(wallet, 50, reference="dp_1")
    assert visit(alice, "10-01") == 60
    wallet.refresh_from_db()
    assert wallet.debt == 0
