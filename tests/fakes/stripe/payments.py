"""How money moves: a payment intent, and the charge of each attempt."""

from dataclasses import dataclass
from enum import Enum, auto
from typing import Any

from tests.fakes.stripe.cards import Card
from tests.fakes.stripe.errors import Refused
from tests.fakes.stripe.store import Document, Store, new_id

MESSAGES = {
    "authentication_required": (
        "Your card was declined. This transaction requires authentication."
    ),
    "expired_card": "Your card has expired.",
    "insufficient_funds": "Your card has insufficient funds.",
}
DECLINED = "Your card was declined."
CODES = {"authentication_required", "expired_card"}
"""Decline codes that are told as the error's code too, not as ``card_declined``."""


class Way(Enum):
    """How an attempt to be paid goes."""

    AT_ONCE = auto()
    LATER = auto()


@dataclass(frozen=True, kw_only=True)
class Decline:
    """Why a card is not charged."""

    decline_code: str = "generic_decline"

    @property
    def code(self) -> str:
        return self.decline_code if self.decline_code in CODES else "card_declined"

    @property
    def message(self) -> str:
        return MESSAGES.get(self.decline_code, DECLINED)

    def told(self, charge: Document, card: Document) -> dict[str, Any]:
        """Return the error as a payment intent keeps it."""
        return {
            "advice_code": "try_again_later",
            "charge": charge["id"],
            "code": self.code,
            "decline_code": self.decline_code,
            "message": self.message,
            "payment_method": card,
            "type": "card_error",
        }


def decline_of(store: Store, card: Document) -> Decline | None:
    """Return why a saved card is not charged without its owner, or None if it is."""
    hidden = store.hidden[card["id"]]
    if hidden["behaviour"] is Card.OK:
        return None
    if hidden["behaviour"] is Card.AUTHENTICATION_REQUIRED:
        return Decline(decline_code="authentication_required")
    return Decline(decline_code=hidden["decline_code"] or "generic_decline")


def new_intent(
    store: Store, *, is_live: bool, amount: int, currency: str, **fields: Any
) -> Document:
    """Make a payment intent that nobody tried to pay yet."""
    made_up = new_id("pi_3")
    shown: dict[str, Any] = {
        "amount_details": {"tip": {}},
        "automatic_payment_methods": {"allow_redirects": "always", "enabled": True},
        "capture_method": "automatic_async",
        "client_secret": f"{made_up}_secret_{new_id('')}",
        "confirmation_method": "automatic",
        "metadata": {},
        "payment_method_options": {
            "card": {
                "installments": None,
                "mandate_options": None,
                "network": None,
                "request_three_d_secure": "automatic",
            }
        },
        "payment_method_types": ["card"],
        "status": "requires_payment_method",
    }
    return store.add(
        "payment_intent",
        is_live=is_live,
        event="payment_intent.created",
        id=made_up,
        amount=amount,
        amount_capturable=0,
        amount_received=0,
        currency=currency,
        **(shown | fields),
    )


def attempt(
    store: Store,
    intent: Document,
    card: Document,
    *,
    way: Way = Way.AT_ONCE,
    decline: Decline | None = None,
) -> Document:
    """Try to be paid with a card; return the charge, which says how it went."""
    charge = _charge(store, intent, card)
    if decline is not None:
        _fail(store, intent, charge, decline=decline)
    elif way is Way.LATER:
        store.change(
            intent, status="processing", payment_method=card["id"], **_latest(charge)
        )
        store.tell("charge.pending", charge)
        store.tell("payment_intent.processing", intent)
    else:
        store.change(intent, payment_method=card["id"], **_latest(charge))
        _succeed(store, intent, charge)
    return charge


def settle(store: Store, intent: Document, *, succeeds: bool) -> Document:
    """End an attempt that takes days: the money came, or it did not.

    Raise ``Refused`` for one that has ended.
    """
    charge = store.documents[intent["latest_charge"]]
    if charge["status"] != "pending":
        raise Refused(f"{charge['id']} waits for nothing: it is {charge['status']}.")
    if succeeds:
        _succeed(store, intent, charge)
    else:
        _fail(store, intent, charge, decline=Decline(decline_code="insufficient_funds"))
    return charge


def _latest(charge: Document) -> Document:
    return {"latest_charge": charge["id"]}


def _succeed(store: Store, intent: Document, charge: Document) -> None:
    store.change(
        charge,
        status="succeeded",
        paid=True,
        amount_captured=charge["amount"],
        balance_transaction=new_id("txn_3"),
    )
    store.change(
        intent,
        status="succeeded",
        amount_received=intent["amount"],
        last_payment_error=None,
        next_action=None,
    )
    store.tell("charge.succeeded", charge)
    store.tell("payment_intent.succeeded", intent)


def _fail(
    store: Store, intent: Document, charge: Document, *, decline: Decline
) -> None:
    outcome = charge["outcome"] | {
        "network_status": "declined_by_network",
        "reason": decline.decline_code,
        "seller_message": "The bank did not return any further details.",
        "type": "issuer_declined",
    }
    store.change(
        charge,
        status="failed",
        paid=False,
        captured=False,
        failure_code=decline.code,
        failure_message=decline.message,
        outcome=outcome,
    )
    card = store.documents[charge["payment_method"]]
    store.change(
        intent,
        status="requires_payment_method",
        payment_method=None,
        last_payment_error=decline.told(charge, dict(card)),
        **_latest(charge),
    )
    store.tell("charge.failed", charge)
    store.tell("payment_intent.payment_failed", intent)


def refusal(intent: Document, decline: Decline) -> Refused:
    """Return the answer to who asked for a payment that was declined."""
    error = intent["last_payment_error"]
    return Refused(
        decline.message,
        status=402,
        kind="card_error",
        code=decline.code,
        more={**error, "payment_intent": intent},
    )


def _charge(store: Store, intent: Document, card: Document) -> Document:
    is_live = store.is_live(intent["id"])
    made_up = new_id("ch_3")
    return store.add(
        "charge",
        is_live=is_live,
        id=made_up,
        amount=intent["amount"],
        amount_captured=0,
        amount_refunded=0,
        billing_details=card["billing_details"],
        calculated_statement_descriptor="FAKE & CO.",
        captured=True,
        currency=intent["currency"],
        customer=intent["customer"],
        description=intent["description"],
        disputed=False,
        fraud_details={},
        metadata=dict(intent["metadata"]),
        outcome={
            "advice_code": None,
            "network_advice_code": None,
            "network_decline_code": None,
            "network_status": "approved_by_network",
            "reason": None,
            "risk_level": "normal",
            "risk_score": 12,
            "seller_message": "Payment complete.",
            "type": "authorized",
        },
        paid=False,
        payment_intent=intent["id"],
        payment_method=card["id"],
        payment_method_details=_details(card, intent["amount"]),
        radar_options={},
        receipt_email=intent["receipt_email"],
        receipt_url=f"{store.url}/receipts/{made_up}",
        refunded=False,
        status="pending",
    )


def _details(card: Document, amount: int) -> Document:
    if card["type"] != "card":
        return {"type": card["type"], card["type"]: {}}
    shown = card["card"]
    same = ("brand", "checks", "country", "exp_month", "exp_year", "fingerprint")
    return {
        "type": "card",
        "card": {
            **{name: shown[name] for name in (*same, "funding", "last4", "wallet")},
            "amount_authorized": amount,
            "authorization_code": "123456",
            "extended_authorization": {"status": "disabled"},
            "incremental_authorization": {"status": "unavailable"},
            "installments": None,
            "mandate": None,
            "multicapture": {"status": "unavailable"},
            "network": shown["brand"],
            "network_token": {"used": False},
            "network_transaction_id": "104102978678771",
            "overcapture": {
                "maximum_amount_capturable": amount,
                "status": "unavailable",
            },
            "regulated_status": "unregulated",
            "three_d_secure": None,
        },
    }
