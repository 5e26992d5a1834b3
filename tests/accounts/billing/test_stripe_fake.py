"""The fake of Stripe, driven by the real SDK: what is bought, renewed, given back."""

import pytest
import stripe as sdk

from tests.fakes.stripe import Card, Refused, Transfers

SUCCESS = "https://site.example/thanks?session={CHECKOUT_SESSION_ID}"


@pytest.fixture
def client(stripe_fake):
    return stripe_fake.client()


def _session(client, price, **fields):
    given = {
        "mode": "payment",
        "line_items": [{"price": price, "quantity": 1}],
        "success_url": SUCCESS,
    }
    return client.v1.checkout.sessions.create(given | fields)


@pytest.fixture
def customer(client):
    return client.v1.customers.create({"email": "alice@example.org"}).id


@pytest.fixture
def subscription(stripe_fake, client, customer):
    price = stripe_fake.price(900, every="month", name="Plan")
    session = _session(
        client,
        price,
        mode="subscription",
        customer=customer,
        subscription_data={"metadata": {"wallet": "7"}},
    )
    return stripe_fake.pay(session.id)["subscription"]


def _types(stripe_fake, *, since=0):
    return [event["type"] for event in stripe_fake.events()[since:]]


def test_when_a_pack_is_paid_then_the_session_tells_what_by_whom_and_how(
    stripe_fake, client, customer
):
    price = stripe_fake.price(500, currency="eur", name="100 credits")
    session = _session(
        client,
        price,
        customer=customer,
        client_reference_id="wallet-7",
        payment_intent_data={"metadata": {"wallet": "7"}},
    )
    assert (session.status, session.payment_status) == ("open", "unpaid")
    assert session.payment_intent is None
    stripe_fake.pay(session.id)
    expand = ["line_items", "payment_intent.latest_charge"]
    paid = client.v1.checkout.sessions.retrieve(session.id, {"expand": expand})
    assert (paid.status, paid.payment_status, paid.url) == ("complete", "paid", None)
    assert (paid.amount_total, paid.currency) == (500, "eur")
    assert (paid.customer, paid.client_reference_id) == (customer, "wallet-7")
    assert paid.line_items.data[0].price.id == price
    assert paid.payment_intent.latest_charge.metadata["wallet"] == "7"
    assert client.v1.checkout.sessions.line_items.list(session.id).data[0].quantity == 1


def test_when_pay_is_pressed_twice_then_it_is_paid_once(stripe_fake, client):
    session = _session(client, stripe_fake.price(500))
    assert stripe_fake.pay(session.id) == stripe_fake.pay(session.id)
    assert len(client.v1.charges.list().data) == 1
    assert len(stripe_fake.events("checkout.session.completed")) == 1


def test_when_a_guest_pays_then_there_is_no_customer(stripe_fake, client):
    session = _session(client, stripe_fake.price(500), customer_email="bob@example.org")
    paid = stripe_fake.pay(session.id)
    assert paid["customer"] is None
    assert paid["customer_details"]["email"] == "bob@example.org"


def test_when_a_card_is_declined_then_the_session_stays_open_for_another(
    stripe_fake, client
):
    session = _session(client, stripe_fake.price(500))
    stripe_fake.decline(session.id, "insufficient_funds")
    tried = client.v1.checkout.sessions.retrieve(
        session.id, {"expand": ["payment_intent"]}
    )
    assert (tried.status, tried.payment_status) == ("open", "unpaid")
    error = tried.payment_intent.last_payment_error
    assert (error.code, error.decline_code) == ("card_declined", "insufficient_funds")
    assert stripe_fake.pay(session.id)["payment_intent"] == tried.payment_intent.id


@pytest.mark.parametrize("succeeds", [True, False])
def test_when_a_transfer_is_used_then_the_session_is_complete_before_the_money_comes(
    stripe_fake, client, succeeds
):
    session = _session(client, stripe_fake.price(500))
    waiting = stripe_fake.pay_by_transfer(session.id)
    assert (waiting["status"], waiting["payment_status"]) == ("complete", "unpaid")
    assert (
        stripe_fake.events("checkout.session.completed")[0]["data"]["object"][
            "payment_status"
        ]
        == "unpaid"
    )
    ended = stripe_fake.settle_transfer(session.id, succeeds=succeeds)
    assert ended["payment_status"] == ("paid" if succeeds else "unpaid")
    last = f"checkout.session.async_payment_{'succeeded' if succeeds else 'failed'}"
    assert _types(stripe_fake)[-1] == last
    with pytest.raises(Refused):
        stripe_fake.settle_transfer(session.id)


def test_when_transfers_are_switched_to_fail_then_they_do(stripe_fake, client):
    stripe_fake.pages.transfers = Transfers.FAIL
    session = _session(client, stripe_fake.price(500))
    stripe_fake.pay_by_transfer(session.id)
    assert stripe_fake.events("checkout.session.async_payment_failed")


def test_when_a_promotion_takes_all_off_then_no_payment_is_required(
    stripe_fake, client
):
    stripe_fake.store.promotions |= {"FREE": 100, "HALF": 50}
    price = stripe_fake.price(500)
    halved = _session(client, price, allow_promotion_codes=True)
    assert stripe_fake.pay(halved.id, promotion="HALF")["amount_total"] == 250
    free = _session(client, price, allow_promotion_codes=True)
    paid = stripe_fake.pay(free.id, promotion="FREE")
    assert (paid["payment_status"], paid["payment_intent"]) == (
        "no_payment_required",
        None,
    )


def test_when_tax_is_automatic_then_it_is_on_top_once_the_address_is_known(
    stripe_fake, client, customer
):
    stripe_fake.store.tax_percent = 20
    session = _session(
        client,
        stripe_fake.price(500),
        customer=customer,
        automatic_tax={"enabled": True},
        customer_update={"address": "auto"},
    )
    assert session.amount_total == 500
    paid = stripe_fake.pay(session.id)
    assert (paid["amount_subtotal"], paid["amount_total"]) == (500, 600)
    assert stripe_fake.get(customer)["address"]["country"] == "US"


def test_when_an_invoice_is_wanted_of_a_pack_then_it_belongs_to_no_subscription(
    stripe_fake, client
):
    session = _session(
        client, stripe_fake.price(500), invoice_creation={"enabled": True}
    )
    paid = stripe_fake.pay(session.id)
    invoice = client.v1.invoices.retrieve(paid["invoice"])
    assert (invoice.status, invoice.parent) == ("paid", None)
    assert stripe_fake.refund(session.id)["amount"] == 500


def test_when_a_plan_is_bought_then_the_invoice_says_where_it_belongs(
    stripe_fake, client, subscription
):
    shown = client.v1.subscriptions.retrieve(
        subscription, {"expand": ["latest_invoice"]}
    )
    assert shown.status == "active"
    invoice = shown.latest_invoice
    assert (invoice.status, invoice.billing_reason) == ("paid", "subscription_create")
    details = invoice.parent.subscription_details
    assert (details.subscription, details.metadata["wallet"]) == (subscription, "7")
    line = invoice.lines.data[0]
    item = shown["items"].data[0]
    assert line.pricing.price_details.price == item.price.id
    assert line.period.end == item.current_period_end
    (payment,) = client.v1.invoice_payments.list({"invoice": invoice.id}).data
    intent = client.v1.payment_intents.retrieve(payment.payment.payment_intent)
    same = client.v1.invoice_payments.list(
        {"payment": {"type": "payment_intent", "payment_intent": intent.id}}
    )
    assert same.data[0].invoice == invoice.id


def test_when_a_period_is_over_then_a_draft_is_made_before_it_is_paid(
    stripe_fake, client, subscription
):
    first = client.v1.subscriptions.retrieve(subscription)["items"].data[0]
    since = len(stripe_fake.events())
    invoice = stripe_fake.advance(subscription)
    assert _types(stripe_fake, since=since) == [
        "invoice.created",
        "customer.subscription.updated",
        "invoice.finalized",
        "payment_intent.created",
        "charge.succeeded",
        "payment_intent.succeeded",
        "invoice_payment.paid",
        "invoice.paid",
        "invoice.payment_succeeded",
    ]
    line = invoice["lines"]["data"][0]
    assert line["period"]["start"] == first.current_period_end
    assert invoice["period_end"] == first.current_period_end
    assert stripe_fake.events()[since]["data"]["object"]["status"] == "draft"


def test_when_a_renewal_is_not_paid_then_it_is_past_due_until_it_is(
    stripe_fake, client, subscription, customer
):
    stripe_fake.set_card(customer, Card.DECLINED)
    invoice = stripe_fake.advance(subscription)
    assert (invoice["status"], invoice["attempt_count"]) == ("open", 1)
    assert client.v1.subscriptions.retrieve(subscription).status == "past_due"
    stripe_fake.set_card(customer, Card.OK)
    assert stripe_fake.retry(invoice["id"])["status"] == "paid"
    assert client.v1.subscriptions.retrieve(subscription).status == "active"


def test_when_it_is_canceled_then_it_ends_with_the_period_or_now(
    stripe_fake, client, subscription
):
    client.v1.subscriptions.update(subscription, {"cancel_at_period_end": True})
    kept = client.v1.subscriptions.update(subscription, {"cancel_at_period_end": False})
    assert (kept.cancel_at, kept.canceled_at) == (None, None)
    by_portal = stripe_fake.cancel(subscription, at_period_end=True)
    assert by_portal["cancel_at_period_end"] is False
    assert by_portal["cancel_at"] == by_portal["items"]["data"][0]["current_period_end"]
    assert stripe_fake.advance(subscription) is None
    assert client.v1.subscriptions.retrieve(subscription).status == "canceled"
    assert _types(stripe_fake)[-1] == "customer.subscription.deleted"
    assert client.v1.subscriptions.list().data == []
    assert len(client.v1.subscriptions.list({"status": "all"}).data) == 1
    with pytest.raises(sdk.InvalidRequestError):
        client.v1.subscriptions.cancel(subscription)
