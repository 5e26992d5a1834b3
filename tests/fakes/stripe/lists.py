"""Lists in pages, newest first, and ``expand``."""

import copy
from collections.abc import Callable, Iterable
from typing import Any

from tests.fakes.stripe import errors
from tests.fakes.stripe.requests import Request
from tests.fakes.stripe.store import Document, Store, empty_list

PAGING = "limit starting_after ending_before"
CREATED = f"{PAGING} created"
MOST, USUAL, DEEPEST = 100, 10, 4

IDS = {
    "charge",
    "customer",
    "default_payment_method",
    "default_price",
    "invoice",
    "latest_charge",
    "latest_invoice",
    "payment_intent",
    "payment_method",
    "price",
    "product",
    "subscription",
}
"""Fields that hold an id and can be expanded to the document."""


def page(store: Store, request: Request, rows: Iterable[Document]) -> Document:
    """Return the asked page of rows, which come oldest first and are of both modes."""
    kept = [
        row
        for row in rows
        if store.is_live(row["id"]) == request.is_live and _is_within(row, request)
    ]
    return page_of_parts(request, kept[::-1])


def page_of_parts(request: Request, rows: list[Document]) -> Document:
    """Return the asked page of the parts of one document, in their order."""
    limit = request.params.get("limit", USUAL)
    if not 1 <= limit <= MOST:
        raise errors.parameter(
            f"Invalid integer: limit must be between 1 and {MOST}",
            "limit",
            "parameter_invalid_integer",
        )
    start, end = _window(rows, request, limit)
    backwards = "ending_before" in request.params
    return {
        "object": "list",
        "data": rows[start:end],
        "has_more": start > 0 if backwards else end < len(rows),
        "url": request.path,
    }


def _window(rows: list[Document], request: Request, limit: int) -> tuple[int, int]:
    ids = [row["id"] for row in rows]
    for name in ("starting_after", "ending_before"):
        wanted = request.params.get(name)
        if wanted is not None and wanted not in ids:
            raise errors.missing("object", wanted, param=name, in_path=False)
    if wanted := request.params.get("starting_after"):
        start = ids.index(wanted) + 1
        return start, min(start + limit, len(rows))
    if wanted := request.params.get("ending_before"):
        end = ids.index(wanted)
        return max(end - limit, 0), end
    return 0, min(limit, len(rows))


def _is_within(row: Document, request: Request) -> bool:
    asked = request.params.get("created")
    if asked is None:
        return True
    created = row["created"]
    if isinstance(asked, int):
        return bool(created == asked)
    bounds: dict[str, Callable[[int], bool]] = {
        "gt": lambda bound: created > bound,
        "gte": lambda bound: created >= bound,
        "lt": lambda bound: created < bound,
        "lte": lambda bound: created <= bound,
    }
    return all(bounds[name](bound) for name, bound in asked.items())


def expanded(store: Store, answer: Document, paths: Iterable[str]) -> Document:
    """Return a copy of an answer with these paths expanded."""
    shown = copy.deepcopy(answer)
    for path in paths:
        if path.count(".") >= DEEPEST:
            raise errors.parameter(
                f"You cannot expand more than {DEEPEST} levels of a property", "expand"
            )
        if not _expand(store, shown, path.split(".")):
            raise errors.parameter(
                f"This property cannot be expanded ({path}).", "expand"
            )
    return shown


def _expand(store: Store, place: Any, names: list[str]) -> bool:
    """Expand what the names lead to; say whether there is such a property."""
    if isinstance(place, list):
        return all(_expand(store, each, names) for each in place)
    name, *rest = names
    if not isinstance(place, dict) or not _open(store, place, name):
        return False
    return not rest or place[name] is None or _expand(store, place[name], rest)


def _open(store: Store, place: Document, name: str) -> bool:
    """Put the document in the place of its id; say whether that could be done."""
    if name not in place:
        part = _part(store, place, name)
        if part is not None:
            place[name] = part
        return part is not None
    held = place[name]
    if isinstance(held, str) and name in IDS:
        place[name] = copy.deepcopy(store.documents[held])
    return name in IDS or isinstance(held, dict | list)


def _part(store: Store, place: Document, name: str) -> Document | None:
    """Return the list that only an ``expand`` brings, if the document has one."""
    kind, own = place.get("object"), place.get("id", "")
    rows: list[Document]
    if (kind, name) == ("checkout.session", "line_items"):
        rows = store.hidden[own]["line_items"]
        return empty_list(f"/v1/checkout/sessions/{own}/line_items", rows)
    if (kind, name) == ("invoice", "payments"):
        rows = store.all("invoice_payment", invoice=own)
        return empty_list("/v1/invoice_payments", copy.deepcopy(rows))
    if (kind, name) == ("charge", "refunds"):
        rows = store.all("refund", charge=own)[::-1]
        return empty_list(f"/v1/charges/{own}/refunds", copy.deepcopy(rows))
    if (kind, name) == ("customer", "subscriptions"):
        rows = store.all("subscription", customer=own)[::-1]
        return empty_list("/v1/subscriptions", copy.deepcopy(rows))
    return None
