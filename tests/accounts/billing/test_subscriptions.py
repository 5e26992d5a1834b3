"""Plans: bought, renewed, unpaid, ended."""

import datetime as dt

import pytest

from accounts import ledger_audit, tasks
from accounts.billing import checkout, closing
from accounts.models import (
    Group,
    Offer,
    Order,
    Purchase,
    StripeEvent,
    Subscription,
    TopUp,
    User,
)

pytestmark = pytest.mark.django_db
Status = Subscription.Status
NOON = dt.datetime(2099, 1, 1, 12, tzinfo=dt.UTC)


@pytest.fixture
def plan(shop):
    return shop.offer(Offer.Kind.PLAN, credits=300, amount=900)


@pytest.fixture
def subscribed(shop, plan):
    """Return the plan's id at Stripe, its first month paid."""
    order = shop.bought(plan)
    assert order.status == Order.Status.PAID
    return shop.fake.get(order.stripe_id)["subscription"]


def test_each_paid_month_brings_its_credits_once(shop, subscribed):
    shop.hear(times=2)
    assert shop.wallet.balance == 300
    for month in (2, 3):
        shop.fake.advance(subscribed)
        shop.hear(times=2)
        assert shop.wallet.balance == 300 * month
    assert Purchase.objects.count() == 3
    assert ledger_audit.audit() == []


def test_an_unpaid_month_brings_nothing_until_it_is_paid(shop, subscribed):
    invoice = shop.fake.advance(subscribed, paid=False)
    shop.hear()
    assert shop.wallet.balance == 300
    assert Subscription.objects.get().status == Status.PAST_DUE
    assert "did not go through" in shop.browser.get("/billing/").content.decode()
    shop.fake.retry(invoice["id"], paid=True)
    shop.hear()
    assert shop.wallet.balance == 600
    assert Subscription.objects.get().status == Status.ACTIVE


def test_a_refunded_month_takes_its_credits_back(shop, subscribed):
    invoice = shop.fake.advance(subscribed)
    shop.hear()
    shop.fake.refund(invoice["id"])
    shop.hear()
    assert shop.wallet.balance == 300


def test_a_second_plan_is_not_sold_beside_the_first(shop, plan, subscribed):
    answer = shop.press_buy(plan)
    assert answer.status_code == 422
    assert "You have a plan" in answer.content.decode()
    shop.fake.cancel(subscribed)
    shop.hear()
    assert Subscription.objects.get().status == Status.CANCELED
    assert shop.press_buy(plan).status_code == 200


def test_a_plan_that_ends_with_its_month_says_when(shop, subscribed):
    shop.fake.cancel(subscribed, at_period_end=True)
    shop.hear()
    assert Subscription.objects.get().ends_at_period_end
    assert "It ends on" in shop.browser.get("/billing/").content.decode()


def test_two_plans_in_two_tabs_leave_one_to_buy(shop, plan):
    dear = shop.offer(Offer.Kind.PLAN, credits=1500, amount=3900)
    first = shop.order(plan)
    second = shop.order(dear)
    first.refresh_from_db()
    assert first.status == Order.Status.EXPIRED
    assert shop.fake.get(first.stripe_id)["status"] == "expired"
    shop.fake.pay(second.stripe_id)
    assert "You have a plan" in shop.press_buy(plan).content.decode()
    shop.hear()
    assert shop.wallet.balance == 1500
    assert Subscription.objects.count() == 1


def test_the_same_plan_pressed_again_much_later_is_sold_once(shop, plan):
    first = shop.order(plan)
    Order.objects.update(created_at=first.created_at - checkout.SAME_PRESS)
    second = shop.order(plan)
    assert first != second
    assert shop.fake.get(first.stripe_id)["status"] == "expired"
    assert shop.fake.get(second.stripe_id)["status"] == "open"


def test_a_paid_page_of_a_plan_that_was_not_heard_of_stops_a_second(shop, plan):
    first = shop.order(plan)
    shop.fake.pay(first.stripe_id)
    dear = shop.offer(Offer.Kind.PLAN, credits=1500, amount=3900)
    assert "You have a plan" in shop.press_buy(dear).content.decode()
    assert shop.wallet.balance == 300


@pytest.mark.parametrize("why", ["stopped", "leaves"])
def test_the_plan_of_somebody_who_goes_ends_with_its_month(shop, subscribed, why):
    tasks.follow_stripe()
    assert not Subscription.objects.get().ends_at_period_end
    changed = {"stopped": {"is_active": False}, "leaves": {"deletion_due_at": NOON}}
    User.objects.filter(pk=shop.buyer.pk).update(**changed[why])
    for _ in range(2):
        tasks.follow_stripe()
    assert Subscription.objects.get().ends_at_period_end
    assert shop.fake.advance(subscribed) is None
    shop.hear()
    assert shop.wallet.balance == 300
    assert Subscription.objects.get().status == Status.CANCELED


@pytest.mark.parametrize("why", ["group", "off sale"])
def test_whoever_has_a_plan_can_always_reach_it(shop, plan, subscribed, why):
    TopUp.objects.create(
        customer=shop.wallet.customers.get(),
        offer=shop.offer(),
        below=5,
        monthly_cap=5000,
    )
    if why == "group":
        group = Group.objects.create(name="Class", shares_credits=True)
        User.objects.filter(pk=shop.buyer.pk).update(group=group)
    else:
        Offer.objects.update(active=False)
    page = shop.browser.get("/billing/").content.decode()
    assert "Your plan: Handful" in page
    assert "Cards and invoices" in page
    assert "Automatic top-up" in page
    assert shop.browser.post("/billing/portal/").status_code == 200
    assert "/billing/" in shop.browser.get("/credits/").content.decode()
    shop.browser.post("/billing/top-up/", {"below": "5"})
    assert not TopUp.objects.get().enabled


def test_a_month_brings_what_its_own_line_says(shop, plan, subscribed):
    """Staff moved the plan's row since: the invoice is of what was paid then."""
    dear = shop.offer(Offer.Kind.PLAN, credits=1500, amount=3900)
    shop.fake.advance(subscribed)
    Subscription.objects.update(offer=dear)
    shop.hear()
    assert shop.wallet.balance == 600


def test_a_plan_of_another_price_is_shown_to_staff_and_brings_nothing(shop, subscribed):
    Offer.objects.update(stripe_price="price_of_something_else")
    shop.fake.advance(subscribed)
    shop.hear()
    assert shop.wallet.balance == 300
    failed = StripeEvent.objects.filter(status=StripeEvent.Status.FAILED)
    assert failed.filter(type="invoice.paid").exists()


def test_the_portal_is_reached_and_knows_the_customer(shop, subscribed):
    answer = shop.browser.post("/billing/portal/")
    assert answer.status_code == 200
    (session,) = shop.fake.all("billing_portal.session")
    assert session["url"] in answer.content.decode()
    assert session["customer"] == shop.wallet.customers.get().stripe_id


def test_the_portal_waits_for_a_first_purchase(shop, plan):
    assert shop.browser.post("/billing/portal/").status_code == 422


def test_an_account_that_goes_leaves_no_plan_and_no_card(shop, subscribed):
    customer = shop.wallet.customers.get()
    TopUp.objects.create(
        customer=customer, offer=shop.offer(), below=5, monthly_cap=5000
    )
    for _ in range(2):
        closing.close(shop.wallet)
    assert shop.fake.get(subscribed)["status"] == "canceled"
    assert Subscription.objects.get().status == Status.CANCELED
    assert not TopUp.objects.exists()
    assert not shop.fake.all("payment_method", customer=customer.stripe_id)
    shop.hear()
    assert shop.wallet.balance == 300


def test_a_plan_that_is_gone_at_stripe_keeps_nobody_from_leaving(shop, subscribed):
    shop.fake.cancel(subscribed)
    Offer.objects.update(stripe_price="price_of_something_else")
    closing.close(shop.wallet)
    assert Subscription.objects.get().status == Status.CANCELED


@pytest.mark.parametrize("key", ["", "sk_live_another"])
def test_a_plan_that_cannot_be_reached_is_not_left_to_charge(
    shop, subscribed, settings, key
):
    settings.STRIPE_SECRET_KEY = key
    with pytest.raises(closing.CannotClose, match=subscribed):
        closing.close(shop.wallet)
