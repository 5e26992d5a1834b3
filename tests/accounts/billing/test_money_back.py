"""Refunds and disputes: credits leave with the money, and come back with it."""

import uuid

import pytest
from django.db import transaction

from accounts import ledger, ledger_audit
from accounts.models import Purchase, StripeEvent
from generators import jobs
from tests import factories

pytestmark = pytest.mark.django_db


def spend(shop, credits):
    job_id = uuid.uuid4()
    with transaction.atomic():
        ledger.reserve(shop.wallet, credits, job_id=job_id)
    ledger.settle(shop.wallet, credits, job_id=job_id)


@pytest.fixture
def bought(shop):
    return shop.bought(shop.offer()).stripe_id


@pytest.mark.parametrize(("amount", "left"), [(500, 0), (250, 50), (3, 100), (499, 1)])
def test_a_refund_takes_its_share_of_the_credits(shop, bought, amount, left):
    shop.fake.refund(bought, amount)
    shop.hear(times=2)
    assert shop.wallet.balance == left
    assert Purchase.objects.get().refunded == amount
    assert ledger_audit.audit() == []


def test_refunds_in_parts_take_no_more_than_there_was(shop, bought):
    for amount in (100, 150, 250):
        shop.fake.refund(bought, amount)
        shop.hear()
    assert shop.wallet.balance == 0
    assert Purchase.objects.get().taken_back == 100


def test_a_refund_that_fails_gives_the_credits_back(shop, bought):
    refund = shop.fake.refund(bought, 500, is_pending=True)
    shop.hear()
    shop.fake.settle_refund(refund["id"], succeeds=False)
    shop.hear()
    assert shop.wallet.balance == 100
    assert Purchase.objects.get().taken_back == 0
    assert ledger_audit.audit() == []


def test_a_dispute_takes_what_is_left_and_the_rest_is_owed(shop, bought):
    spend(shop, 70)
    dispute = shop.fake.dispute(bought)
    shop.hear()
    assert (shop.wallet.balance, shop.wallet.debt) == (0, 70)
    with pytest.raises(ledger.InDebt), transaction.atomic():
        ledger.reserve(shop.wallet, 0, job_id=uuid.uuid4())
    page = shop.browser.get("/credits/").content.decode()
    assert "70 credits owed" in page
    shop.fake.close_dispute(dispute["id"], won=True)
    shop.hear()
    assert (shop.wallet.balance, shop.wallet.debt) == (30, 0)
    assert ledger_audit.audit() == []


def test_a_debt_blocks_presses_until_the_next_purchase_pays_it(shop, bought):
    spend(shop, 100)
    dispute = shop.fake.dispute(bought)
    shop.fake.close_dispute(dispute["id"], won=False)
    shop.hear()
    with pytest.raises(ledger.InDebt):
        factories.submit(shop.buyer)
    shop.bought(shop.offer(credits=150, amount=700))
    assert (shop.wallet.balance, shop.wallet.debt) == (50, 0)
    assert factories.submit(shop.buyer).jobs.count() == 1
    assert jobs.run_next("remote", worker="w")


def test_an_inquiry_takes_nothing(shop, bought):
    shop.fake.dispute(bought, is_inquiry=True)
    shop.hear()
    assert shop.wallet.balance == 100


def test_a_refund_that_is_told_before_the_payment_counts_all_the_same(shop):
    order = shop.order(shop.offer())
    shop.fake.pay(order.stripe_id)
    shop.fake.refund(order.stripe_id, 500)
    shop.hear()
    assert shop.wallet.balance == 0
    assert ledger_audit.audit() == []


def test_news_of_payments_that_are_not_ours_is_ignored(shop, bought):
    stranger = shop.fake.customer("mallory@example.org")
    card = shop.fake.card(stranger)
    intent = shop.fake.client().v1.payment_intents.create(
        {
            "amount": 900,
            "currency": "usd",
            "customer": stranger,
            "payment_method": card,
            "off_session": True,
            "automatic_payment_methods": {"enabled": True, "allow_redirects": "never"},
            "confirm": True,
            "metadata": {"order": str(uuid.uuid4())},
        }
    )
    shop.fake.refund(intent.id)
    shop.fake.dispute(bought, is_inquiry=True)
    shop.hear()
    told = StripeEvent.objects.filter(object_id__in=(intent.id, intent.latest_charge))
    assert set(told.values_list("status", flat=True)) == {StripeEvent.Status.IGNORED}
    assert shop.wallet.balance == 100
