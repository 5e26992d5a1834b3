"""Charges that the card's owner disputes: the bank takes the money back."""

from typing import Any

from stripe import Dispute
from stripe import params as sdk

from tests.fakes.stripe import errors, intents, lists
from tests.fakes.stripe.requests import Request, Route
from tests.fakes.stripe.store import Document, Store, blank, new_id

FEE = 1500
DAY = 86_400
ANSWER_DAYS = 9
CLOSED = ("won", "lost", "warning_closed")


def open_one(
    store: Store,
    charge: Document,
    *,
    amount: int | None = None,
    reason: str = "fraudulent",
    is_inquiry: bool = False,
) -> Document:
    """Dispute a charge. An inquiry takes no money yet."""
    disputed = charge["amount"] if amount is None else amount
    dispute = store.add(
        "dispute",
        is_live=store.is_live(charge["id"]),
        amount=disputed,
        balance_transactions=[],
        charge=charge["id"],
        currency=charge["currency"],
        enhanced_eligibility_types=[],
        evidence=_no_evidence(),
        evidence_details={
            "due_by": store.clock.now() + ANSWER_DAYS * DAY,
            "enhanced_eligibility": {},
            "has_evidence": False,
            "past_due": False,
            "submission_count": 0,
            "submission_method": "not_submitted",
        },
        is_charge_refundable=is_inquiry,
        metadata={},
        payment_intent=charge["payment_intent"],
        payment_method_details={
            "type": "card",
            "card": {
                "brand": "visa",
                "network": "visa",
                "case_type": "inquiry" if is_inquiry else "chargeback",
                "network_reason_code": "10.4",
            },
        },
        reason=reason,
        status="warning_needs_response" if is_inquiry else "needs_response",
    )
    store.change(charge, disputed=not is_inquiry)
    store.tell("charge.dispute.created", dispute)
    if not is_inquiry:
        _move(store, dispute, -disputed)
        store.tell("charge.dispute.funds_withdrawn", dispute)
    return dispute


def _no_evidence() -> Document:
    return dict.fromkeys(Dispute.Evidence.__annotations__) | {"enhanced_evidence": {}}


def _move(store: Store, dispute: Document, amount: int) -> None:
    now = store.clock.now()
    fee = FEE if amount < 0 else 0
    moved: dict[str, Any] = blank("balance_transaction") | {
        "id": new_id("txn_1"),
        "object": "balance_transaction",
        "amount": amount,
        "available_on": now,
        "balance_type": "payments",
        "created": now,
        "currency": dispute["currency"],
        "description": f"Chargeback for {dispute['charge']}",
        "fee": fee,
        "fee_details": [],
        "net": amount - fee,
        "reporting_category": "dispute" if amount < 0 else "dispute_reversal",
        "source": dispute["id"],
        "status": "available",
        "type": "adjustment",
    }
    store.change(
        dispute, balance_transactions=[*dispute["balance_transactions"], moved]
    )


def close(store: Store, dispute: Document, *, won: bool) -> None:
    """End a dispute: the money comes back, or it is lost.

    Raise ``Refused`` for one that has ended.
    """
    if dispute["status"] in CLOSED:
        raise errors.Refused("This dispute is already closed")
    if dispute["status"].startswith("warning"):
        store.change(dispute, status="warning_closed")
        store.tell("charge.dispute.closed", dispute)
        return
    store.change(dispute, status="won" if won else "lost")
    store.tell("charge.dispute.closed", dispute)
    if won:
        _move(store, dispute, dispute["amount"])
        store.tell("charge.dispute.funds_reinstated", dispute)


def _dispute(store: Store, request: Request) -> Document:
    return store.find("dispute", request.ids["dispute"], is_live=request.is_live)


def give_up(store: Store, request: Request) -> Document:
    """Accept that a dispute is lost."""
    dispute = _dispute(store, request)
    close(store, dispute, won=False)
    return dispute


def list_all(store: Store, request: Request) -> Document:
    """List disputes."""
    return lists.page(store, request, intents.matching(store, request, "dispute"))


ROUTES = (
    Route(
        method="GET",
        path="/v1/disputes",
        answer=list_all,
        params=sdk.DisputeListParams,
        takes=f"{lists.CREATED} charge payment_intent",
    ),
    Route(
        method="GET",
        path="/v1/disputes/{dispute}",
        answer=_dispute,
        params=sdk.DisputeRetrieveParams,
    ),
    Route(
        method="POST",
        path="/v1/disputes/{dispute}/close",
        answer=give_up,
        params=sdk.DisputeCloseParams,
    ),
)
