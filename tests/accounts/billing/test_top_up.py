"""Automatic top-up: once, up to the cap, and never against the card's will."""

import pytest
from django.utils import timezone

from accounts import ledger, ledger_audit
from accounts.billing import top_up
from accounts.models import Group, Offer, Order, Purchase, TopUp, User, Wallet
from accounts.site_days import month_began
from tests.at_once import at_once
from tests.fakes.stripe import BROKEN, CUT, LOST, RATE_LIMITED, Card

pytestmark = pytest.mark.django_db
Status = Order.Status


@pytest.fixture
def pack(shop):
    return shop.offer()


@pytest.fixture
def kept(shop, pack):
    """Alice bought a pack and kept her card; she has spent all but 5 credits."""
    shop.bought(pack, keeps_card=True)
    ledger.adjust(shop.wallet, -95, note="spent")
    return shop.wallet.customers.get()


def set_up(shop, pack, **changes):
    fields = {
        "enabled": "on",
        "offer": pack.pk,
        "below": "20",
        "monthly_cap": "12.00",
    } | changes
    return shop.browser.post("/billing/top-up/", fields)


def orders():
    return list(
        Order.objects.filter(kind="top-up")
        .order_by("id")
        .values_list("status", flat=True)
    )


def test_a_low_balance_is_topped_up_once(shop, pack, kept):
    assert set_up(shop, pack).status_code == 302
    for _ in range(3):
        top_up.run_due()
    shop.hear(times=3)
    assert orders() == [Status.PAID]
    assert shop.wallet.balance == 105
    assert Purchase.objects.count() == 2
    assert ledger_audit.audit() == []


def test_the_cap_of_a_month_is_kept(shop, pack, kept):
    set_up(shop, pack)
    for _ in range(4):
        ledger.adjust(shop.wallet, -shop.wallet.balance, note="spent")
        top_up.run_due()
    assert orders() == [Status.PAID] * 2  # $5.00 each, of $12.00
    assert "Paid this month: $10.00" in shop.browser.get("/billing/").content.decode()
    Order.objects.filter(kind="top-up").update(
        created_at=month_began() - timezone.timedelta(seconds=1)
    )
    top_up.run_due()
    assert orders() == [Status.PAID] * 3


def test_a_balance_above_the_mark_is_left_alone(shop, pack, kept):
    set_up(shop, pack, below="5")
    top_up.run_due()
    assert orders() == []


@pytest.mark.parametrize(
    ("behaviour", "words"),
    [(Card.DECLINED, "declined"), (Card.AUTHENTICATION_REQUIRED, "Your bank wants")],
)
def test_a_card_that_will_not_pay_stops_it_and_says_why(
    shop, pack, kept, behaviour, words
):
    set_up(shop, pack)
    shop.fake.set_card(kept.stripe_id, behaviour)
    for _ in range(3):
        top_up.run_due()
    shop.hear()
    assert orders() == [Status.FAILED]
    assert not TopUp.objects.get().enabled
    assert words in shop.browser.get("/billing/").content.decode()
    assert shop.wallet.balance == 5
    shop.fake.set_card(kept.stripe_id, Card.OK)
    set_up(shop, pack)
    top_up.run_due()
    assert orders() == [Status.FAILED, Status.PAID]
    assert shop.wallet.balance == 105


def test_whoever_wants_their_money_back_is_not_charged_again(shop, pack, kept):
    set_up(shop, pack)
    ledger.adjust(shop.wallet, 95, note="back")
    shop.fake.dispute(Order.objects.get(kind="checkout").stripe_id)
    shop.hear()
    assert shop.wallet.balance == 0
    top_up.run_due()
    assert orders() == []
    assert (
        "It was stopped: Payment disputed."
        in shop.browser.get("/billing/").content.decode()
    )
    spent = shop.offer(credits=1000, amount=5000)
    order = shop.bought(spent)
    ledger.adjust(shop.wallet, -shop.wallet.balance, note="spent")
    shop.fake.dispute(order.stripe_id)
    shop.hear()
    TopUp.objects.update(enabled=True)
    assert shop.wallet.debt == 1000
    top_up.run_due()
    assert orders() == []


@pytest.mark.parametrize("why", ["stopped", "group"])
def test_who_may_not_draw_or_does_not_pay_is_not_charged(shop, pack, kept, why):
    set_up(shop, pack)
    group = Group.objects.create(name="Class", shares_credits=True)
    changed = {"is_active": False} if why == "stopped" else {"group": group}
    User.objects.filter(pk=shop.buyer.pk).update(**changed)
    top_up.run_due()
    assert orders() == []


def test_a_pack_that_is_off_sale_stops_it_and_says_so(shop, pack, kept):
    set_up(shop, pack)
    Offer.objects.update(active=False)
    top_up.run_due()
    assert orders() == []
    assert TopUp.objects.get().stopped_because.startswith("The pack is not on sale")


def test_another_currency_has_a_cap_of_its_own(shop, pack, kept):
    set_up(shop, pack)
    top_up.run_due()
    euros = shop.offer(currency="eur", amount=700)
    assert set_up(shop, euros, monthly_cap="7.00").status_code == 302
    ledger.adjust(shop.wallet, -shop.wallet.balance, note="spent")
    top_up.run_due()
    assert orders() == [Status.PAID] * 2


def test_a_payment_that_does_not_fit_stops_it_and_nobody_else(shop, pack, kept):
    set_up(shop, pack)
    wallet = shop.wallet
    shop.fake.fail(CUT, times=3, on="POST /v1/payment_intents")
    top_up.run_due()
    shop.fake.forgive()
    Wallet.objects.filter(pk=wallet.pk).update(user=None)  # the account went
    Order.objects.filter(kind="top-up").update(
        created_at=timezone.now() - top_up.ASK_AGAIN_AFTER
    )
    top_up.run_due()
    assert orders() == [Status.FAILED]
    assert not TopUp.objects.get().enabled
    assert Purchase.objects.count() == 1


def test_a_card_that_was_taken_away_stops_it(shop, pack, kept):
    set_up(shop, pack)
    for card in shop.fake.all("payment_method", customer=kept.stripe_id):
        shop.fake.client().v1.payment_methods.detach(card["id"])
    top_up.run_due()
    assert orders() == [Status.FAILED]
    assert "No card is kept" in shop.browser.get("/billing/").content.decode()


@pytest.mark.parametrize("fault", [CUT, LOST, RATE_LIMITED])
def test_an_answer_that_is_lost_is_asked_for_again_and_paid_once(
    shop, pack, kept, fault
):
    set_up(shop, pack)
    shop.fake.fail(fault, times=3, on="POST /v1/payment_intents")
    top_up.run_due()
    assert orders() == [Status.OPEN]
    top_up.run_due()
    assert orders() == [Status.OPEN]  # its minute is not over
    shop.fake.forgive()
    Order.objects.filter(kind="top-up").update(
        created_at=timezone.now() - top_up.ASK_AGAIN_AFTER
    )
    top_up.run_due()
    assert orders() == [Status.PAID]
    assert shop.wallet.balance == 105
    paid = shop.fake.all("payment_intent", status="succeeded")
    assert len(paid) == 2


def test_what_broke_off_is_not_asked_for_again_once_it_is_turned_off(shop, pack, kept):
    set_up(shop, pack)
    shop.fake.fail(LOST, times=3, on="POST /v1/payment_intents")
    top_up.run_due()
    shop.fake.forgive()
    set_up(shop, pack, enabled="")
    Order.objects.filter(kind="top-up").update(
        created_at=timezone.now() - top_up.ASK_AGAIN_AFTER
    )
    top_up.run_due()
    assert orders() == [Status.FAILED]
    assert len(shop.fake.all("payment_intent", status="succeeded")) == 1


def test_an_error_that_stripe_repeats_ends_it_after_an_hour(shop, pack, kept):
    set_up(shop, pack)
    shop.fake.fail(BROKEN, times=3, on="POST /v1/payment_intents")
    top_up.run_due()
    assert orders() == [Status.OPEN]
    Order.objects.filter(kind="top-up").update(
        created_at=timezone.now() - top_up.GIVEN_UP_AFTER
    )
    top_up.run_due()
    assert orders() == [Status.FAILED]
    assert "did not answer" in shop.browser.get("/billing/").content.decode()


def test_after_an_hour_without_an_answer_it_is_not_sent_again_but_its_news_counts(
    shop, pack, kept
):
    set_up(shop, pack)
    shop.fake.fail(CUT, times=3, on="POST /v1/payment_intents")
    top_up.run_due()
    shop.fake.forgive()
    Order.objects.filter(kind="top-up").update(
        created_at=timezone.now() - top_up.GIVEN_UP_AFTER
    )
    top_up.run_due()
    assert orders() == [Status.FAILED]
    assert len(shop.fake.all("payment_intent", status="succeeded")) == 2
    shop.hear()
    assert orders() == [Status.PAID]
    assert shop.wallet.balance == 105


@pytest.mark.django_db(transaction=True)
def test_many_workers_top_up_once(shop, pack, kept):
    set_up(shop, pack)
    at_once(lambda _: top_up.run_due(), 6)
    assert orders() == [Status.PAID]
    assert shop.wallet.balance == 105


@pytest.mark.parametrize(
    ("field", "value"),
    [
        ("below", "0"),
        ("below", "-1"),
        ("below", "1.5"),
        ("below", "9" * 40),
        ("below", ""),
        ("monthly_cap", "4.99"),
        ("monthly_cap", "-5"),
        ("monthly_cap", "5.001"),
        ("monthly_cap", "1e9"),
        ("monthly_cap", "NaN"),
        ("monthly_cap", ""),
        ("offer", "0"),
        ("offer", "x"),
    ],
)
def test_nonsense_is_refused_with_the_field(shop, pack, kept, field, value):
    answer = set_up(shop, pack, **{field: value})
    assert answer.status_code == 422
    assert f'id="id_{field}_error"' in answer.content.decode()
    assert not TopUp.objects.exists()


def test_without_a_card_it_cannot_be_turned_on(shop, pack):
    shop.bought(pack)
    answer = set_up(shop, pack)
    assert answer.status_code == 422
    assert "No card is kept" in answer.content.decode()
    assert set_up(shop, pack, enabled="").status_code == 302


def test_with_taxes_it_is_not_offered(shop, pack, kept, settings):
    settings.STRIPE_TAX = True
    assert set_up(shop, pack).status_code == 422
    assert "top-up" not in shop.browser.get("/billing/").content.decode().lower()
