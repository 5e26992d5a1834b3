"""An account that is to be deleted buys nothing more, and leaves nothing at Stripe."""

import datetime as dt

import pytest
from django.utils import timezone

from accounts import deletions, ledger, ledger_audit
from accounts.billing import top_up
from accounts.billing.events import HANDLERS
from accounts.billing.findings import Suspicious
from accounts.models import Offer, Order, Purchase, Subscription, TopUp, User
from magicshot.leaving import account_record, tasks
from tests.fakes.stripe import BROKEN

pytestmark = pytest.mark.django_db(transaction=True)


def days_pass():
    User.objects.exclude(deletion_due_at=None).update(
        deletion_due_at=timezone.now() - dt.timedelta(seconds=1)
    )
    tasks.delete_due_accounts()


def test_an_account_that_leaves_buys_nothing_more(shop):
    pack = shop.offer()
    shop.bought(pack, keeps_card=True)
    TopUp.objects.create(
        customer=shop.wallet.customers.get(), offer=pack, below=500, monthly_cap=5000
    )
    deletions.ask(shop.buyer, by=shop.buyer)
    answer = shop.press_buy(pack)
    assert answer.status_code == 422
    assert "Press “Keep it” first" in answer.content.decode()
    top_up.run_due()
    assert Order.objects.count() == 1


def test_an_export_tells_what_was_paid(shop):
    pack = shop.bought(shop.offer())
    shop.bought(shop.offer(Offer.Kind.PLAN, credits=300, amount=900))
    shop.fake.refund(pack.stripe_id, 200)
    shop.hear()
    told = account_record.of(shop.buyer)
    first, second = told["payments"]
    assert (first["paid"], first["refunded_or_disputed"]) == ("$5.00", "$2.00")
    assert (second["credits"], second["paid"]) == (300, "$9.00")
    assert [each["status"] for each in told["plans"]] == ["active"]


def test_a_deleted_account_leaves_no_plan_no_card_and_no_name_at_stripe(shop):
    order = shop.bought(shop.offer(Offer.Kind.PLAN, credits=300))
    plan = shop.fake.get(order.stripe_id)["subscription"]
    wallet = shop.wallet
    deletions.ask(shop.buyer, by=shop.buyer)
    shop.fake.fail(BROKEN, times=50)
    days_pass()
    assert User.objects.filter(pk=shop.buyer.pk).exists()  # Stripe must hear of it
    shop.fake.forgive()
    days_pass()
    assert not User.objects.filter(pk=shop.buyer.pk).exists()
    assert shop.fake.get(plan)["status"] == "canceled"
    assert Subscription.objects.get().status == Subscription.Status.CANCELED
    customer = wallet.customers.get()
    assert not shop.fake.all("payment_method", customer=customer.stripe_id)
    assert Purchase.objects.get().wallet == wallet
    assert ledger_audit.audit() == []


def test_a_page_that_was_left_open_cannot_be_paid_after_the_account(shop):
    order = shop.order(shop.offer())
    deletions.ask(shop.buyer, by=shop.buyer)
    days_pass()
    assert shop.fake.get(order.stripe_id)["status"] == "expired"


def test_money_that_comes_after_the_account_is_for_staff_to_pay_back(shop):
    order = shop.order(shop.offer())
    shop.fake.pay_by_transfer(order.stripe_id)
    deletions.ask(shop.buyer, by=shop.buyer)
    days_pass()
    shop.fake.settle_transfer(order.stripe_id)
    with pytest.raises(Suspicious, match="deleted"):
        HANDLERS["checkout.session.async_payment_succeeded"](order.stripe_id)
    assert not Purchase.objects.exists()


def test_money_that_leaves_after_the_account_is_followed_all_the_same(shop):
    order = shop.bought(shop.offer())
    deletions.ask(shop.buyer, by=shop.buyer)
    days_pass()
    shop.fake.refund(order.stripe_id)
    events = shop.fake.events("charge.refunded")

    HANDLERS["charge.refunded"](events[0]["data"]["object"]["id"])
    assert Purchase.objects.get().taken_back == 100
    assert ledger_audit.audit() == []
    assert not ledger.Wallet.objects.exclude(user=None).exists()
