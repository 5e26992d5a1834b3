"""Endpoints of subscriptions."""

from collections.abc import Mapping
from typing import Any

from stripe import params as sdk

from tests.fakes.stripe import cards, errors, lists, subscriptions
from tests.fakes.stripe.requests import Request, Route
from tests.fakes.stripe.store import Document, Store, merged


def _subscription(store: Store, request: Request) -> Document:
    wanted = request.ids["subscription"]
    return store.find("subscription", wanted, is_live=request.is_live)


def update(store: Store, request: Request) -> Document:
    """Change a subscription: whether it ends, its card, its metadata."""
    subscription = _subscription(store, request)
    given = request.params
    if subscription["status"] in subscriptions.ENDED and given.keys() - {"metadata"}:
        raise errors.Refused(
            "A canceled subscription can only update its cancellation_details and "
            "metadata.",
            code="invalid_canceled_subscription_fields",
        )
    if "default_payment_method" in given:
        wanted = given["default_payment_method"]
        cards.card_of(store, request, wanted, customer=subscription["customer"])
        store.change(subscription, default_payment_method=wanted)
    metadata = merged(subscription, given.get("metadata"))
    if "cancel_at" in given or "cancel_at_period_end" in given:
        store.change(subscription, metadata=metadata)
        _schedule_end(store, subscription, given)
    else:
        store.change(subscription, "customer.subscription.updated", metadata=metadata)
    return subscription


def _schedule_end(
    store: Store, subscription: Document, given: Mapping[str, Any]
) -> None:
    at = given.get("cancel_at")
    if isinstance(at, int):
        raise errors.not_faked("`cancel_at` at a time of its own")
    subscriptions.schedule_end(
        store,
        subscription,
        is_wanted=bool(at or given.get("cancel_at_period_end")),
        by_cancel_at=bool(at),
    )


def cancel(store: Store, request: Request) -> Document:
    """End a subscription now."""
    subscription = _subscription(store, request)
    subscriptions.not_ended(subscription)
    said = request.params.get("cancellation_details", {})
    subscriptions.end(store, subscription, reason="cancellation_requested", **said)
    return subscription


def list_all(store: Store, request: Request) -> Document:
    """List subscriptions, without ended ones unless they are asked for."""
    asked = request.params.get("status")
    rows = [
        row
        for row in store.all("subscription")
        if request.params.get("customer", row["customer"]) == row["customer"]
        and _has_status(row["status"], asked)
        and _has_price(row, request.params.get("price"))
    ]
    return lists.page(store, request, rows)


def _has_status(status: str, asked: str | None) -> bool:
    if asked == "all":
        return True
    is_ended = status in subscriptions.ENDED
    if asked in (None, "ended"):
        return is_ended == (asked == "ended")
    return status == asked


def _has_price(subscription: Document, asked: str | None) -> bool:
    items = subscription["items"]["data"]
    return asked is None or any(item["price"]["id"] == asked for item in items)


ROUTES = (
    Route(
        method="GET",
        path="/v1/subscriptions",
        answer=list_all,
        params=sdk.SubscriptionListParams,
        takes=f"{lists.CREATED} customer price status",
    ),
    Route(
        method="GET",
        path="/v1/subscriptions/{subscription}",
        answer=_subscription,
        params=sdk.SubscriptionRetrieveParams,
    ),
    Route(
        method="POST",
        path="/v1/subscriptions/{subscription}",
        answer=update,
        params=sdk.SubscriptionUpdateParams,
        takes="cancel_at cancel_at_period_end default_payment_method metadata",
    ),
    Route(
        method="DELETE",
        path="/v1/subscriptions/{subscription}",
        answer=cancel,
        params=sdk.SubscriptionCancelParams,
        takes="cancellation_details.comment cancellation_details.feedback",
    ),
)
