"""The fake of Stripe, driven by the real SDK: cards that are charged unattended."""

import pytest
import stripe as sdk

from tests.fakes.stripe import Card


@pytest.fixture
def client(stripe_fake):
    return stripe_fake.client()


@pytest.fixture
def customer(client):
    return client.v1.customers.create({"email": "alice@example.org"}).id


def _topped_up(client, customer, card, **fields):
    given = {
        "amount": 1000,
        "currency": "usd",
        "customer": customer,
        "payment_method": card,
        "confirm": True,
        "off_session": True,
        "automatic_payment_methods": {"enabled": True, "allow_redirects": "never"},
    }
    return client.v1.payment_intents.create(given | fields)


def test_when_a_card_was_saved_then_it_can_be_charged_without_its_owner(
    stripe_fake, client, customer
):
    session = client.v1.checkout.sessions.create(
        {
            "mode": "payment",
            "customer": customer,
            "line_items": [{"price": stripe_fake.price(500)}],
            "payment_intent_data": {"setup_future_usage": "off_session"},
            "success_url": "https://site.example/",
        }
    )
    stripe_fake.pay(session.id)
    (card,) = client.v1.customers.payment_methods.list(customer).data
    intent = _topped_up(client, customer, card.id, expand=["latest_charge"])
    assert (intent.status, intent.latest_charge.status) == ("succeeded", "succeeded")


@pytest.mark.parametrize(
    ("behaviour", "code", "decline_code"),
    [
        (Card.DECLINED, "card_declined", "insufficient_funds"),
        (
            Card.AUTHENTICATION_REQUIRED,
            "authentication_required",
            "authentication_required",
        ),
    ],
)
def test_when_a_saved_card_is_declined_then_the_error_carries_the_intent(
    stripe_fake, client, customer, behaviour, code, decline_code
):
    card = stripe_fake.card(customer)
    stripe_fake.set_card(card, behaviour, "insufficient_funds")
    with pytest.raises(sdk.CardError) as caught:
        _topped_up(client, customer, card)
    error = caught.value.error
    assert (caught.value.http_status, error.code) == (402, code)
    assert error.decline_code == decline_code
    intent = client.v1.payment_intents.retrieve(error.payment_intent.id)
    assert intent.status == "requires_payment_method"
    assert [event["type"] for event in stripe_fake.events()][-2:] == [
        "charge.failed",
        "payment_intent.payment_failed",
    ]


def test_when_a_card_is_taken_from_a_customer_then_it_is_not_charged(
    stripe_fake, client, customer
):
    card = client.v1.payment_methods.attach("pm_card_visa", {"customer": customer}).id
    client.v1.payment_methods.detach(card)
    with pytest.raises(sdk.InvalidRequestError, match="must be attached"):
        _topped_up(client, customer, card)


def test_when_a_redirect_could_be_needed_then_a_return_address_is_required(
    stripe_fake, client, customer
):
    card = stripe_fake.card(customer)
    with pytest.raises(sdk.InvalidRequestError, match="return_url") as caught:
        _topped_up(client, customer, card, automatic_payment_methods={"enabled": True})
    assert caught.value.param == "return_url"
    assert not stripe_fake.all("payment_intent")


def test_when_a_payment_is_not_made_then_it_can_be_canceled(client, customer):
    given = {"amount": 1000, "currency": "usd", "customer": customer}
    intent = client.v1.payment_intents.create(given)
    assert client.v1.payment_intents.cancel(intent.id).status == "canceled"
    with pytest.raises(sdk.InvalidRequestError) as caught:
        client.v1.payment_intents.cancel(intent.id)
    assert caught.value.code == "payment_intent_unexpected_state"
