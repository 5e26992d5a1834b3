"""From a press on Buy to credits, with everything that may go wrong between."""

import pytest
from django.core.cache import cache

from accounts import ledger, ledger_audit
from accounts.billing import events, views
from accounts.models import (
    CreditEntry,
    Group,
    Offer,
    Order,
    Purchase,
    StripeEvent,
    User,
)
from tests.accounts.billing.shopping import Shop
from tests.fakes.stripe import BROKEN, CUT

pytestmark = pytest.mark.django_db
Status = Order.Status


def statuses_of_events():
    return set(StripeEvent.objects.values_list("status", flat=True))


def test_when_a_pack_is_paid_then_its_credits_come_once(shop):
    order = shop.order(shop.offer())
    assert order.status == Status.OPEN
    shop.fake.pay(order.stripe_id)
    shop.hear(times=3)
    shop.hear(times=3)
    order.refresh_from_db()
    assert order.status == Status.PAID
    assert shop.wallet.balance == 100
    purchase = Purchase.objects.get()
    assert (purchase.amount, purchase.currency, purchase.credits) == (500, "usd", 100)
    entry = CreditEntry.objects.get(kind="purchase")
    assert entry.reference == order.stripe_id
    assert entry.note == "Handful, $5.00"
    assert "failed" not in statuses_of_events()
    assert ledger_audit.audit() == []


def test_when_buy_is_pressed_twice_then_there_is_one_page_and_one_payment(shop):
    offer = shop.offer()
    first, second = shop.order(offer), shop.order(offer)
    assert first == second
    assert len(shop.fake.all("checkout.session")) == 1
    shop.fake.pay(first.stripe_id)
    shop.fake.pay(first.stripe_id)
    shop.hear()
    assert shop.wallet.balance == 100


def test_when_a_paid_order_is_pressed_again_before_the_news_then_it_counts_and_a_new_one_begins(
    shop,
):
    offer = shop.offer()
    first = shop.order(offer)
    shop.fake.pay(first.stripe_id)
    second = shop.order(offer)
    assert second != first
    assert shop.wallet.balance == 100
    shop.fake.pay(second.stripe_id)
    shop.hear()
    assert shop.wallet.balance == 200


def test_when_the_answer_is_lost_then_the_next_press_gets_the_same_page(
    shop, monkeypatch
):
    monkeypatch.setattr("accounts.billing.client.RETRIES", 0)
    offer = shop.offer()
    shop.order(shop.offer(amount=700))  # the customer is known
    shop.fake.fail(CUT, times=3, on="POST /v1/checkout/sessions")
    assert shop.press_buy(offer).status_code == 503
    shop.fake.forgive()
    order = shop.order(offer)
    made = shop.fake.all("checkout.session", client_reference_id=str(order.public_id))
    assert [each["id"] for each in made] == [order.stripe_id]


def test_when_stripe_is_down_then_the_page_says_so_and_nothing_is_charged(shop):
    offer = shop.offer()
    shop.fake.fail(BROKEN, times=50)
    answer = shop.press_buy(offer)
    assert answer.status_code == 503
    assert "Nothing was charged" in answer.content.decode()
    assert not Order.objects.exists()


def test_when_stripe_breaks_over_a_page_then_the_next_press_gets_another(shop):
    offer = shop.offer()
    shop.fake.fail(BROKEN, times=3, on="POST /v1/checkout/sessions")
    assert shop.press_buy(offer).status_code == 503
    shop.fake.forgive()
    order = shop.order(offer)
    shop.fake.pay(order.stripe_id)
    shop.hear()
    assert shop.wallet.balance == 100


def test_when_people_come_back_before_the_news_then_their_credits_are_there(shop):
    order = shop.order(shop.offer())
    address = f"/billing/orders/{order.public_id}/"
    assert "Waiting for the payment" in shop.browser.get(address).content.decode()
    shop.fake.pay(order.stripe_id)
    cache.clear()  # some seconds pass
    assert "100 credits are yours" in shop.browser.get(address).content.decode()
    shop.hear()
    assert shop.wallet.balance == 100


def test_when_a_page_waits_for_its_order_then_stripe_is_asked_now_and_then(shop):
    order = shop.order(shop.offer())
    shop.fake.requests.clear()
    for _ in range(5):
        shop.browser.get(f"/billing/orders/{order.public_id}/")
    assert len(shop.fake.requests) <= 2
    page = shop.browser.get(f"/billing/orders/{order.public_id}/").content.decode()
    assert "hx-get" in page
    Order.objects.update(created_at=order.created_at - views.WATCHED_FOR)
    page = shop.browser.get(f"/billing/orders/{order.public_id}/").content.decode()
    assert "hx-get" not in page


def test_when_the_order_is_somebody_elses_then_there_is_none(shop, bob, client):
    order = shop.order(shop.offer())
    client.force_login(bob)
    assert client.get(f"/billing/orders/{order.public_id}/").status_code == 404


@pytest.mark.parametrize("succeeds", [True, False])
def test_when_the_money_takes_days_then_credits_come_with_it(shop, succeeds):
    order = shop.order(shop.offer())
    shop.fake.pay_by_transfer(order.stripe_id)
    shop.hear()
    order.refresh_from_db()
    assert order.status == Status.PENDING
    assert shop.wallet.balance == 0
    page = shop.browser.get(f"/billing/orders/{order.public_id}/").content.decode()
    assert "on its way" in page
    shop.fake.settle_transfer(order.stripe_id, succeeds=succeeds)
    shop.hear()
    order.refresh_from_db()
    assert order.status == (Status.PAID if succeeds else Status.FAILED)
    assert shop.wallet.balance == (100 if succeeds else 0)


def test_when_a_card_is_declined_or_the_page_expires_then_nothing_comes(shop):
    order = shop.order(shop.offer())
    shop.fake.decline(order.stripe_id)
    shop.hear()
    order.refresh_from_db()
    assert order.status == Status.OPEN
    shop.fake.expire(order.stripe_id)
    shop.hear()
    order.refresh_from_db()
    assert order.status == Status.EXPIRED
    assert (
        "Nothing was charged"
        in shop.browser.get(f"/billing/orders/{order.public_id}/").content.decode()
    )
    assert shop.wallet.balance == 0


def session_like(shop, order, **changes):
    """Make a session at Stripe that claims to be of an order, but differs."""
    params = {
        "mode": "payment",
        "customer": order.customer.stripe_id,
        "client_reference_id": str(order.public_id),
        "line_items": [{"price": order.offer.stripe_price, "quantity": 1}],
        "success_url": "https://example.org/",
    }
    return shop.fake.client().v1.checkout.sessions.create(params | changes)


def without_page(shop, offer):
    """Return an order whose session was made, but not noted."""
    order = shop.order(offer)
    Order.objects.filter(pk=order.pk).update(stripe_id="")
    return order


@pytest.mark.parametrize(
    "what", ["price", "quantity", "customer", "currency", "second"]
)
def test_when_a_session_is_not_what_was_ordered_then_nothing_is_granted(shop, what):
    order = without_page(shop, shop.offer())
    cheap = shop.fake.price(60, currency="eur" if what == "currency" else "usd")
    lines = {
        "price": [{"price": cheap, "quantity": 1}],
        "currency": [{"price": cheap, "quantity": 1}],
        "quantity": [{"price": order.offer.stripe_price, "quantity": 2}],
        "second": [
            {"price": order.offer.stripe_price, "quantity": 1},
            {"price": shop.fake.price(60), "quantity": 1},
        ],
    }
    changes = {"line_items": lines[what]} if what in lines else {}
    if what == "customer":
        changes["customer"] = shop.fake.customer("mallory@example.org")
    session = session_like(shop, order, **changes)
    shop.fake.pay(session.id)
    shop.hear()
    assert shop.wallet.balance == 0
    assert not Purchase.objects.exists()
    told = StripeEvent.objects.get(
        object_id=session.id, type="checkout.session.completed"
    )
    assert told.status == StripeEvent.Status.FAILED
    assert "expected" in told.told
    page = shop.browser.get(f"/billing/orders/{order.public_id}/").content.decode()
    if what != "customer":  # that one was never tied to the order
        assert "needs a look" in page
        assert "Nothing was charged" not in page


def test_when_a_session_was_not_noted_then_its_news_finds_the_order(shop):
    order = shop.order(shop.offer())
    session_id = order.stripe_id
    Order.objects.filter(pk=order.pk).update(stripe_id="")
    shop.fake.pay(session_id)
    shop.hear()
    assert shop.wallet.balance == 100


def test_when_metadata_promises_more_then_it_is_not_believed(shop):
    order = without_page(shop, shop.offer())
    session = session_like(shop, order, metadata={"credits": "1000000"})
    shop.fake.pay(session.id)
    shop.hear()
    assert shop.wallet.balance == 100


@pytest.mark.parametrize("reference", ["", "nonsense", "c" * 36, None])
def test_when_the_account_sells_other_things_too_then_they_are_left_alone(
    shop, reference
):
    shop.bought(shop.offer())
    params = {
        "mode": "payment",
        "customer": shop.fake.customer("somebody@example.org"),
        "line_items": [{"price": shop.fake.price(900), "quantity": 1}],
        "success_url": "https://example.org/",
    }
    if reference:
        params["client_reference_id"] = reference
    session = shop.fake.client().v1.checkout.sessions.create(params)
    shop.fake.pay(session.id)
    shop.hear()
    assert shop.wallet.balance == 100
    ours = StripeEvent.objects.filter(object_id=session.id)
    assert set(ours.values_list("status", flat=True)) == {StripeEvent.Status.IGNORED}


def test_when_stripe_stumbles_then_news_is_handled_later(shop):
    order = shop.order(shop.offer())
    shop.fake.pay(order.stripe_id)
    shop.fake.fail(BROKEN, times=50, on="GET /v1/checkout/sessions")
    shop.hear()
    waiting = StripeEvent.objects.filter(status=StripeEvent.Status.WAITING)
    assert waiting.get().type == "checkout.session.completed"
    assert shop.wallet.balance == 0
    shop.fake.forgive()
    events.handle_waiting()
    assert shop.wallet.balance == 0  # its turn has not come
    waiting.update(next_attempt_at=waiting.get().received_at)
    events.handle_waiting()
    assert shop.wallet.balance == 100


def test_when_the_offer_is_gone_or_nonsense_then_the_page_says_so(shop):
    offer = shop.offer()
    Offer.objects.update(active=False)
    for value in (offer.pk, "", "x", "9" * 30, "0", "-1", "1 OR 1=1", "\0"):
        answer = shop.browser.post("/billing/orders/", {"offer": value})
        assert answer.status_code == 422, value
    assert not Order.objects.exists()


def test_when_a_group_pays_then_nothing_is_sold(shop):
    offer = shop.offer()
    group = Group.objects.create(name="Class", shares_credits=True)
    User.objects.filter(pk=shop.buyer.pk).update(group=group)
    page = shop.browser.get("/billing/").content.decode()
    assert "Your group pays for your pictures" in page
    assert "Handful" not in page
    assert shop.press_buy(offer).status_code == 422


def test_when_nothing_is_sold_then_no_page_mentions_money(client, alice, settings):
    client.force_login(alice)
    for address in ("", "portal/", "orders/", "top-up/"):
        assert client.get(f"/billing/{address}").status_code == 404
        assert client.post(f"/billing/{address}").status_code in (404, 405)
    page = client.get("/credits/").content.decode()
    assert "Buy" not in page
    assert "billing" not in page


def test_when_a_stranger_comes_then_they_sign_in_first(shop, client):
    for address in ("/billing/", "/billing/orders/"):
        assert client.get(address).status_code in (302, 405)
    assert client.post("/billing/orders/", {"offer": "1"}).status_code == 302


def test_the_wallet_of_the_shop_is_the_buyers_own(shop: Shop):
    shop.bought(shop.offer())
    assert ledger.wallet_of(shop.buyer) == Purchase.objects.get().wallet
