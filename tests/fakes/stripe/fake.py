"""The fake with hands: what tests let people, banks and time do."""

import copy
import json
from typing import Any

import stripe

from tests.fakes.stripe import (
    cards,
    catalog,
    checkout,
    completing,
    customers,
    disputes,
    errors,
    fulfilling,
    invoices,
    refunds,
    renewals,
    subscriptions,
)
from tests.fakes.stripe.cards import Card
from tests.fakes.stripe.payments import Decline
from tests.fakes.stripe.server import Api
from tests.fakes.stripe.store import API_VERSION, Document, Origin, new_id
from tests.fakes.stripe.webhooks import SECRET, Delivery


class StripeFake(Api):
    """An account of Stripe's on loopback; ``with`` starts and stops it.

    Its methods take ids, and return copies of documents as they are afterwards. They
    raise ``Refused`` where the real Stripe would refuse.
    """

    WEBHOOK_SECRET = SECRET
    API_VERSION = API_VERSION

    def client(self, key: str | None = None, **options: Any) -> stripe.StripeClient:
        """Return the real SDK, of this account; it tries nothing twice unless told."""
        return stripe.StripeClient(
            key or self.KEY,
            base_addresses={"api": self.url},
            **({"max_network_retries": 0} | options),
        )

    def get(self, wanted: str) -> Document:
        """Return a document."""
        with self.store.lock:
            return copy.deepcopy(self.store.documents[wanted])

    def all(self, kind: str, **fields: Any) -> list[Document]:
        """Return the documents of a kind, as "charge", oldest first."""
        with self.store.lock:
            return copy.deepcopy(self.store.all(kind, **fields))

    def events(self, event_type: str | None = None) -> list[Document]:
        """Return what happened, oldest first."""
        wanted = {"type": event_type} if event_type else {}
        return self.all("event", **wanted)

    def price(
        self,
        unit_amount: int,
        *,
        currency: str = "usd",
        every: str | None = None,
        name: str = "Credits",
        is_live: bool = False,
        **fields: Any,
    ) -> str:
        """Make a product with a price, by ``every`` "month" a plan's; return its id."""
        given = {"unit_amount": unit_amount, "currency": currency} | fields
        given["product_data"] = {"name": name}
        if every:
            given["recurring"] = {"interval": every}
        with self._acting():
            made = catalog.add_price(self.store, given, is_live=is_live)
            return str(made["id"])

    def customer(self, email: str, *, is_live: bool = False, **fields: Any) -> str:
        """Make a customer, and return its id."""
        with self._acting():
            given = {"email": email} | fields
            return str(customers.add(self.store, given, is_live=is_live)["id"])

    def card(self, customer: str, behaviour: Card = Card.OK) -> str:
        """Save a card for a customer, and return its id."""
        with self._acting():
            made = cards.add_card(
                self.store,
                customer,
                is_live=self.store.is_live(customer),
                behaviour=behaviour,
            )
            return str(made["id"])

    def set_card(
        self, of: str, behaviour: Card, decline_code: str | None = None
    ) -> None:
        """Say how a card, or each card of a customer, takes being charged."""
        with self._acting():
            named = self.store.all("payment_method", id=of)
            owned = named or self.store.all("payment_method", customer=of)
            assert owned, f"{of} has no card"
            for card in owned:
                hidden = self.store.hidden[card["id"]]
                hidden |= {"behaviour": behaviour, "decline_code": decline_code}

    def pay(
        self, session: str, *, email: str | None = None, promotion: str | None = None
    ) -> Document:
        """Press Pay on a Checkout page; twice is like once."""
        with self._acting():
            it = self.store.documents[session]
            if promotion and not completing.promote(self.store, it, promotion):
                raise errors.Refused(f"There is no promotion code {promotion} here.")
            if not completing.pay(self.store, it, email=email):
                raise errors.Refused(f"{session} is {it['status']}.")
        return self.get(session)

    def decline(self, session: str, decline_code: str = "generic_decline") -> Document:
        """Press Pay with a card that is declined; the session stays open."""
        with self._acting():
            decline = Decline(decline_code=decline_code)
            completing.pay(self.store, self.store.documents[session], decline=decline)
        return self.get(session)

    def pay_by_transfer(self, session: str) -> Document:
        """Complete a session with a bank transfer, which takes days."""
        with self._acting():
            self.pages.transfer(self.store.documents[session])
        return self.get(session)

    def settle_transfer(self, session: str, *, succeeds: bool = True) -> Document:
        """Let a bank transfer arrive, or fail."""
        with self._acting():
            it = self.store.documents[session]
            fulfilling.settle(self.store, it, succeeds=succeeds)
        return self.get(session)

    def expire(self, session: str) -> Document:
        """Let a session grow too old."""
        with self._acting():
            checkout.end(self.store, self.store.documents[session])
        return self.get(session)

    def refund(
        self, of: str, amount: int | None = None, *, is_pending: bool = False
    ) -> Document:
        """Refund a charge, payment intent, invoice or session from the dashboard."""
        with self._acting():
            made = refunds.give_back(
                self.store, self._charge(of), amount=amount, is_pending=is_pending
            )
            return self.get(made["id"])

    def settle_refund(self, refund: str, *, succeeds: bool) -> Document:
        """End a refund: it arrives, or the bank sends it back to us."""
        with self._acting():
            it = self.store.documents[refund]
            refunds.settle(self.store, it, succeeds=succeeds)
        return self.get(refund)

    def dispute(
        self, of: str, amount: int | None = None, *, is_inquiry: bool = False
    ) -> Document:
        """Dispute a charge, or that of a payment intent, invoice or session."""
        with self._acting():
            made = disputes.open_one(
                self.store, self._charge(of), amount=amount, is_inquiry=is_inquiry
            )
            return self.get(made["id"])

    def close_dispute(self, dispute: str, *, won: bool) -> Document:
        """End a dispute."""
        with self._acting():
            disputes.close(self.store, self.store.documents[dispute], won=won)
        return self.get(dispute)

    def advance(
        self, subscription: str, *, paid: bool | None = None
    ) -> Document | None:
        """Go to the next period; return its invoice, or None where it was to end.

        Without ``paid`` the saved card decides.
        """
        with self._acting():
            it = self.store.documents[subscription]
            invoice = renewals.advance(self.store, it, paid=paid)
            return self.get(invoice["id"]) if invoice else None

    def retry(self, invoice: str, *, paid: bool | None = None) -> Document:
        """Charge the saved card once more for an invoice that is not paid."""
        with self._acting():
            it = self.store.documents[invoice]
            owner = self.store.documents[invoices.subscription_of(it) or ""]
            renewals.collect(self.store, owner, it, paid=paid)
        return self.get(invoice)

    def cancel(self, subscription: str, *, at_period_end: bool = False) -> Document:
        """Cancel a subscription as in the customer portal, or now as in the dashboard."""
        with self._acting():
            it = self.store.documents[subscription]
            if at_period_end:
                subscriptions.schedule_end(
                    self.store, it, is_wanted=True, by_cancel_at=True
                )
            else:
                subscriptions.not_ended(it)
                subscriptions.end(self.store, it, reason="cancellation_requested")
        return self.get(subscription)

    def give_up(self, subscription: str) -> Document:
        """End a subscription whose invoices nobody pays."""
        with self._acting():
            it = self.store.documents[subscription]
            subscriptions.end(self.store, it, reason="payment_failed")
        return self.get(subscription)

    def forge(self, event_type: str, about: Document, **fields: Any) -> Document:
        """Return an event that never happened, for ``send``."""
        return {
            "id": new_id("evt_1"),
            "object": "event",
            "api_version": API_VERSION,
            "created": self.clock.now(),
            "data": {"object": about},
            "livemode": False,
            "pending_webhooks": 1,
            "request": {"id": None, "idempotency_key": None},
            "type": event_type,
        } | fields

    def send(
        self,
        event: Document | bytes,
        *,
        secret: str | None = None,
        at: float | None = None,
    ) -> Delivery:
        """Send any event now, signed with any secret, as at any time."""
        body = event if isinstance(event, bytes) else json.dumps(event).encode()
        signature = self.webhooks.sign(body, secret=secret, at=at)
        return self.webhooks.send_raw(body, signature=signature)

    def _acting(self):
        return self.store.acting_for(Origin())

    def _charge(self, of: str) -> Document:
        documents = self.store.documents
        it = documents[of]
        if it["object"] == "checkout.session":
            it = documents[it["invoice"] or it["payment_intent"]]
        if it["object"] == "invoice":
            (paid,) = self.store.all("invoice_payment", invoice=it["id"])
            it = documents[paid["payment"]["payment_intent"]]
        return it if it["object"] == "charge" else documents[it["latest_charge"]]
