"""What the fake account holds: documents as Stripe shows them, and their events."""

import copy
import secrets
import string
import threading
import time
from collections.abc import Callable
from contextlib import contextmanager
from dataclasses import dataclass, field
from typing import Any

from stripe._api_version import _ApiVersion
from stripe._object_classes import get_object_class

from tests.fakes.stripe import errors

API_VERSION = _ApiVersion.CURRENT
Document = dict[str, Any]

PREFIXES = {
    "account": "acct_1",
    "balance_transaction": "txn_3",
    "billing_portal.session": "bps_1",
    "charge": "ch_3",
    "customer": "cus_",
    "dispute": "du_1",
    "event": "evt_1",
    "invoice": "in_1",
    "invoice_payment": "inpay_1",
    "item": "li_1",
    "line_item": "il_1",
    "payment_intent": "pi_3",
    "payment_method": "pm_1",
    "price": "price_1",
    "product": "prod_",
    "refund": "re_3",
    "subscription": "sub_1",
    "subscription_item": "si_",
}
LENGTHS = {"cus_": 14, "prod_": 14, "si_": 14, "cs_test_": 58, "cs_live_": 58}

NAMES = {"payment_method": "PaymentMethod"}
"""Kinds that "No such …" spells otherwise."""

OPTIONAL = {
    "charge": {"refunds", "level3", "source", "authorization_code"},
    "checkout.session": {"line_items"},
    "customer": {"subscriptions", "sources", "tax_ids", "tax", "cash_balance"},
    "event": {"account", "context"},
    "invoice": {"payments", "confirmation_secret"},
}
"""Fields that only an ``expand`` brings, or that Stripe leaves out unless used."""

SHOWN = {
    "payment_method": (
        "id object allow_redisplay billing_details created customer customer_account"
        " livemode metadata type"
    )
}
"""Of kinds with a field for each way to pay: the fields that all have."""


class Clock:
    """The fake's time: the machine's, and ``offset`` seconds."""

    def __init__(self) -> None:
        self.offset = 0.0

    def now(self) -> int:
        """Return the time in whole seconds since the epoch."""
        return int(time.time() + self.offset)

    def advance(self, *, days: float = 0, seconds: float = 0) -> None:
        """Move the time on."""
        self.offset += days * 86_400 + seconds


@dataclass(frozen=True, kw_only=True)
class Origin:
    """The API request that a change comes from, if it comes from one."""

    request_id: str | None = None
    idempotency_key: str | None = None


def new_id(prefix: str) -> str:
    """Return an id that looks like Stripe's."""
    alphabet = string.ascii_letters + string.digits
    length = LENGTHS.get(prefix, 23)
    return prefix + "".join(secrets.choice(alphabet) for _ in range(length))


def blank(kind: str) -> Document:
    """Return a document with all fields that the SDK knows of, set to nothing."""
    left_out = {"OBJECT_NAME", "deleted", *OPTIONAL.get(kind, ())}
    known = fields_of(kind)
    if kind in SHOWN:
        known &= set(SHOWN[kind].split())
    return dict.fromkeys(sorted(known - left_out))


def fields_of(kind: str) -> set[str]:
    """Return the fields that the SDK knows of a kind of document."""
    return set(get_object_class("V1", kind).__annotations__)


def empty_list(url: str, rows: list[Document]) -> Document:
    """Return a list that is a part of another document."""
    return {"object": "list", "data": rows, "has_more": False, "url": url}


@dataclass
class Store:
    """Documents by id, oldest first, under one lock.

    ``hidden`` is what Stripe keeps to itself about a document. ``told`` is called with
    each event.
    """

    clock: Clock = field(default_factory=Clock)
    lock: threading.RLock = field(default_factory=threading.RLock)
    documents: dict[str, Document] = field(default_factory=dict)
    hidden: dict[str, Document] = field(default_factory=dict)
    told: Callable[[Document], None] = lambda event: None
    origin: Origin = field(default_factory=Origin)
    url: str = ""
    account: str = field(default_factory=lambda: new_id(PREFIXES["account"]))
    promotions: dict[str, int] = field(default_factory=dict)
    tax_percent: int = 0

    def make(self, kind: str, *, is_live: bool, **fields: Any) -> Document:
        """Return a document that is a part of another one. ``id`` may be given."""
        unknown = fields.keys() - fields_of(kind)
        assert not unknown, f"{kind} has no {unknown}"
        document = blank(kind)
        always = {
            "id": fields.pop("id", None) or new_id(self._prefix(kind, is_live)),
            "object": kind,
            "created": self.clock.now(),
            "livemode": is_live,
        }
        document |= {name: always[name] for name in always if name in document}
        return document | fields

    def add(
        self, kind: str, *, is_live: bool, event: str | None = None, **fields: Any
    ) -> Document:
        """Keep a new document; ``event`` tells of it."""
        document = self.make(kind, is_live=is_live, **fields)
        self.documents[document["id"]] = document
        self.hidden[document["id"]] = {"is_live": is_live}
        if event:
            self.tell(event, document)
        return document

    def _prefix(self, kind: str, is_live: bool) -> str:
        if kind == "checkout.session":
            return "cs_live_" if is_live else "cs_test_"
        return PREFIXES[kind]

    def change(
        self, document: Document, event: str | None = None, **fields: Any
    ) -> None:
        """Set fields, and tell of it with what was there before."""
        before = {
            name: copy.deepcopy(document.get(name))
            for name, value in fields.items()
            if document.get(name) != value
        }
        document |= fields
        if event:
            self.tell(event, document, before)

    def tell(
        self, event: str, document: Document, before: Document | None = None
    ) -> Document:
        """Make an event with the document as it is now."""
        snapshot: Document = {"object": copy.deepcopy(document)}
        if before is not None:
            snapshot["previous_attributes"] = before
        is_live = self.is_live(document["id"])
        made = self.add(
            "event",
            is_live=is_live,
            type=event,
            api_version=API_VERSION,
            data=snapshot,
            pending_webhooks=0,
            request={
                "id": self.origin.request_id,
                "idempotency_key": self.origin.idempotency_key,
            },
        )
        self.told(made)
        return made

    def is_live(self, wanted: str) -> bool:
        """Say whether a document is of live mode."""
        return bool(self.hidden[wanted]["is_live"])

    def find(
        self,
        kind: str,
        wanted: str,
        *,
        is_live: bool,
        param: str = "id",
        in_path: bool = True,
    ) -> Document:
        """Return a document, or raise ``Refused`` as Stripe does."""
        document = self.documents.get(wanted)
        name = NAMES.get(kind, kind)
        if document is None or document["object"] != kind:
            raise errors.missing(name, wanted, param=param, in_path=in_path)
        if self.is_live(wanted) != is_live:
            raise errors.other_mode(
                name, wanted, param=param, is_live=self.is_live(wanted)
            )
        return document

    def all(self, kind: str, **fields: Any) -> list[Document]:
        """Return the documents of a kind with these values, oldest first."""
        return [
            document
            for document in self.documents.values()
            if document["object"] == kind
            and all(document.get(name) == value for name, value in fields.items())
        ]

    @contextmanager
    def acting_for(self, origin: Origin):
        """Hold the lock while a request, or a person on a page, changes things."""
        with self.lock:
            before, self.origin = self.origin, origin
            try:
                yield
            finally:
                self.origin = before


def merged(document: Document, metadata: Any) -> dict[str, str]:
    """Return a document's metadata with some of it set, and empty ones taken out."""
    if metadata == "":
        return {}
    both = (document.get("metadata") or {}) | (metadata or {})
    return {key: text for key, text in both.items() if text != ""}
