"""Changing and deleting a customer."""

from stripe import params as sdk

from tests.fakes.stripe import cards, customers, subscriptions
from tests.fakes.stripe.requests import Request, Route
from tests.fakes.stripe.store import Document, Store, merged

DELETED = {"object": "customer", "deleted": True}


def update(store: Store, request: Request) -> Document:
    """Change a customer."""
    customer = customers.find(store, request.ids["customer"], request, in_path=True)
    given = request.params
    changes = {
        name: given[name] or None
        for name in ("description", "email", "name", "phone", "tax_exempt")
        if name in given
    }
    if "address" in given:
        changes["address"] = customers.address_of(given["address"])
    if default := given.get("invoice_settings", {}).get("default_payment_method"):
        cards.card_of(store, request, default, customer=customer["id"])
        changes["invoice_settings"] = customer["invoice_settings"] | {
            "default_payment_method": default
        }
    changes["metadata"] = merged(customer, given.get("metadata"))
    store.change(customer, "customer.updated", **changes)
    return customer


def delete(store: Store, request: Request) -> Document:
    """Delete a customer, with the subscriptions and the cards."""
    customer = customers.find(store, request.ids["customer"], request, in_path=True)
    for subscription in store.all("subscription", customer=customer["id"]):
        if subscription["status"] != "canceled":
            subscriptions.end(store, subscription, reason="cancellation_requested")
    for card in store.all("payment_method", customer=customer["id"]):
        store.change(card, "payment_method.detached", customer=None)
    store.tell("customer.deleted", customer)
    store.documents[customer["id"]] = DELETED | {"id": customer["id"]}
    return store.documents[customer["id"]]


ROUTES = (
    Route(
        method="POST",
        path="/v1/customers/{customer}",
        answer=update,
        params=sdk.CustomerUpdateParams,
        takes=f"{customers.TAKEN} invoice_settings.default_payment_method",
    ),
    Route(
        method="DELETE",
        path="/v1/customers/{customer}",
        answer=delete,
        params=sdk.CustomerDeleteParams,
    ),
)
