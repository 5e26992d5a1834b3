"""Invoices, and which payment paid them."""

from typing import Any

from tests.fakes.stripe import payments
from tests.fakes.stripe.amounts import Amounts
from tests.fakes.stripe.store import Document, Store, empty_list, new_id

DAY = 86_400
RETRY_DAYS = 3
NOTHING_YET = dict.fromkeys(
    ("finalized_at", "marked_uncollectible_at", "paid_at", "voided_at")
)


def draw(
    store: Store,
    *,
    customer: Document,
    amounts: Amounts,
    currency: str,
    lines: list[Document],
    **fields: Any,
) -> Document:
    """Make a draft."""
    is_live = store.is_live(customer["id"])
    made_up = new_id("in_1")
    now = store.clock.now()
    for line in lines:
        line["invoice"] = made_up
    shown: dict[str, Any] = {
        "automatic_tax": _tax_state(amounts),
        "billing_reason": "manual",
        "metadata": {},
        "period_end": now,
        "period_start": now,
    }
    return store.add(
        "invoice",
        is_live=is_live,
        event="invoice.created",
        id=made_up,
        account_country="US",
        account_name="Fake & Co.",
        amount_due=amounts.total,
        amount_overpaid=0,
        amount_paid=0,
        amount_remaining=amounts.total,
        amount_shipping=0,
        attempt_count=0,
        attempted=False,
        auto_advance=True,
        collection_method="charge_automatically",
        currency=currency,
        customer=customer["id"],
        customer_address=customer.get("address"),
        customer_email=customer.get("email"),
        customer_name=customer.get("name"),
        customer_tax_exempt="none",
        customer_tax_ids=[],
        default_tax_rates=[],
        discounts=[],
        issuer={"type": "self"},
        lines=empty_list(f"/v1/invoices/{made_up}/lines", lines)
        | {"total_count": len(lines)},
        payment_settings=dict.fromkeys(
            ("default_mandate", "payment_method_options", "payment_method_types")
        ),
        post_payment_credit_notes_amount=0,
        pre_payment_credit_notes_amount=0,
        starting_balance=0,
        status="draft",
        status_transitions=dict(NOTHING_YET),
        subtotal=amounts.subtotal,
        subtotal_excluding_tax=amounts.subtotal,
        total=amounts.total,
        total_discount_amounts=[],
        total_excluding_tax=amounts.total - amounts.tax,
        total_pretax_credit_amounts=[],
        total_taxes=_taxes(amounts),
        webhooks_delivered_at=now,
        **(shown | fields),
    )


def _tax_state(amounts: Amounts) -> Document:
    return {
        "disabled_reason": None,
        "enabled": amounts.tax > 0,
        "liability": {"type": "self"} if amounts.tax else None,
        "provider": "stripe" if amounts.tax else None,
        "status": "complete" if amounts.tax else None,
    }


def _taxes(amounts: Amounts) -> list[Document]:
    if not amounts.tax:
        return []
    return [
        {
            "amount": amounts.tax,
            "tax_behavior": "exclusive",
            "tax_rate_details": {"tax_rate": new_id("txr_1")},
            "taxability_reason": "standard_rated",
            "taxable_amount": amounts.subtotal - amounts.discount,
            "type": "tax_rate_details",
        }
    ]


def line(
    store: Store, price: Document, quantity: int, *, is_live: bool, **fields: Any
) -> Document:
    """Return a line that asks for some of a price."""
    amount = price["unit_amount"] * quantity
    product = store.documents[price["product"]]
    shown: dict[str, Any] = {
        "description": f"{quantity} × {product['name']}",  # noqa: RUF001 (as Stripe)
        "metadata": {},
    }
    return store.make(
        "line_item",
        is_live=is_live,
        amount=amount,
        currency=price["currency"],
        discount_amounts=[],
        discountable=True,
        discounts=[],
        pretax_credit_amounts=[],
        pricing={
            "price_details": {"price": price["id"], "product": product["id"]},
            "type": "price_details",
            "unit_amount_decimal": price["unit_amount_decimal"],
        },
        quantity=quantity,
        quantity_decimal=str(quantity),
        subtotal=amount,
        taxes=[],
        **(shown | fields),
    )


def finalize(store: Store, invoice: Document) -> None:
    """Make a draft an invoice that is to be paid."""
    customer = store.documents[invoice["customer"]]
    number = customer.get("next_invoice_sequence", 1)
    customer["next_invoice_sequence"] = number + 1
    page = f"{store.url}/invoices/{invoice['id']}"
    now = store.clock.now()
    store.change(
        invoice,
        status="open",
        number=f"{customer.get('invoice_prefix', 'FAKE')}-{number:04}",
        effective_at=now,
        ending_balance=0,
        hosted_invoice_url=page,
        invoice_pdf=f"{page}?pdf",
        status_transitions=invoice["status_transitions"] | {"finalized_at": now},
    )
    store.tell("invoice.finalized", invoice)


def expect(store: Store, invoice: Document, intent: Document) -> Document:
    """Say which payment intent is to pay an invoice."""
    return store.add(
        "invoice_payment",
        is_live=store.is_live(invoice["id"]),
        amount_requested=invoice["amount_due"],
        currency=invoice["currency"],
        invoice=invoice["id"],
        is_default=True,
        payment={"payment_intent": intent["id"], "type": "payment_intent"},
        status="open",
        status_transitions={"canceled_at": None, "paid_at": None},
    )


def collect(
    store: Store,
    invoice: Document,
    card: Document,
    *,
    decline: payments.Decline | None = None,
) -> bool:
    """Charge a card for an invoice; answer whether it was paid."""
    if invoice["amount_due"] == 0:
        mark_paid(store, invoice)
        return True
    waiting = store.all("invoice_payment", invoice=invoice["id"], status="open")
    if waiting:
        intent = store.documents[waiting[0]["payment"]["payment_intent"]]
    else:
        intent = payments.new_intent(
            store,
            is_live=store.is_live(invoice["id"]),
            amount=invoice["amount_due"],
            currency=invoice["currency"],
            customer=invoice["customer"],
            description="Subscription update",
        )
        expect(store, invoice, intent)
    payments.attempt(store, intent, card, decline=decline)
    if decline is None:
        mark_paid(store, invoice)
    else:
        mark_failed(store, invoice)
    return decline is None


def mark_paid(store: Store, invoice: Document) -> None:
    """Tell that an invoice is paid."""
    now = store.clock.now()
    for paid in store.all("invoice_payment", invoice=invoice["id"], status="open"):
        store.change(
            paid,
            amount_paid=paid["amount_requested"],
            status="paid",
            status_transitions=paid["status_transitions"] | {"paid_at": now},
        )
        store.tell("invoice_payment.paid", paid)
    store.change(
        invoice,
        amount_paid=invoice["amount_due"],
        amount_remaining=0,
        attempt_count=invoice["attempt_count"] + 1,
        attempted=True,
        auto_advance=False,
        next_payment_attempt=None,
        status="paid",
        status_transitions=invoice["status_transitions"] | {"paid_at": now},
    )
    store.tell("invoice.paid", invoice)
    store.tell("invoice.payment_succeeded", invoice)


def mark_failed(store: Store, invoice: Document) -> None:
    """Tell that an attempt to be paid failed; another follows in days."""
    store.change(
        invoice,
        attempt_count=invoice["attempt_count"] + 1,
        attempted=True,
        next_payment_attempt=store.clock.now() + RETRY_DAYS * DAY,
    )
    store.tell("invoice.payment_failed", invoice)


def subscription_of(invoice: Document) -> str | None:
    """Return the id of the subscription that an invoice is for, if it is for one."""
    parent = invoice["parent"] or {}
    return (parent.get("subscription_details") or {}).get("subscription")
