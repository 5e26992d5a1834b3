"""The fake of Stripe: its webhooks, whole and broken, and the pages for people."""

import re
from concurrent.futures import ThreadPoolExecutor

import pytest
import requests
import stripe as sdk

from tests.fakes.wire import soon

SUCCESS = "https://site.example/thanks?session={CHECKOUT_SESSION_ID}"


@pytest.fixture
def client(stripe_fake):
    return stripe_fake.client()


def _session(stripe_fake, client, **fields):
    given = {
        "mode": "payment",
        "line_items": [{"price": stripe_fake.price(500, name="100 credits")}],
        "success_url": SUCCESS,
        "cancel_url": "https://site.example/packs",
    }
    return client.v1.checkout.sessions.create(given | fields)


def _verified(stripe_fake, call):
    return sdk.Webhook.construct_event(
        call.body, call.headers["stripe-signature"], stripe_fake.WEBHOOK_SECRET
    )


def test_when_something_happens_then_the_site_is_told_signed_and_in_order(
    stripe_fake, client, endpoint
):
    stripe_fake.customer("alice@example.org")
    session = _session(stripe_fake, client)
    stripe_fake.pay(session.id)
    assert stripe_fake.webhooks.wait()
    events = [_verified(stripe_fake, call) for call in endpoint.calls]
    assert [event.id for event in events] == [e["id"] for e in stripe_fake.events()]
    assert events[-1].type == "checkout.session.completed"
    assert events[-1].data.object.payment_status == "paid"
    assert events[-1].api_version == stripe_fake.API_VERSION
    assert client.v1.events.retrieve(events[0].id).pending_webhooks == 0


def test_when_the_site_fails_then_it_is_told_again_until_it_does_not(
    stripe_fake, endpoint
):
    stripe_fake.webhooks.retry_seconds = 0.01
    endpoint.answers = [500, 302, 404]
    stripe_fake.customer("alice@example.org")
    assert stripe_fake.webhooks.wait()
    statuses = [each.status for each in stripe_fake.webhooks.deliveries]
    assert statuses == [500, 302, 404, 200]
    assert len({call.json["id"] for call in endpoint.calls}) == 1


def test_when_the_site_is_away_then_the_event_stays_pending(
    stripe_fake, client, endpoint
):
    endpoint.stop()
    stripe_fake.webhooks.attempts = 2
    stripe_fake.webhooks.retry_seconds = 0.01
    stripe_fake.customer("alice@example.org")
    assert stripe_fake.webhooks.wait()
    assert [each.status for each in stripe_fake.webhooks.deliveries] == [None, None]
    (missed,) = client.v1.events.list({"delivery_success": False}).data
    assert missed.type == "customer.created"


def test_when_duplicates_are_switched_on_then_each_comes_so_often(
    stripe_fake, endpoint
):
    stripe_fake.webhooks.duplicate = 3
    stripe_fake.webhooks.at_once = 3
    stripe_fake.customer("alice@example.org")
    assert stripe_fake.webhooks.wait()
    assert endpoint.types == ["customer.created"] * 3


def test_when_types_are_dropped_then_only_the_events_list_knows(
    stripe_fake, client, endpoint
):
    stripe_fake.webhooks.drop = {"checkout.session.completed"}
    stripe_fake.pay(_session(stripe_fake, client).id)
    assert stripe_fake.webhooks.wait()
    assert "checkout.session.completed" not in endpoint.types
    assert len(stripe_fake.webhooks.dropped) == 1
    listed = client.v1.events.list({"types": ["checkout.session.completed"]})
    assert [event.id for event in listed.data] == stripe_fake.webhooks.dropped


def test_when_events_are_held_then_they_come_in_the_order_that_is_asked(
    stripe_fake, client, endpoint
):
    stripe_fake.webhooks.hold()
    stripe_fake.pay(_session(stripe_fake, client).id)
    held = stripe_fake.webhooks.held
    assert not endpoint.calls
    stripe_fake.webhooks.release("reversed")
    assert stripe_fake.webhooks.wait()
    assert endpoint.types == held[::-1]
    stripe_fake.webhooks.hold()
    stripe_fake.pay(_session(stripe_fake, client).id)
    stripe_fake.webhooks.release(["checkout.session.completed", "charge.succeeded"])
    assert stripe_fake.webhooks.wait()
    assert endpoint.types[len(held) :][:2] == [
        "checkout.session.completed",
        "charge.succeeded",
    ]


def test_when_events_are_delayed_then_the_site_hears_later(stripe_fake, endpoint):
    stripe_fake.webhooks.delay = 0.3
    stripe_fake.customer("alice@example.org")
    assert not stripe_fake.webhooks.wait(0.1)
    assert not endpoint.calls
    assert stripe_fake.webhooks.wait()
    assert endpoint.types == ["customer.created"]


def test_when_an_event_is_forged_then_the_sdk_sees_through_it(stripe_fake, endpoint):
    event = stripe_fake.forge("invoice.paid", {"id": "in_1", "object": "invoice"})
    stripe_fake.send(event, secret="whsec_wrong")
    stripe_fake.send(event, at=1_000_000)
    for call in endpoint.calls:
        with pytest.raises(sdk.SignatureVerificationError):
            _verified(stripe_fake, call)
    big = stripe_fake.forge("invoice.paid", {"words": "x" * 5_000_000}, livemode=True)
    assert stripe_fake.send(big).status == 200
    assert _verified(stripe_fake, endpoint.calls[-1]).livemode
    assert not stripe_fake.events()


def test_when_an_event_is_sent_once_more_then_it_is_the_same(stripe_fake, endpoint):
    stripe_fake.customer("alice@example.org")
    assert stripe_fake.webhooks.wait()
    (event,) = stripe_fake.events()
    assert stripe_fake.webhooks.resend(event["id"]).is_taken
    first, second = endpoint.calls
    assert first.json == second.json


def _press(address, action, **fields):
    return requests.post(
        address, data={"action": action} | fields, allow_redirects=False, timeout=5
    )


def test_when_a_person_pays_on_the_page_then_she_is_sent_back_once(stripe_fake, client):
    session = _session(stripe_fake, client)
    page = requests.get(session.url, timeout=5)
    assert "Stripe (a fake)" in page.text
    assert re.search(r"100 credits.*5\.00 USD", page.text, re.DOTALL)
    assert "https://site.example/packs" in page.text
    declined = _press(session.url, "decline")
    assert (declined.status_code, "declined" in declined.text) == (402, True)
    for _ in range(2):
        answer = _press(session.url, "pay", email="alice@example.org")
        assert answer.status_code == 303
        wanted = SUCCESS.replace("{CHECKOUT_SESSION_ID}", session.id)
        assert answer.headers["Location"] == wanted
    assert len(stripe_fake.events("checkout.session.completed")) == 1
    assert "already paid" in requests.get(session.url, timeout=5).text


def test_when_twenty_press_pay_at_once_then_it_is_paid_once(stripe_fake, client):
    session = _session(stripe_fake, client)
    with ThreadPoolExecutor(20) as people:
        answers = list(people.map(lambda _: _press(session.url, "pay"), range(20)))
    assert {answer.status_code for answer in answers} == {303}
    assert len(stripe_fake.all("charge")) == 1
    assert len(stripe_fake.events("checkout.session.completed")) == 1


def test_when_a_session_is_too_old_then_its_page_takes_no_money(stripe_fake, client):
    session = _session(stripe_fake, client)
    stripe_fake.clock.advance(days=1)
    assert _press(session.url, "pay").status_code == 410
    assert client.v1.checkout.sessions.retrieve(session.id).status == "expired"
    assert not stripe_fake.all("charge")


def test_when_a_person_cancels_in_the_portal_then_it_ends_with_the_period(
    stripe_fake, client
):
    plan = stripe_fake.price(900, every="month")
    customer = stripe_fake.customer("alice@example.org")
    session = _session(
        stripe_fake,
        client,
        mode="subscription",
        customer=customer,
        line_items=[{"price": plan}],
    )
    subscription = stripe_fake.pay(session.id)["subscription"]
    portal = client.v1.billing_portal.sessions.create(
        {"customer": customer, "return_url": "https://site.example/plan"}
    )
    page = requests.get(portal.url, timeout=5).text
    assert "Cancel subscription" in page
    assert "https://site.example/plan" in page
    _press(portal.url, "cancel", subscription=subscription)
    shown = client.v1.subscriptions.retrieve(subscription)
    assert shown.cancel_at == shown["items"].data[0].current_period_end
    assert "It ends on" in requests.get(portal.url, timeout=5).text
    other = client.v1.billing_portal.sessions.create(
        {"customer": stripe_fake.customer("bob@example.org")}
    )
    _press(other.url, "keep", subscription=subscription)
    assert client.v1.subscriptions.retrieve(subscription).cancel_at


def test_when_the_desk_is_used_then_it_plays_the_bank(stripe_fake, client):
    desk = f"{stripe_fake.url}/desk"
    session = _session(stripe_fake, client)
    _press(session.url, "transfer")
    assert "It arrives" in requests.get(desk, timeout=5).text
    _press(desk, "arrive", id=session.id)
    assert client.v1.checkout.sessions.retrieve(session.id).payment_status == "paid"
    (charge,) = stripe_fake.all("charge")
    _press(desk, "halve", id=charge["id"])
    assert stripe_fake.get(charge["id"])["amount_refunded"] == 250
    _press(desk, "dispute", id=charge["id"])
    (dispute,) = stripe_fake.all("dispute")
    _press(desk, "lose", id=dispute["id"])
    assert "already closed" in _press(desk, "win", id=dispute["id"]).text
    assert "no such button" in _press(desk, "win", id="nobody").text
    assert soon(lambda: "lost" in requests.get(desk, timeout=5).text)
