"""News that never arrived is fetched, and what does not add up is listed."""

from io import StringIO

import pytest
from django.core.management import CommandError, call_command

from accounts import ledger_audit
from accounts.models import Offer, Purchase, StripeEvent
from accounts.tasks import backfill_stripe, follow_stripe
from tests.fakes.stripe import BROKEN

pytestmark = pytest.mark.django_db


def said(command, **options):
    out = StringIO()
    try:
        call_command(command, stdout=out, **options)
    except CommandError as error:
        return out.getvalue() + f"ERROR {error}"
    return out.getvalue()


def test_what_was_dropped_comes_back_by_backfill(shop):
    pack, plan = shop.offer(), shop.offer(Offer.Kind.PLAN, credits=300)
    for offer in (pack, plan):
        shop.fake.pay(shop.order(offer).stripe_id)
    assert shop.wallet.balance == 0
    assert "were handled" in said("backfill_stripe", days=2)
    assert shop.wallet.balance == 400
    assert said("backfill_stripe", days=30).startswith("0 events had been missed, 0")
    assert ledger_audit.audit() == []


def test_the_daily_task_does_the_same(shop, caplog):
    shop.fake.pay(shop.order(shop.offer()).stripe_id)
    backfill_stripe()
    assert shop.wallet.balance == 100
    assert "had not arrived" in caplog.text
    shop.fake.fail(BROKEN, times=9)
    backfill_stripe()
    assert "cannot be listed" in caplog.text


def test_the_clock_handles_news_that_no_message_told_of(shop):
    order = shop.order(shop.offer())
    shop.fake.pay(order.stripe_id)
    StripeEvent.objects.create(
        stripe_id="evt_lost",
        type="checkout.session.completed",
        object_id=order.stripe_id,
        livemode=False,
        happened_at=order.created_at,
    )
    follow_stripe()
    assert shop.wallet.balance == 100


def test_when_all_is_granted_then_everything_adds_up(shop):
    order = shop.bought(shop.offer())
    shop.bought(shop.offer(Offer.Kind.PLAN, credits=300))
    shop.fake.refund(order.stripe_id, 100)
    shop.hear()
    assert "Everything adds up. 2 payments at Stripe, 2 here." in said(
        "reconcile_stripe"
    )


def test_a_payment_without_credits_is_listed(shop):
    order = shop.order(shop.offer())
    shop.fake.pay(order.stripe_id)
    told = said("reconcile_stripe", days=1)
    assert f"{order.stripe_id}: $5.00 paid, nothing granted" in told
    assert "ERROR 1 differences" in told


def test_credits_without_a_payment_are_listed(shop):
    order = shop.bought(shop.offer())
    Purchase.objects.update(stripe_id="cs_invented")
    told = said("reconcile_stripe")
    assert "cs_invented: 100 credits granted, no payment at Stripe" in told
    assert f"{order.stripe_id}: $5.00 paid, nothing granted" in told


def test_another_sum_and_a_refund_nobody_heard_of_are_listed(shop):
    order = shop.bought(shop.offer())
    Purchase.objects.update(amount=400)
    shop.fake.refund(order.stripe_id, 200)
    told = said("reconcile_stripe")
    assert f"{order.stripe_id}: $5.00 at Stripe, $4.00 here" in told
    assert f"{order.stripe_id}: Stripe returned $2.00, $0.00 is known here" in told


def test_what_the_account_sells_elsewhere_is_no_difference(shop):
    shop.bought(shop.offer())
    session = shop.fake.client().v1.checkout.sessions.create(
        {
            "mode": "payment",
            "customer": shop.fake.customer("somebody@example.org"),
            "line_items": [{"price": shop.fake.price(900), "quantity": 1}],
            "success_url": "https://example.org/",
        }
    )
    shop.fake.pay(session.id)
    assert "Everything adds up" in said("reconcile_stripe")


@pytest.mark.parametrize("command", ["backfill_stripe", "reconcile_stripe"])
def test_without_a_key_or_an_answer_the_commands_say_so(shop, command, settings):
    shop.fake.fail(BROKEN, times=9)
    assert "ERROR Stripe cannot be asked" in said(command)
    settings.STRIPE_SECRET_KEY = ""
    assert "ERROR Set STRIPE_SECRET_KEY first" in said(command)


@pytest.mark.parametrize("days", [0, -1, 10**9])
def test_days_out_of_range_are_refused(shop, days):
    assert "ERROR --days" in said("reconcile_stripe", days=days)


def test_the_dashboard_shows_what_was_paid_and_not_returned(shop, client, staff):
    first = shop.bought(shop.offer())
    shop.bought(shop.offer(amount=2000, currency="eur"))
    shop.fake.refund(first.stripe_id, 200)
    shop.hear()
    client.force_login(staff)
    page = client.get("/admin/").content.decode()
    assert "€20.00 and $3.00 paid" in page
    shop.fake.refund(first.stripe_id, 300)
    shop.hear()
    assert "€20.00 and $0.00 paid" in client.get("/admin/?days=1").content.decode()
