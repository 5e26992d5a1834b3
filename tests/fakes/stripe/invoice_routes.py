"""Endpoints of invoices and their payments."""

from stripe import params as sdk

from tests.fakes.stripe import intents, invoices, lists
from tests.fakes.stripe.requests import Request, Route
from tests.fakes.stripe.store import Document, Store


def _invoice(store: Store, request: Request) -> Document:
    return store.find("invoice", request.ids["invoice"], is_live=request.is_live)


def list_all(store: Store, request: Request) -> Document:
    """List invoices."""
    wanted = request.params.get("subscription")
    rows = [
        row
        for row in store.all("invoice")
        if wanted in (None, invoices.subscription_of(row))
        and request.params.get("customer", row["customer"]) == row["customer"]
        and request.params.get("status", row["status"]) == row["status"]
    ]
    return lists.page(store, request, rows)


def list_lines(store: Store, request: Request) -> Document:
    """List an invoice's lines."""
    return lists.page_of_parts(request, _invoice(store, request)["lines"]["data"])


def list_payments(store: Store, request: Request) -> Document:
    """List which payments paid which invoices: the way from a charge to its invoice."""
    rows = intents.matching(store, request, "invoice_payment")
    if wanted := request.params.get("invoice"):
        rows = [row for row in rows if row["invoice"] == wanted]
    if wanted := request.params.get("payment", {}).get("payment_intent"):
        rows = [row for row in rows if row["payment"]["payment_intent"] == wanted]
    return lists.page(store, request, rows)


def _payment(store: Store, request: Request) -> Document:
    wanted = request.ids["payment"]
    return store.find("invoice_payment", wanted, is_live=request.is_live)


ROUTES = (
    Route(
        method="GET",
        path="/v1/invoices",
        answer=list_all,
        params=sdk.InvoiceListParams,
        takes=f"{lists.CREATED} customer status subscription",
    ),
    Route(
        method="GET",
        path="/v1/invoices/{invoice}",
        answer=_invoice,
        params=sdk.InvoiceRetrieveParams,
    ),
    Route(
        method="GET",
        path="/v1/invoices/{invoice}/lines",
        answer=list_lines,
        params=sdk.InvoiceLineItemListParams,
        takes=lists.PAGING,
    ),
    Route(
        method="GET",
        path="/v1/invoice_payments",
        answer=list_payments,
        params=sdk.InvoicePaymentListParams,
        takes=f"{lists.CREATED} invoice payment status",
    ),
    Route(
        method="GET",
        path="/v1/invoice_payments/{payment}",
        answer=_payment,
        params=sdk.InvoicePaymentRetrieveParams,
    ),
)
