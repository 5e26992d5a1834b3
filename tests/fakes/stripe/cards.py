"""Cards that customers saved, and what happens when they are charged."""

from enum import StrEnum

from stripe import params as sdk

from tests.fakes.stripe import customers, errors, lists
from tests.fakes.stripe.requests import Request, Route
from tests.fakes.stripe.store import Document, Store, new_id


class Card(StrEnum):
    """What happens when a saved card is charged without its owner."""

    OK = "ok"
    DECLINED = "declined"
    AUTHENTICATION_REQUIRED = "authentication_required"


SAMPLES = {
    "pm_card_visa": Card.OK,
    "pm_card_chargeCustomerFail": Card.DECLINED,
    "pm_card_authenticationRequired": Card.AUTHENTICATION_REQUIRED,
}
"""Stripe's own sample cards: attached, each becomes a new payment method."""


def add_card(
    store: Store,
    customer: str | None,
    *,
    is_live: bool,
    behaviour: Card = Card.OK,
    kind: str = "card",
) -> Document:
    """Make a payment method, of a customer who saved it or of nobody."""
    card = store.add(
        "payment_method",
        is_live=is_live,
        allow_redisplay="limited",
        billing_details={
            "address": dict(customers.NO_ADDRESS),
            "email": None,
            "name": None,
            "phone": None,
            "tax_id": None,
        },
        customer=customer,
        metadata={},
        type=kind,
        **{kind: _visa() if kind == "card" else {}},
    )
    store.hidden[card["id"]] |= {"behaviour": behaviour, "decline_code": None}
    if customer:
        store.tell("payment_method.attached", card)
    return card


def _visa() -> Document:
    return {
        "brand": "visa",
        "checks": {
            "address_line1_check": None,
            "address_postal_code_check": None,
            "cvc_check": "pass",
        },
        "country": "US",
        "display_brand": "visa",
        "exp_month": 12,
        "exp_year": 2034,
        "fingerprint": new_id("")[:16],
        "funding": "credit",
        "generated_from": None,
        "last4": "4242",
        "networks": {"available": ["visa"], "preferred": None},
        "regulated_status": "unregulated",
        "three_d_secure_usage": {"supported": True},
        "wallet": None,
    }


def card_of(
    store: Store, request: Request, wanted: str, *, customer: str | None
) -> Document:
    """Return a saved card of this customer, or raise ``Refused``."""
    card = store.find(
        "payment_method",
        wanted,
        is_live=request.is_live,
        param="payment_method",
        in_path=False,
    )
    if card["customer"] is None or card["customer"] != customer:
        raise errors.Refused(
            f"The customer does not have a payment method with the ID {wanted}. The "
            "payment method must be attached to the customer.",
            code="payment_method_unexpected_state",
            param="payment_method",
        )
    return card


def list_cards(store: Store, request: Request) -> Document:
    """List what a customer saved."""
    wanted = request.ids.get("customer") or request.params.get("customer")
    if wanted is None:
        raise errors.required("customer")
    in_path = "customer" in request.ids
    customer = customers.find(store, wanted, request, in_path=in_path)
    rows = store.all("payment_method", customer=customer["id"])
    if "type" in request.params:
        rows = [row for row in rows if row["type"] == request.params["type"]]
    return lists.page(store, request, rows)


def _card(store: Store, request: Request) -> Document:
    wanted = request.ids["payment_method"]
    return store.find(
        "payment_method", wanted, is_live=request.is_live, param="payment_method"
    )


def attach(store: Store, request: Request) -> Document:
    """Save a card for a customer."""
    wanted = request.ids["payment_method"]
    given = request.get("customer")
    if given is None:
        raise errors.required("customer")
    customer = customers.find(store, given, request, in_path=False)
    if wanted in SAMPLES:
        return add_card(
            store,
            customer["id"],
            is_live=request.is_live,
            behaviour=SAMPLES[wanted],
        )
    card = _card(store, request)
    if card["customer"] not in (None, customer["id"]):
        raise errors.Refused(
            "The payment method you provided has already been attached to a customer.",
            code="payment_method_unexpected_state",
        )
    store.change(card, "payment_method.attached", customer=customer["id"])
    return card


def detach(store: Store, request: Request) -> Document:
    """Take a card from a customer, for good."""
    card = _card(store, request)
    if card["customer"] is None:
        raise errors.Refused(
            "The payment method you provided is not attached to a customer so "
            "detachment is impossible.",
            code="payment_method_unexpected_state",
        )
    store.change(card, "payment_method.detached", customer=None)
    return card


ROUTES = (
    Route(
        method="GET",
        path="/v1/customers/{customer}/payment_methods",
        answer=list_cards,
        params=sdk.CustomerListPaymentMethodsParams,
        takes=f"{lists.PAGING} type",
    ),
    Route(
        method="GET",
        path="/v1/payment_methods",
        answer=list_cards,
        params=sdk.PaymentMethodListParams,
        takes=f"{lists.PAGING} customer type",
    ),
    Route(
        method="GET",
        path="/v1/payment_methods/{payment_method}",
        answer=_card,
        params=sdk.PaymentMethodRetrieveParams,
    ),
    Route(
        method="POST",
        path="/v1/payment_methods/{payment_method}/attach",
        answer=attach,
        params=sdk.PaymentMethodAttachParams,
        takes="customer",
    ),
    Route(
        method="POST",
        path="/v1/payment_methods/{payment_method}/detach",
        answer=detach,
        params=sdk.PaymentMethodDetachParams,
    ),
)
