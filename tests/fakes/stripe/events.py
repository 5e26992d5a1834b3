"""Endpoints of events: what a site reads when it may have missed webhooks."""

import fnmatch

from stripe import params as sdk

from tests.fakes.stripe import errors, lists
from tests.fakes.stripe.requests import Request, Route
from tests.fakes.stripe.store import Document, Store

KEPT_DAYS = 30
MOST_TYPES = 20


def list_all(store: Store, request: Request) -> Document:
    """List events of the last 30 days."""
    given = request.params
    types = given.get("types")
    if types is not None and "type" in given:
        raise errors.parameter("You may pass either `type` or `types`.", "types")
    if types is not None and len(types) > MOST_TYPES:
        raise errors.parameter(f"You may pass up to {MOST_TYPES} types.", "types")
    oldest = store.clock.now() - KEPT_DAYS * 86_400
    rows = [
        row
        for row in store.all("event")
        if row["created"] >= oldest
        and (types is None or row["type"] in types)
        and fnmatch.fnmatchcase(row["type"], given.get("type", "*"))
        and given.get("delivery_success", _was_delivered(row)) == _was_delivered(row)
    ]
    return lists.page(store, request, rows)


def _was_delivered(event: Document) -> bool:
    return bool(event["pending_webhooks"] == 0)


def retrieve(store: Store, request: Request) -> Document:
    """Show an event: its object is as it was then, not as it is now."""
    return store.find("event", request.ids["event"], is_live=request.is_live)


ROUTES = (
    Route(
        method="GET",
        path="/v1/events",
        answer=list_all,
        params=sdk.EventListParams,
        takes=f"{lists.CREATED} delivery_success type types",
    ),
    Route(
        method="GET",
        path="/v1/events/{event}",
        answer=retrieve,
        params=sdk.EventRetrieveParams,
    ),
)
