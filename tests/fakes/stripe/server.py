"""The API: who asks, whether it may be asked, and what is answered."""

import re
import secrets
import traceback
from dataclasses import dataclass, replace
from typing import Any, ClassVar
from urllib.parse import urlencode

from tests.fakes.stripe import (
    cards,
    catalog,
    checkout,
    customer_changes,
    customers,
    disputes,
    errors,
    events,
    intents,
    invoice_routes,
    lists,
    params,
    portal,
    refunds,
    subscription_routes,
)
from tests.fakes.stripe.browsing import Browsing
from tests.fakes.stripe.idempotency import Keys
from tests.fakes.stripe.requests import Request, Route
from tests.fakes.stripe.store import API_VERSION, Origin, Store
from tests.fakes.stripe.webhooks import Webhooks
from tests.fakes.wire import Call, FakeService, Fault, Reply

ROUTES: tuple[Route, ...] = (
    *cards.ROUTES,
    *catalog.ROUTES,
    *checkout.ROUTES,
    *customer_changes.ROUTES,
    *customers.ROUTES,
    *disputes.ROUTES,
    *events.ROUTES,
    *intents.ROUTES,
    *invoice_routes.ROUTES,
    *portal.ROUTES,
    *refunds.ROUTES,
    *subscription_routes.ROUTES,
)


@dataclass(frozen=True, kw_only=True)
class ApiFault(Fault):
    """How an API request goes wrong, beside what any service's may.

    ``seconds`` is how long the endpoint takes, its idempotency key in use meanwhile.
    With ``is_lost`` the line breaks before anything is done. ``is_kept`` keeps a
    ``reply`` under the idempotency key, as Stripe does with its own 500s.
    """

    seconds: float = 0
    is_lost: bool = False
    is_kept: bool = False


def _failure(
    status: int, message: str, *, code: str | None = None, retry: str | None = None
) -> Reply:
    error = {"type": "api_error", "message": message, "code": code}
    told = {name: text for name, text in error.items() if text}
    headers = {"Stripe-Should-Retry": retry} if retry else {}
    return Reply(status=status, json={"error": told}, headers=headers)


RATE_LIMITED = ApiFault(
    reply=_failure(429, "Too many requests hit the API too quickly.", code="rate_limit")
)
"""429, nothing done: the same key may be used again."""

BROKEN = ApiFault(
    reply=_failure(500, "An unknown error occurred", retry="false"), is_kept=True
)
"""500 from inside an endpoint: the same key gets the same 500 again."""

UNAVAILABLE = ApiFault(reply=_failure(503, "Try again later.", retry="true"))
"""503 from before the endpoint: nothing done or kept, and the SDK tries again."""

CUT = ApiFault(cuts=True)
"""Carried out, and the line breaks before the answer."""

LOST = ApiFault(cuts=True, is_lost=True)
"""The line breaks before anything is done."""


def slow(seconds: float) -> ApiFault:
    """Return the fault of an endpoint that takes so long."""
    return ApiFault(seconds=seconds)


class Api(FakeService):
    """Stripe's API and its hosted pages, on loopback.

    ``requests`` is everything that the API was asked, with parameters as they came.
    """

    KEY: ClassVar[str] = "sk_test_fake51Mz7kQe4tYbW"
    LIVE_KEY: ClassVar[str] = "sk_live_fake51Mz7kQe4tYbW"

    def __init__(self) -> None:
        super().__init__()
        self.store = Store()
        self.clock = self.store.clock
        self.webhooks = Webhooks(self.store)
        self.store.told = self.webhooks.tell
        self.pages = Browsing(self.store)
        self.requests: list[Request] = []
        self._keys = Keys(self.store)

    def start(self, port: int = 0) -> None:
        """Begin to answer, and to send webhooks."""
        super().start(port)
        self.store.url = self.url
        self.webhooks.start()

    def stop(self) -> None:
        """Answer and send nothing more."""
        self.webhooks.stop()
        super().stop()

    def take(self, call: Call) -> tuple[Reply, Fault | None]:
        """Answer a call to the API, or a browser."""
        if not call.path.startswith("/v1/"):
            with self.store.acting_for(Origin()):
                return self.pages.answer(call), None
        with self._lock:
            self.calls.append(call)
            fault = self._next_fault(call) or ApiFault()
        request_id = f"req_{secrets.token_urlsafe(10)}"
        try:
            reply = self._answer(call, request_id, fault)
        except errors.Refused as refused:
            reply = refused.reply(request_id)
        except Exception:  # noqa: BLE001 (told to who asked, who would see a cut line)
            words = f"The fake itself broke: {traceback.format_exc()}"
            reply = _failure(500, words, code="fake_broke", retry="false")
        headers = {"Request-Id": request_id, "Stripe-Version": API_VERSION}
        if key := call.headers.get("idempotency-key"):
            headers["Idempotency-Key"] = key
        return replace(reply, headers=headers | dict(reply.headers)), fault

    def _answer(self, call: Call, request_id: str, fault: Fault) -> Reply:
        form = call.body.decode() if call.method == "POST" else urlencode(call.query)
        request = Request(
            id=request_id,
            method=call.method,
            path=call.path,
            params=params.nested(form),
            headers=call.headers,
        )
        self.requests.append(request)
        request = replace(request, is_live=self._is_live(call))
        self._check_version(call)
        extra = fault if isinstance(fault, ApiFault) else ApiFault(**vars(fault))
        if extra.is_lost:
            return Reply()
        if extra.reply is not None and not extra.is_kept:
            return extra.reply
        return self._once(request, extra)

    def _is_live(self, call: Call) -> bool:
        key = self.key_of(call)
        if key not in (self.KEY, self.LIVE_KEY):
            words = (
                f"Invalid API Key provided: {_starred(key)}"
                if key
                else "You did not provide an API key. You need to provide your API key "
                "in the Authorization header, using Bearer auth (e.g. 'Authorization: "
                "Bearer YOUR_SECRET_KEY')."
            )
            raise errors.Refused(words, status=401)
        return key == self.LIVE_KEY

    def _check_version(self, call: Call) -> None:
        version = call.headers.get("stripe-version")
        if version != API_VERSION:
            raise errors.Refused(
                f"The fake speaks {API_VERSION}; the request says {version}. Stripe "
                "would answer by the account's version where none is said: say it.",
                code="api_version_missing" if version is None else None,
            )

    def _once(self, request: Request, fault: ApiFault) -> Reply:
        """Carry a request out, unless its idempotency key tells that it was."""
        with self.store.lock:
            if (known := self._keys.begin(request)) is not None:
                return known
        reply = None
        try:
            self._going.wait(fault.seconds)
            reply = fault.reply or self._carry_out(request)
        except errors.Refused as refused:
            reply = None if refused.is_checked_first else refused.reply(request.id)
            if reply is None:
                raise
        finally:
            with self.store.lock:
                self._keys.end(request, reply)
        return reply

    def _carry_out(self, request: Request) -> Reply:
        if request.headers.get("stripe-account"):
            raise errors.not_faked("connected accounts")
        for route in ROUTES:
            ids = route.match(request.method, request.path)
            if ids is not None:
                break
        else:
            raise errors.Refused(
                f"Unrecognized request URL ({request.method}: {request.path}). Or the "
                "fake does not know it: teach it, in tests/fakes/stripe.",
                status=404,
                is_checked_first=True,
            )
        read: Any = params.checked(request.params, route.params, route.takes)
        request = replace(request, params=read, ids=ids)
        with self.store.acting_for(request.origin):
            answer = route.answer(self.store, request)
            shown = lists.expanded(self.store, answer, read.get("expand", ()))
        return Reply(json=shown)


def _starred(key: str) -> str:
    return re.sub(r"(?<=^.{8}).*(?=.{4}$)", "*" * 8, key)
