"""What a subscription costs: its first invoice, and one each period."""

from tests.fakes.stripe import invoices, payments, subscriptions
from tests.fakes.stripe.amounts import Amounts, add_up
from tests.fakes.stripe.store import Document, Store

UNPAID = payments.Decline(decline_code="insufficient_funds")


def draw_invoice(
    store: Store,
    subscription: Document,
    *,
    reason: str,
    amounts: Amounts | None = None,
    once: tuple[tuple[Document, int], ...] = (),
) -> Document:
    """Make the draft of what a subscription costs in its current period.

    ``once`` are one-off prices that are on the first invoice too.
    """
    is_live = store.is_live(subscription["id"])
    now = store.clock.now()
    today = {"start": now, "end": now}
    lines = [_line(store, subscription, item) for item in subscription["items"]["data"]]
    lines += [
        invoices.line(store, price, quantity, is_live=is_live, period=today)
        for price, quantity in once
    ]
    # An invoice's own period is the one that ended; its lines have the new one.
    start, end = store.hidden[subscription["id"]].get("last_period", (now, now))
    invoice = invoices.draw(
        store,
        customer=store.documents[subscription["customer"]],
        amounts=amounts or _amounts(store, subscription, lines),
        currency=subscription["currency"],
        lines=lines,
        billing_reason=reason,
        parent={
            "quote_details": None,
            "subscription_details": {
                "metadata": dict(subscription["metadata"]),
                "subscription": subscription["id"],
            },
            "type": "subscription_details",
        },
        period_start=start,
        period_end=end,
    )
    store.change(subscription, latest_invoice=invoice["id"])
    return invoice


def _amounts(store: Store, subscription: Document, lines: list[Document]) -> Amounts:
    has_tax = subscription["automatic_tax"]["enabled"]
    return add_up(
        (line["amount"] for line in lines),
        tax_percent=store.tax_percent if has_tax else 0,
    )


def _line(store: Store, subscription: Document, item: Document) -> Document:
    details = {
        "invoice_item": None,
        "proration": False,
        "proration_details": {"credited_items": None},
        "subscription": subscription["id"],
        "subscription_item": item["id"],
    }
    return invoices.line(
        store,
        item["price"],
        item["quantity"],
        is_live=store.is_live(subscription["id"]),
        metadata=dict(subscription["metadata"]),
        parent={
            "invoice_item_details": None,
            "subscription_item_details": details,
            "type": "subscription_item_details",
        },
        period={
            "start": item["current_period_start"],
            "end": item["current_period_end"],
        },
        subscription=subscription["id"],
    )


def advance(
    store: Store, subscription: Document, *, paid: bool | None = None
) -> Document | None:
    """Go to the next period: return its invoice, or None where it was to end.

    Without ``paid`` the saved card decides. Raise ``Refused`` where it is over.
    """
    subscriptions.not_ended(subscription)
    items = subscription["items"]["data"]
    begun, ended = items[0]["current_period_start"], items[0]["current_period_end"]
    at = subscription["cancel_at"]
    if subscription["cancel_at_period_end"] or (at is not None and at <= ended):
        subscriptions.end(store, subscription, reason="cancellation_requested")
        return None
    store.hidden[subscription["id"]]["last_period"] = (begun, ended)
    moved = [
        item
        | {
            "current_period_start": item["current_period_end"],
            "current_period_end": subscriptions.after(
                item["current_period_end"], item["price"]["recurring"]
            ),
        }
        for item in items
    ]
    before = {
        "items": subscription["items"],
        "latest_invoice": subscription["latest_invoice"],
    }
    store.change(subscription, items=subscription["items"] | {"data": moved})
    invoice = draw_invoice(store, subscription, reason="subscription_cycle")
    store.tell("customer.subscription.updated", subscription, before)
    invoices.finalize(store, invoice)
    collect(store, subscription, invoice, paid=paid)
    return invoice


def collect(
    store: Store,
    subscription: Document,
    invoice: Document,
    *,
    paid: bool | None = None,
) -> None:
    """Charge the saved card for an invoice, and say so on the subscription."""
    card = store.documents[subscription["default_payment_method"]]
    if paid is None:
        decline = payments.decline_of(store, card)
    else:
        decline = None if paid else UNPAID
    was_paid = invoices.collect(store, invoice, card, decline=decline)
    status = "active" if was_paid else "past_due"
    if subscription["status"] != status:
        store.change(subscription, "customer.subscription.updated", status=status)
