"""Answers to a browser: the pages, and what their buttons do."""

import re
from collections.abc import Callable
from urllib.parse import parse_qs

from tests.fakes.stripe import completing, desk, fulfilling, pages, subscriptions
from tests.fakes.stripe.payments import Decline, Way
from tests.fakes.stripe.store import Document, Store
from tests.fakes.wire import Call, Reply

Form = dict[str, str]


class Browsing:
    """The hosted pages of one account. Call it with the lock held.

    ``transfers`` says what becomes of bank transfers that are begun on the page.
    """

    def __init__(self, store: Store) -> None:
        self.transfers = fulfilling.Transfers.WAIT
        self._store = store
        self._pages: tuple[tuple[str, Callable[[Call, str], Reply]], ...] = (
            (r"/c/pay/(\w+)", self._checkout),
            (r"/p/session/(\w+)", self._portal),
            (r"/receipts/(\w+)", self._receipt),
            (r"/invoices/(\w+)", self._invoice),
            (r"/(desk)?", self._desk),
            (r"/(page\.css)", lambda call, name: pages.style()),
        )

    def answer(self, call: Call) -> Reply:
        """Return a page, or where to go."""
        for pattern, show in self._pages:
            if found := re.fullmatch(pattern, call.path):
                return show(call, found[1])
        return pages.gone("There is no such page.")

    def _find(self, kind: str, wanted: str) -> Document | None:
        found = self._store.documents.get(wanted)
        return found if found is not None and found["object"] == kind else None

    def _checkout(self, call: Call, wanted: str) -> Reply:
        session = self._find("checkout.session", wanted)
        if session is None:
            return pages.gone("There is no such page.")
        completing.is_open(self._store, session)
        if session["status"] == "expired":
            return pages.gone("This page has expired. Nothing was paid.", status=410)
        if call.method == "POST":
            return self._press(session, _form(call))
        if session["status"] == "complete":
            return pages.gone("You have already paid here.", status=200)
        return pages.checkout(self._store, session)

    def _press(self, session: Document, form: Form) -> Reply:
        store, action = self._store, form.get("action", "")
        if action == "promote":
            if completing.promote(store, session, form.get("code", "")):
                return pages.redirect(f"/c/pay/{session['id']}")
            return pages.checkout(store, session, "This code is invalid.", status=422)
        if action == "decline":
            completing.pay(store, session, email=form.get("email"), decline=Decline())
        elif action == "transfer":
            self.transfer(session, form.get("email"))
        elif action == "pay":
            completing.pay(store, session, email=form.get("email"))
        if session["status"] != "complete":
            words = "Your card was declined. Try another way."
            return pages.checkout(store, session, words, status=402)
        return pages.redirect(success_url(session))

    def transfer(self, session: Document, email: str | None = None) -> None:
        """Begin a bank transfer, and end it if that is switched on."""
        if session["status"] != "open":
            return
        completing.pay(self._store, session, email=email, way=Way.LATER)
        is_waiting = session["payment_status"] == "unpaid"
        if is_waiting and self.transfers is not fulfilling.Transfers.WAIT:
            succeeds = self.transfers is fulfilling.Transfers.SUCCEED
            fulfilling.settle(self._store, session, succeeds=succeeds)

    def _portal(self, call: Call, wanted: str) -> Reply:
        session = self._find("billing_portal.session", wanted)
        if session is None:
            return pages.gone("There is no such page.")
        if call.method == "POST":
            form = _form(call)
            subscription = self._find("subscription", form.get("subscription", ""))
            if subscription and subscription["customer"] == session["customer"]:
                subscriptions.schedule_end(
                    self._store,
                    subscription,
                    is_wanted=form.get("action") == "cancel",
                    by_cancel_at=True,
                )
            return pages.redirect(f"/p/session/{wanted}")
        return pages.portal(self._store, session)

    def _receipt(self, call: Call, wanted: str) -> Reply:
        charge = self._find("charge", wanted)
        return pages.paper("Receipt", charge) if charge else pages.gone("No receipt.")

    def _invoice(self, call: Call, wanted: str) -> Reply:
        invoice = self._find("invoice", wanted)
        return pages.paper("Invoice", invoice) if invoice else pages.gone("No invoice.")

    def _desk(self, call: Call, name: str | None) -> Reply:
        if call.method != "POST":
            return desk.show(self._store)
        form = _form(call)
        said = desk.act(self._store, form.get("action", ""), form.get("id", ""))
        return desk.show(self._store, said) if said else pages.redirect("/desk")


def success_url(session: Document) -> str:
    """Return where a person goes who has paid."""
    address: str = session["success_url"]
    return address.replace("{CHECKOUT_SESSION_ID}", session["id"])


def _form(call: Call) -> Form:
    return {name: texts[0] for name, texts in parse_qs(call.body.decode()).items()}
