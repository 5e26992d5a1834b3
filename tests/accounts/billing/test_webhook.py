"""What Stripe's address takes, and what it refuses: signatures, ages, modes, sizes."""

import json
import time

import pytest
import stripe

from accounts.models import StripeEvent

pytestmark = pytest.mark.django_db
SECRET = "whsec_of_the_tests"
ADDRESS = "/billing/webhook/"


@pytest.fixture(autouse=True)
def _sells(settings):
    settings.STRIPE_SECRET_KEY = "sk_test_of_the_tests"
    settings.STRIPE_WEBHOOK_SECRET = SECRET


def event(**changes):
    return {
        "id": "evt_1",
        "object": "event",
        "type": "invoice.paid",
        "created": int(time.time()),
        "livemode": False,
        "data": {"object": {"id": "in_1", "object": "invoice"}},
    } | changes


def signed(body, *, secret=SECRET, at=None):
    header = stripe.WebhookSignature.generate_signature_header(
        body, secret, timestamp=at or int(time.time())
    )
    return {"Stripe-Signature": header}


def send(client, body, headers=None):
    text = body if isinstance(body, str) else json.dumps(body)
    return client.post(
        ADDRESS,
        text,
        content_type="application/json",
        headers=signed(text) if headers is None else headers,
    )


def test_when_news_is_signed_then_it_is_kept_once_however_often_it_comes(client):
    for _ in range(5):
        assert send(client, event()).status_code == 200
    row = StripeEvent.objects.get()
    assert (row.stripe_id, row.object_id) == ("evt_1", "in_1")
    assert row.status == StripeEvent.Status.WAITING


def test_when_news_is_of_no_interest_then_it_is_answered_and_not_kept(client):
    assert send(client, event(type="product.created")).status_code == 200
    assert not StripeEvent.objects.exists()


def headers_of_a_forger(text):
    return [
        {},
        {"Stripe-Signature": ""},
        {"Stripe-Signature": "t=,v1="},
        {"Stripe-Signature": "v1=abc"},
        {"Stripe-Signature": "t=abc,v1=abc"},
        {"Stripe-Signature": f"t={int(time.time())}"},
        {"Stripe-Signature": "=" * 5000},
        signed(text, secret="whsec_of_somebody_else"),
        signed(text + " "),
        signed(text, at=int(time.time()) - 301),
        signed(text, at=int(time.time()) + 330),
        signed(text, at=int(time.time()) + 3600),
    ]


@pytest.mark.parametrize("number", range(12))
def test_when_it_is_forged_stale_or_from_the_future_then_it_is_refused(client, number):
    text = json.dumps(event())
    assert send(client, text, headers_of_a_forger(text)[number]).status_code == 400
    assert not StripeEvent.objects.exists()


def test_when_the_header_carries_a_second_broken_stamp_then_there_is_no_500(client):
    text = json.dumps(event())
    header = signed(text)["Stripe-Signature"] + ",t=tomorrow"
    assert send(client, text, {"Stripe-Signature": header}).status_code == 200


def test_when_it_is_of_the_other_mode_then_it_is_refused(client, settings):
    assert send(client, event(livemode=True)).status_code == 400
    settings.STRIPE_SECRET_KEY = "sk_live_of_the_tests"
    assert send(client, event(livemode=False)).status_code == 400
    assert not StripeEvent.objects.exists()


@pytest.mark.parametrize(
    "body",
    [
        "",
        "null",
        "[]",
        "7",
        '"evt_1"',
        "{",
        "[" * 100_000,
        json.dumps({"object": "v2.core.event"}),
        json.dumps({"object": "event"}),
        json.dumps(event(data=None)),
        json.dumps(event(data={"object": None})),
        json.dumps(event(data={"object": []})),
        json.dumps(event(data={"object": {"object": "invoice"}})),
        json.dumps(event(id=7)),
        json.dumps(event(id="e" * 300)),
        json.dumps(event(created="today")),
        json.dumps(event(created=10**30)),
        json.dumps(event(type=["invoice.paid"])),
        json.dumps(event(id="evt\0")),
    ],
)
def test_when_the_body_is_no_event_then_it_is_refused_though_it_is_signed(client, body):
    assert send(client, body).status_code == 400
    assert not StripeEvent.objects.exists()


def test_when_the_body_has_no_text_then_it_is_refused(client):
    answer = client.post(
        ADDRESS,
        b"\xff\xfe",
        content_type="application/json",
        headers={"Stripe-Signature": "t=1,v1=a"},
    )
    assert answer.status_code == 400


def test_when_five_megabytes_come_then_they_are_not_read(client):
    text = json.dumps(event(filler="x" * 5_000_000))
    assert send(client, text).status_code == 413
    assert not StripeEvent.objects.exists()


def test_when_nothing_is_sold_then_there_is_no_such_address(client, settings):
    settings.STRIPE_SECRET_KEY = ""
    assert send(client, event()).status_code == 404
    settings.STRIPE_SECRET_KEY = "sk_test_of_the_tests"
    settings.STRIPE_WEBHOOK_SECRET = ""
    assert send(client, event()).status_code == 404


def test_when_it_is_asked_for_then_there_is_nothing_to_see(client):
    assert client.get(ADDRESS).status_code == 405
