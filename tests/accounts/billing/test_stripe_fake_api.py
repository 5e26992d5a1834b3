"""The fake of Stripe, driven by the real SDK: what it refuses, and how it breaks."""

import threading

import pytest
import requests
import stripe as sdk

from tests.fakes.stripe import BROKEN, CUT, LOST, RATE_LIMITED, UNAVAILABLE, slow
from tests.fakes.wire import soon


@pytest.fixture
def client(stripe_fake):
    return stripe_fake.client()


@pytest.fixture(autouse=True)
def _hasty(monkeypatch):
    monkeypatch.setattr(sdk.HTTPClient, "INITIAL_DELAY", 0.01)
    monkeypatch.setattr(sdk.HTTPClient, "MAX_DELAY", 0.05)


def _refusal(kind, call, *arguments, **options):
    with pytest.raises(kind) as caught:
        call(*arguments, **options)
    return caught.value


def _session(price, **fields):
    return {
        "mode": "payment",
        "line_items": [{"price": price}],
        "success_url": "https://site.example/",
    } | fields


def test_when_the_key_is_wrong_then_401(stripe_fake):
    client = stripe_fake.client("sk_test_somebodyelse0000")
    error = _refusal(sdk.AuthenticationError, client.v1.customers.list)
    assert error.http_status == 401
    assert "somebodyelse" not in str(error)


def test_when_a_live_key_asks_for_a_test_object_then_it_is_told_so(stripe_fake, client):
    live = stripe_fake.client(stripe_fake.LIVE_KEY)
    customer = client.v1.customers.create().id
    error = _refusal(sdk.InvalidRequestError, live.v1.customers.retrieve, customer)
    assert (error.http_status, error.code) == (404, "resource_missing")
    assert "a similar object exists in test mode" in str(error)
    assert live.v1.customers.list().data == []
    assert live.v1.customers.create().livemode
    assert stripe_fake.events()[-1]["livemode"]


def test_when_an_id_is_nobodys_then_404_in_a_path_and_400_elsewhere(client):
    error = _refusal(sdk.InvalidRequestError, client.v1.charges.retrieve, "ch_none")
    assert (error.http_status, error.code, error.param) == (
        404,
        "resource_missing",
        "id",
    )
    create = client.v1.checkout.sessions.create
    error = _refusal(sdk.InvalidRequestError, create, _session("price_none"))
    assert (error.http_status, error.param) == (400, "line_items[0][price]")


@pytest.mark.parametrize(
    ("given", "code", "param"),
    [
        ({"colour": "red"}, "parameter_unknown", "colour"),
        (
            {"payment_method_types": ["card"]},
            "parameter_unknown",
            "payment_method_types",
        ),
        ({"mode": "gift"}, None, "mode"),
        ({"ui_mode": "hosted"}, None, "ui_mode"),
        ({"success_url": "thanks"}, "url_invalid", "success_url"),
        ({"customer": ""}, "parameter_invalid_empty", "customer"),
        ({"expires_at": "soon"}, "parameter_invalid_integer", "expires_at"),
        ({"expires_at": 12}, None, "expires_at"),
        ({"metadata": {"k" * 41: "v"}}, None, f"metadata[{'k' * 41}]"),
        ({"subscription_data": {"metadata": {"a": "b"}}}, None, "subscription_data"),
        ({"customer_update": {"address": "auto"}}, None, "customer_update"),
        (
            {"line_items": [{"price": "price_1", "size": "l"}]},
            "parameter_unknown",
            "line_items[0][size]",
        ),
    ],
)
def test_when_a_parameter_is_wrong_then_it_is_named(
    stripe_fake, client, given, code, param
):
    price = stripe_fake.price(500)
    create = client.v1.checkout.sessions.create
    error = _refusal(sdk.InvalidRequestError, create, _session(price, **given))
    assert (error.http_status, error.code, error.param) == (400, code, param)
    assert stripe_fake.all("checkout.session") == []


def test_when_a_parameter_is_missing_or_prices_do_not_fit_then_it_is_refused(
    stripe_fake, client
):
    create = client.v1.checkout.sessions.create
    error = _refusal(sdk.InvalidRequestError, create, {"mode": "payment"})
    assert (error.code, error.param) == ("parameter_missing", "success_url")
    plan = stripe_fake.price(900, every="month")
    error = _refusal(sdk.InvalidRequestError, create, _session(plan))
    assert "recurring price" in str(error)
    old = stripe_fake.price(500, active=False)
    error = _refusal(sdk.InvalidRequestError, create, _session(old))
    assert "inactive" in str(error)
    cheap = stripe_fake.price(49)
    error = _refusal(sdk.InvalidRequestError, create, _session(cheap))
    assert error.code == "amount_too_small"


def test_when_stripe_can_do_it_and_the_fake_cannot_then_it_says_so(stripe_fake, client):
    given = _session(stripe_fake.price(500), shipping_options=[{"shipping_rate": "x"}])
    error = _refusal(sdk.APIError, client.v1.checkout.sessions.create, given)
    assert error.http_status == 501
    assert "`shipping_options.shipping_rate`" in str(error)


def test_when_no_version_is_said_then_it_is_refused(stripe_fake):
    answer = requests.get(
        f"{stripe_fake.url}/v1/customers",
        headers={"Authorization": f"Bearer {stripe_fake.KEY}"},
        timeout=5,
    )
    assert answer.status_code == 400
    assert answer.json()["error"]["code"] == "api_version_missing"


def test_when_there_are_many_then_paging_finds_each_once(stripe_fake, client):
    made = [stripe_fake.customer(f"a{number}@example.org") for number in range(25)]
    listed = client.v1.customers.list({"limit": 10})
    assert (len(listed.data), listed.has_more) == (10, True)
    found = [customer.id for customer in listed.auto_paging_iter()]
    assert found == made[::-1]
    back = client.v1.customers.list({"ending_before": made[10], "limit": 3})
    assert [customer.id for customer in back.data] == made[11:14][::-1]


def test_when_events_are_listed_then_by_type_and_time(stripe_fake, client):
    stripe_fake.customer("old@example.org")
    stripe_fake.clock.advance(days=3)
    stripe_fake.customer("new@example.org")
    since = stripe_fake.clock.now() - 60
    listed = client.v1.events.list(
        {"types": ["customer.created"], "created": {"gte": since}}
    )
    (event,) = listed.data
    assert event.data.object.email == "new@example.org"
    assert client.v1.events.retrieve(event.id).type == "customer.created"
    assert len(client.v1.events.list({"type": "customer.*"}).data) == 2
    stripe_fake.clock.advance(days=28)
    assert len(client.v1.events.list({"type": "customer.*"}).data) == 1


def test_when_a_request_is_repeated_under_its_key_then_it_is_done_once(
    stripe_fake, client
):
    once = {"idempotency_key": "top-up-7"}
    first = client.v1.customers.create({"email": "a@example.org"}, once)
    again = client.v1.customers.create({"email": "a@example.org"}, once)
    assert again.id == first.id
    assert again.last_response.headers["Idempotent-Replayed"] == "true"
    other = {"email": "b@example.org"}
    error = _refusal(sdk.IdempotencyError, client.v1.customers.create, other, once)
    assert error.http_status == 400
    error = _refusal(
        sdk.IdempotencyError, client.v1.products.create, {"name": "x"}, once
    )
    assert "same endpoint" in str(error)
    assert stripe_fake.events()[0]["request"]["idempotency_key"] == "top-up-7"
    stripe_fake.clock.advance(days=1)
    assert client.v1.customers.create(other, once).id != first.id


def test_when_a_refusal_came_before_anything_was_done_then_the_key_is_free(client):
    once = {"idempotency_key": "k"}
    with pytest.raises(sdk.InvalidRequestError):
        client.v1.customers.create({"colour": "red"}, once)
    assert client.v1.customers.create({"name": "Alice"}, once).name == "Alice"


def test_when_a_declined_charge_is_repeated_under_its_key_then_so_is_the_answer(
    stripe_fake, client
):
    customer = stripe_fake.customer("a@example.org")
    given = {
        "amount": 500,
        "currency": "usd",
        "customer": customer,
        "payment_method": client.v1.payment_methods.attach(
            "pm_card_chargeCustomerFail", {"customer": customer}
        ).id,
        "confirm": True,
        "off_session": True,
        "allowed_payment_method_types": ["card"],
    }
    for _ in range(2):
        with pytest.raises(sdk.CardError):
            client.v1.payment_intents.create(given, {"idempotency_key": "k"})
    assert len(stripe_fake.all("charge")) == 1


def test_when_the_first_is_still_going_then_the_second_waits_its_turn(
    stripe_fake, client
):
    stripe_fake.fail(slow(0.5), on="POST /v1/customers")
    once = {"idempotency_key": "k"}
    first = threading.Thread(target=client.v1.customers.create, args=({}, once))
    first.start()
    assert soon(lambda: stripe_fake.requests)
    error = _refusal(sdk.APIError, client.v1.customers.create, {}, once)
    assert error.http_status == 409
    assert error.error.code == "idempotency_key_in_use"
    first.join()
    patient = stripe_fake.client(max_network_retries=20)
    patient.v1.customers.create({}, once)
    assert len(stripe_fake.all("customer")) == 1


@pytest.mark.parametrize("fault", [CUT, LOST, UNAVAILABLE])
def test_when_the_answer_is_lost_then_the_sdk_asks_again_and_it_is_done_once(
    stripe_fake, fault
):
    stripe_fake.fail(fault, on="POST /v1/customers")
    client = stripe_fake.client(max_network_retries=2)
    customer = client.v1.customers.create({"email": "a@example.org"})
    assert [each["id"] for each in stripe_fake.all("customer")] == [customer.id]
    keys = {call.headers["idempotency-key"] for call in stripe_fake.calls}
    assert (len(stripe_fake.calls), len(keys)) == (2, 1)
    was_replayed = "Idempotent-Replayed" in customer.last_response.headers
    assert was_replayed == (fault is CUT)


def test_when_an_endpoint_breaks_then_its_key_keeps_the_500(stripe_fake):
    stripe_fake.fail(BROKEN, on="POST /v1/customers")
    client = stripe_fake.client(max_network_retries=2)
    once = {"idempotency_key": "k"}
    for _ in range(2):
        error = _refusal(sdk.APIError, client.v1.customers.create, {}, once)
        assert error.http_status == 500
    assert len(stripe_fake.calls) == 2


def test_when_it_is_asked_too_often_then_429_and_nothing_is_done(stripe_fake, client):
    stripe_fake.fail(RATE_LIMITED, times=2, on="POST /v1/customers")
    once = {"idempotency_key": "k"}
    for _ in range(2):
        _refusal(sdk.RateLimitError, client.v1.customers.create, {}, once)
    assert client.v1.customers.create({}, once).id
    assert client.v1.customers.list().data


def test_when_requests_were_made_then_they_can_be_asserted_on(stripe_fake, client):
    client.v1.customers.create({"email": "a@example.org", "metadata": {"wallet": 7}})
    (asked,) = stripe_fake.requests
    assert (asked.method, asked.path) == ("POST", "/v1/customers")
    assert asked.params == {"email": "a@example.org", "metadata": {"wallet": "7"}}
    assert asked.headers["stripe-version"] == stripe_fake.API_VERSION
    assert client.v1.accounts.retrieve_current().charges_enabled
