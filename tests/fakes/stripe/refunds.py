"""Money given back."""

from stripe import params as sdk

from tests.fakes.stripe import errors, intents, lists
from tests.fakes.stripe.requests import Request, Route
from tests.fakes.stripe.store import Document, Store, merged, new_id


def create(store: Store, request: Request) -> Document:
    """Give back a charge, or a part of it."""
    charge = _charge(store, request)
    return give_back(
        store,
        charge,
        amount=request.params.get("amount"),
        reason=request.get("reason"),
        metadata=merged({}, request.params.get("metadata")),
    )


def _charge(store: Store, request: Request) -> Document:
    live = {"is_live": request.is_live, "in_path": False}
    if wanted := request.get("charge"):
        return store.find("charge", wanted, param="charge", **live)
    wanted = request.get("payment_intent")
    if wanted is None:
        raise errors.parameter(
            "One of the following params should be provided for this request: "
            "payment_intent or charge.",
            "charge",
            "parameter_missing",
        )
    intent = store.find("payment_intent", wanted, param="payment_intent", **live)
    if intent["latest_charge"] is None:
        raise errors.Refused(
            "This PaymentIntent does not have a successful charge to refund.",
            code="payment_intent_unexpected_state",
            param="payment_intent",
        )
    return store.documents[intent["latest_charge"]]


def give_back(
    store: Store,
    charge: Document,
    *,
    amount: int | None = None,
    reason: str | None = None,
    metadata: dict[str, str] | None = None,
    is_pending: bool = False,
) -> Document:
    """Give back what is asked of a charge, or raise ``Refused``."""
    amount = _checked_amount(charge, amount)
    refund = store.add(
        "refund",
        is_live=store.is_live(charge["id"]),
        amount=amount,
        balance_transaction=new_id("txn_3"),
        charge=charge["id"],
        currency=charge["currency"],
        customer=charge["customer"],
        destination_details=_destination(charge),
        metadata=metadata or {},
        payment_intent=charge["payment_intent"],
        payment_method=charge["payment_method"],
        pending_reason="processing" if is_pending else None,
        reason=reason,
        status="pending" if is_pending else "succeeded",
    )
    refunded = charge["amount_refunded"] + amount
    store.change(
        charge,
        "charge.refunded",
        amount_refunded=refunded,
        refunded=refunded == charge["amount"],
    )
    store.tell("refund.created", refund)
    return refund


def _checked_amount(charge: Document, amount: int | None) -> int:
    left = charge["amount"] - charge["amount_refunded"]
    if charge["disputed"]:
        raise errors.Refused(
            f"Charge {charge['id']} has been charged back; cannot issue a refund.",
            code="charge_disputed",
        )
    if charge["status"] != "succeeded":
        raise errors.Refused(
            f"Charge {charge['id']} is not refundable: it is {charge['status']}.",
            code="charge_not_refundable",
        )
    if left == 0:
        raise errors.Refused(
            f"Charge {charge['id']} has already been refunded.",
            code="charge_already_refunded",
        )
    if amount is None:
        return int(left)
    if amount < 1:
        raise errors.parameter(
            "Invalid positive integer", "amount", "parameter_invalid_integer"
        )
    if amount > left:
        raise errors.parameter(
            f"Refund amount ({amount}) is greater than unrefunded amount on charge "
            f"({left})",
            "amount",
            is_checked_first=False,
        )
    return amount


def _destination(charge: Document) -> Document:
    kind = charge["payment_method_details"]["type"]
    if kind != "card":
        return {"type": "customer_cash_balance", "customer_cash_balance": {}}
    return {
        "type": "card",
        "card": {
            "reference_status": "pending",
            "reference_type": "acquirer_reference_number",
            "type": "refund",
        },
    }


def settle(store: Store, refund: Document, *, succeeds: bool) -> None:
    """End a refund: the bank took it, or sent it back to us, even weeks later."""
    if succeeds:
        store.change(refund, status="succeeded", pending_reason=None)
        _tell_updated(store, refund)
        return
    charge = store.documents[refund["charge"]]
    store.change(
        refund,
        status="failed",
        pending_reason=None,
        failure_reason="lost_or_stolen_card",
        failure_balance_transaction=new_id("txn_3"),
    )
    store.change(
        charge,
        "charge.updated",
        amount_refunded=charge["amount_refunded"] - refund["amount"],
        refunded=False,
    )
    _tell_updated(store, refund)
    store.tell("refund.failed", refund)


def _tell_updated(store: Store, refund: Document) -> None:
    store.tell("refund.updated", refund)
    store.tell("charge.refund.updated", refund)


def _refund(store: Store, request: Request) -> Document:
    return store.find("refund", request.ids["refund"], is_live=request.is_live)


def update(store: Store, request: Request) -> Document:
    """Change a refund's metadata; there is nothing else to change."""
    refund = _refund(store, request)
    store.change(refund, metadata=merged(refund, request.params.get("metadata")))
    _tell_updated(store, refund)
    return refund


def list_all(store: Store, request: Request) -> Document:
    """List refunds."""
    return lists.page(store, request, intents.matching(store, request, "refund"))


ROUTES = (
    Route(
        method="POST",
        path="/v1/refunds",
        answer=create,
        params=sdk.RefundCreateParams,
        takes="amount charge metadata payment_intent reason",
    ),
    Route(
        method="GET",
        path="/v1/refunds",
        answer=list_all,
        params=sdk.RefundListParams,
        takes=f"{lists.CREATED} charge payment_intent",
    ),
    Route(
        method="GET",
        path="/v1/refunds/{refund}",
        answer=_refund,
        params=sdk.RefundRetrieveParams,
    ),
    Route(
        method="POST",
        path="/v1/refunds/{refund}",
        answer=update,
        params=sdk.RefundUpdateParams,
        takes="metadata",
    ),
)
