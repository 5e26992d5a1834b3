"""Every piece of news five times, in every order, and by each of twenty threads."""

import itertools
import os
import subprocess
import sys
import uuid

import pytest
from django.test import Client

from accounts import ledger_audit
from accounts.billing import events
from accounts.models import (
    CreditEntry,
    Offer,
    Order,
    Purchase,
    StripeEvent,
    Subscription,
)
from tests.accounts.billing.shopping import deliver
from tests.accounts.test_ledger_concurrency import ROOT, SERVER
from tests.at_once import at_once

pytestmark = pytest.mark.django_db
ORDERS = list(itertools.permutations(range(4)))


def hear(browser, event):
    """Hear of an event five times, and once more as if a worker had died over it."""
    for _ in range(5):
        assert deliver(browser, event).status_code == 200
        events.handle_waiting()
    StripeEvent.objects.filter(stripe_id=event["id"]).update(
        status=StripeEvent.Status.WAITING, num_attempts=0
    )
    events.handle_waiting()


def pack_with_returns(shop):
    """Paid by a transfer, half refunded, the rest disputed; return what Stripe tells."""
    order = shop.order(shop.offer())
    shop.fake.pay_by_transfer(order.stripe_id)
    shop.fake.settle_transfer(order.stripe_id)
    shop.fake.refund(order.stripe_id, 250)
    shop.fake.dispute(order.stripe_id, 250)
    wanted = (
        "checkout.session.completed",
        "checkout.session.async_payment_succeeded",
        "charge.refunded",
        "charge.dispute.created",
    )
    return [shop.fake.events(name)[0] for name in wanted]


def check_pack(shop):
    wallet = shop.wallet
    assert (wallet.balance, wallet.debt) == (0, 0)
    purchase = Purchase.objects.get()
    gone = (purchase.refunded, purchase.disputed, purchase.taken_back)
    assert gone == (250, 250, 100)
    assert Order.objects.get().status == Order.Status.PAID
    assert CreditEntry.objects.filter(kind="purchase").count() == 1
    assert ledger_audit.audit() == []


def plan_with_a_second_month(shop):
    """A plan, renewed and ended; return what Stripe tells."""
    order = shop.order(shop.offer(Offer.Kind.PLAN, credits=300))
    shop.fake.pay(order.stripe_id)
    bought = shop.fake.get(order.stripe_id)["subscription"]
    shop.fake.advance(bought)
    shop.fake.cancel(bought)
    return [
        shop.fake.events("checkout.session.completed")[0],
        *shop.fake.events("invoice.paid"),
        shop.fake.events("customer.subscription.deleted")[0],
    ]


def check_plan(shop):
    assert shop.wallet.balance == 600
    assert Purchase.objects.count() == 2
    assert CreditEntry.objects.filter(kind="purchase").count() == 2
    assert Subscription.objects.get().status == Subscription.Status.CANCELED
    assert Order.objects.get().status == Order.Status.PAID
    assert ledger_audit.audit() == []


@pytest.mark.parametrize("places", ORDERS, ids=str)
def test_a_pack_and_its_returns_end_the_same_in_every_order(shop, places):
    told = pack_with_returns(shop)
    for place in places:
        hear(shop.browser, told[place])
    check_pack(shop)


@pytest.mark.parametrize("places", ORDERS, ids=str)
def test_a_plan_and_its_months_end_the_same_in_every_order(shop, places):
    told = plan_with_a_second_month(shop)
    for place in places:
        hear(shop.browser, told[place])
    check_plan(shop)


@pytest.mark.django_db(transaction=True)
@pytest.mark.parametrize(
    ("act", "check"),
    [(pack_with_returns, check_pack), (plan_with_a_second_month, check_plan)],
)
def test_twenty_threads_that_each_hear_everything_end_the_same(shop, act, check):
    act(shop)
    told = shop.fake.events()

    def listen(number):
        browser = Client()
        mine = told[number % len(told) :] + told[: number % len(told)]
        for event in mine if number % 2 else reversed(mine):
            deliver(browser, event)
            events.handle_waiting()

    at_once(listen, 20)
    kept = StripeEvent.objects.exclude(status=StripeEvent.Status.WAITING)
    assert not kept.filter(status=StripeEvent.Status.FAILED).exists()
    kept.update(status=StripeEvent.Status.WAITING, num_attempts=0)
    at_once(lambda _: events.handle_waiting(), 20)
    check(shop)


@pytest.mark.services
@pytest.mark.long
@pytest.mark.skipif("DATABASE_URL" in os.environ, reason="runs itself once more")
def test_twenty_threads_end_the_same_on_postgresql():
    url = SERVER.rpartition("/")[0] + f"/magicshot_{uuid.uuid4().hex[:12]}"
    done = subprocess.run(
        [sys.executable, "-m", "pytest", "-q", "-k", "twenty_threads_that", __file__],
        cwd=ROOT,
        env=os.environ | {"DATABASE_URL": url, "DATABASE_CONNECTIONS": "24"},
        capture_output=True,
        text=True,
        timeout=280,
    )
    assert done.returncode == 0, done.stdout[-5000:]
    assert "2 passed" in done.stdout
