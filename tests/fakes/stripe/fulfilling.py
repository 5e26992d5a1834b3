"""What comes of a paid Checkout session: an invoice, a subscription, events."""

from enum import Enum, auto

from tests.fakes.stripe import (
    cards,
    checkout,
    invoices,
    payments,
    renewals,
    subscriptions,
)
from tests.fakes.stripe.errors import Refused
from tests.fakes.stripe.store import Document, Store


class Transfers(Enum):
    """What becomes of bank transfers: they wait for ``settle_transfer``, or end."""

    WAIT = auto()
    SUCCEED = auto()
    FAIL = auto()


def complete(store: Store, session: Document, intent: Document | None) -> None:
    """Give a session what was bought, and tell that it is complete."""
    if session["mode"] == "subscription":
        _subscribe(store, session, intent)
    elif session["invoice_creation"]["enabled"]:
        _invoice(store, session, intent)
    status = "paid"
    if intent is None:
        status = "no_payment_required"
    elif intent["status"] == "processing":
        status = "unpaid"
    store.change(session, status="complete", payment_status=status, url=None)
    store.tell("checkout.session.completed", session)


def _subscribe(store: Store, session: Document, intent: Document | None) -> None:
    customer = store.documents[session["customer"]]
    hidden = store.hidden[session["id"]]
    given = hidden["subscription_data"]
    if intent is None:
        is_live = store.is_live(session["id"])
        card = cards.add_card(store, customer["id"], is_live=is_live)
    else:
        card = store.documents[intent["payment_method"]]
    prices = hidden["prices"]
    subscription = subscriptions.start(
        store,
        customer=customer,
        items=[each for each in prices if each[0]["recurring"]],
        card=card,
        metadata=dict(given.get("metadata", {})),
        description=given.get("description"),
        has_automatic_tax=session["automatic_tax"]["enabled"],
    )
    invoice = renewals.draw_invoice(
        store,
        subscription,
        reason="subscription_create",
        amounts=checkout.amounts_of(store, session),
        once=tuple(each for each in prices if not each[0]["recurring"]),
    )
    _settle_invoice(store, invoice, intent)
    store.change(session, subscription=subscription["id"], invoice=invoice["id"])


def _invoice(store: Store, session: Document, intent: Document | None) -> None:
    now = store.clock.now()
    is_live = store.is_live(session["id"])
    data = session["invoice_creation"]["invoice_data"]
    lines = [
        invoices.line(
            store, price, quantity, is_live=is_live, period={"start": now, "end": now}
        )
        for price, quantity in store.hidden[session["id"]]["prices"]
    ]
    invoice = invoices.draw(
        store,
        customer=store.documents[session["customer"]],
        amounts=checkout.amounts_of(store, session),
        currency=session["currency"],
        lines=lines,
        metadata=dict(data["metadata"]),
    )
    _settle_invoice(store, invoice, intent)
    store.change(session, invoice=invoice["id"])


def _settle_invoice(store: Store, invoice: Document, intent: Document | None) -> None:
    invoices.finalize(store, invoice)
    if intent is not None:
        invoices.expect(store, invoice, intent)
    if intent is None or intent["status"] == "succeeded":
        invoices.mark_paid(store, invoice)


def settle(store: Store, session: Document, *, succeeds: bool) -> None:
    """End a bank transfer, days after the session was completed.

    Raise ``Refused`` where none is on its way.
    """
    intent = store.documents.get(store.hidden[session["id"]].get("intent"))
    if intent is None:
        raise Refused(f"Nobody paid {session['id']} by bank transfer.")
    payments.settle(store, intent, succeeds=succeeds)
    subscription = store.documents.get(session["subscription"] or "")
    if invoice := store.documents.get(session["invoice"] or ""):
        ended = invoices.mark_paid if succeeds else invoices.mark_failed
        ended(store, invoice)
    if subscription and not succeeds:
        store.change(subscription, "customer.subscription.updated", status="past_due")
    if succeeds:
        store.change(session, payment_status="paid")
        store.tell("checkout.session.async_payment_succeeded", session)
    else:
        store.tell("checkout.session.async_payment_failed", session)
