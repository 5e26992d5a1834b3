"""The fake of Stripe, driven by the real SDK: refunds, disputes, goodbyes, shapes."""

import typing

import pytest
import stripe as sdk
from stripe._object_classes import get_object_class

from tests.fakes.stripe import Refused


@pytest.fixture
def client(stripe_fake):
    return stripe_fake.client()


@pytest.fixture
def paid(stripe_fake, client):
    """A pack for 5 dollars that was paid."""
    session = client.v1.checkout.sessions.create(
        {
            "mode": "payment",
            "line_items": [{"price": stripe_fake.price(500)}],
            "success_url": "https://site.example/",
        }
    )
    return stripe_fake.pay(session.id)


def test_when_a_payment_is_refunded_in_parts_then_the_charge_adds_them_up(
    stripe_fake, client, paid
):
    intent = paid["payment_intent"]
    first = client.v1.refunds.create({"payment_intent": intent, "amount": 200})
    charge = client.v1.charges.retrieve(first.charge, {"expand": ["refunds"]})
    assert (charge.amount_refunded, charge.refunded) == (200, False)
    rest = client.v1.refunds.create({"charge": charge.id})
    assert (rest.amount, rest.status) == (300, "succeeded")
    listed = client.v1.refunds.list({"payment_intent": intent}).data
    assert [refund.id for refund in listed] == [rest.id, first.id]
    told = stripe_fake.events("charge.refunded")[-1]["data"]["object"]
    assert (told["amount_refunded"], told["refunded"]) == (500, True)
    with pytest.raises(sdk.InvalidRequestError) as caught:
        client.v1.refunds.create({"charge": charge.id})
    assert caught.value.code == "charge_already_refunded"


def test_when_more_is_asked_back_than_was_paid_then_it_is_refused(client, paid):
    with pytest.raises(sdk.InvalidRequestError, match="greater than unrefunded"):
        client.v1.refunds.create(
            {"payment_intent": paid["payment_intent"], "amount": 501}
        )


def test_when_a_refund_comes_back_then_the_charge_is_not_refunded_after_all(
    stripe_fake, client, paid
):
    refund = stripe_fake.refund(paid["id"], is_pending=True)
    assert refund["status"] == "pending"
    failed = stripe_fake.settle_refund(refund["id"], succeeds=False)
    assert (failed["status"], failed["failure_reason"]) == (
        "failed",
        "lost_or_stolen_card",
    )
    charge = client.v1.charges.retrieve(refund["charge"])
    assert (charge.amount_refunded, charge.refunded) == (0, False)
    assert (
        stripe_fake.events("refund.failed")[0]["data"]["object"]["id"] == refund["id"]
    )


@pytest.mark.parametrize("won", [True, False])
def test_when_a_charge_is_disputed_then_the_money_goes_and_perhaps_returns(
    stripe_fake, client, paid, won
):
    dispute = stripe_fake.dispute(paid["id"])
    assert dispute["status"] == "needs_response"
    assert client.v1.charges.retrieve(dispute["charge"]).disputed
    with pytest.raises(sdk.InvalidRequestError) as caught:
        client.v1.refunds.create({"payment_intent": paid["payment_intent"]})
    assert caught.value.code == "charge_disputed"
    stripe_fake.close_dispute(dispute["id"], won=won)
    shown = client.v1.disputes.list({"payment_intent": paid["payment_intent"]}).data[0]
    assert shown.status == ("won" if won else "lost")
    assert sum(each.amount for each in shown.balance_transactions) == (
        0 if won else -500
    )
    told = [
        event["type"] for event in stripe_fake.events() if "dispute" in event["type"]
    ]
    assert told == [
        "charge.dispute.created",
        "charge.dispute.funds_withdrawn",
        "charge.dispute.closed",
    ] + (["charge.dispute.funds_reinstated"] if won else [])
    with pytest.raises(Refused):
        stripe_fake.close_dispute(dispute["id"], won=won)


def test_when_the_bank_only_asks_then_no_money_moves(stripe_fake, paid):
    dispute = stripe_fake.dispute(paid["id"], is_inquiry=True)
    assert dispute["status"] == "warning_needs_response"
    closed = stripe_fake.close_dispute(dispute["id"], won=False)
    assert closed["status"] == "warning_closed"
    assert not stripe_fake.events("charge.dispute.funds_withdrawn")


def test_when_a_customer_is_deleted_then_what_was_hers_ends(stripe_fake, client):
    customer = client.v1.customers.create({"email": "alice@example.org"}).id
    session = client.v1.checkout.sessions.create(
        {
            "mode": "subscription",
            "customer": customer,
            "line_items": [{"price": stripe_fake.price(900, every="month")}],
            "success_url": "https://site.example/",
        }
    )
    subscription = stripe_fake.pay(session.id)["subscription"]
    client.v1.customers.delete(customer)
    assert client.v1.customers.retrieve(customer).deleted
    assert client.v1.subscriptions.retrieve(subscription).status == "canceled"
    with pytest.raises(sdk.InvalidRequestError) as caught:
        client.v1.customers.update(customer, {"name": "Alice"})
    assert (caught.value.http_status, caught.value.code) == (404, "resource_missing")


def test_when_everything_has_happened_then_all_documents_have_the_sdks_shape(
    stripe_fake, client, paid
):
    stripe_fake.store.tax_percent = 20
    customer = client.v1.customers.create(
        {"email": "alice@example.org", "address": {"country": "US"}}
    )
    for mode, every in (("payment", None), ("subscription", "month")):
        session = client.v1.checkout.sessions.create(
            {
                "mode": mode,
                "customer": customer.id,
                "automatic_tax": {"enabled": True},
                "line_items": [{"price": stripe_fake.price(900, every=every)}],
                "success_url": "https://site.example/",
            }
        )
        stripe_fake.pay(session.id)
    (subscription,) = stripe_fake.all("subscription")
    stripe_fake.advance(subscription["id"], paid=False)
    stripe_fake.refund(paid["id"], 100)
    stripe_fake.dispute(session.id)
    client.v1.billing_portal.sessions.create({"customer": customer.id})
    documents = list(stripe_fake.store.documents.values())
    kinds = {document["object"] for document in documents}
    assert kinds >= {"invoice_payment", "dispute", "refund", "billing_portal.session"}
    for document in documents:
        kind = document["object"]
        assert _misshapen(document, get_object_class("V1", kind), kind) == []


LEFT_OUT = {
    "checkout.session.payment_method_options",
    "invoice.payment_settings",
    "payment_intent.payment_method_options",
}
"""Parts with a field for each way to pay, of which Stripe shows those in use."""


def _misshapen(shown, known, path):
    """Return where a document differs from the class that the SDK makes of it."""
    hints = {
        name: hint for name, hint in known.__annotations__.items() if name[0] != "_"
    }
    hints.pop("OBJECT_NAME", None)
    wrong = [f"{path}.{name} is unknown" for name in shown.keys() - hints.keys()]
    for name, hint in hints.items():
        place, value = f"{path}.{name}", shown.get(name)
        if value is None:
            if type(None) not in typing.get_args(hint):
                wrong.append(f"{place} is missing")
            continue
        inner = [hint, *typing.get_args(hint)]
        inner += [each for part in inner for each in typing.get_args(part)]
        wrong += _parts(value, inner, place)
    return wrong


def _parts(value, inner, place):
    classes = [
        part
        for part in inner
        if isinstance(part, type)
        and issubclass(part, sdk.StripeObject)
        and part.__annotations__
    ]
    if not classes or place in LEFT_OUT or "UntypedStripeObject" in str(inner):
        return []
    rows = value if isinstance(value, list) else [value]
    return [
        wrong
        for row in rows
        if isinstance(row, dict)
        for wrong in _misshapen(row, classes[0], place)
    ]
