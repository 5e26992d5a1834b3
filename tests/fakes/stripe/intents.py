"""Endpoints of payment intents and charges."""

from stripe import params as sdk

from tests.fakes.stripe import cards, catalog, customers, errors, lists, payments
from tests.fakes.stripe.requests import Request, Route
from tests.fakes.stripe.store import Document, Store, merged

LEAST = {"gbp": 30, "jpy": 50, "czk": 1500, "huf": 17500, "mxn": 1000, "pln": 200}
USUAL_LEAST = 50
ENDED = ("succeeded", "canceled", "processing")


def create(store: Store, request: Request) -> Document:
    """Make a payment intent, and charge a saved card if that is asked."""
    currency = catalog.checked_currency(request.params["currency"])
    amount = request.params["amount"]
    if amount < LEAST.get(currency, USUAL_LEAST):
        raise errors.parameter(
            f"Amount must be at least {LEAST.get(currency, USUAL_LEAST)} {currency}",
            "amount",
            "amount_too_small" if amount > 0 else "parameter_invalid_integer",
        )
    customer = request.get("customer")
    if customer:
        customers.find(store, customer, request, in_path=False)
    wanted = request.get("payment_method")
    card = cards.card_of(store, request, wanted, customer=customer) if wanted else None
    confirms = request.params.get("confirm", False)
    _check_confirmation(request, card, confirms=confirms)
    intent = _made(store, request, amount=amount, currency=currency, card=card)
    if confirms and card:
        _confirm(store, request, intent=intent, card=card)
    return intent


def _check_confirmation(
    request: Request, card: Document | None, *, confirms: bool
) -> None:
    if not confirms:
        if request.params.get("off_session"):
            raise errors.parameter(
                "You can only set `off_session` when confirming a PaymentIntent.",
                "off_session",
            )
        return
    if card is None:
        raise errors.Refused(
            "You cannot confirm this PaymentIntent because it's missing a payment "
            "method. You can either update the PaymentIntent with a payment method and "
            "then confirm it again, or confirm it again directly with a payment method "
            "or ConfirmationToken.",
            code="payment_intent_unexpected_state",
        )
    automatic = request.params.get("automatic_payment_methods", {})
    is_narrow = automatic.get("allow_redirects") == "never"
    if not (is_narrow or "allowed_payment_method_types" in request.params):
        _require_return_url(request)


def _require_return_url(request: Request) -> None:
    if "return_url" not in request.params:
        raise errors.parameter(
            "This PaymentIntent is configured to accept payment methods enabled in "
            "your Dashboard. Because some of these payment methods might redirect your "
            "customer off of your page, you must provide a `return_url`. If you don't "
            "want to accept redirect-based payment methods, set "
            "`automatic_payment_methods[enabled]` to `true` and "
            "`automatic_payment_methods[allow_redirects]` to `never` when creating "
            "Setup Intents and Payment Intents.",
            "return_url",
        )


def _made(
    store: Store,
    request: Request,
    *,
    amount: int,
    currency: str,
    card: Document | None,
) -> Document:
    allowed = request.params.get("allowed_payment_method_types")
    automatic = {"allow_redirects": "always", "enabled": True}
    automatic |= request.params.get("automatic_payment_methods", {})
    return payments.new_intent(
        store,
        is_live=request.is_live,
        amount=amount,
        currency=currency,
        allowed_payment_method_types=allowed,
        automatic_payment_methods=None if allowed else automatic,
        customer=request.get("customer"),
        description=request.get("description"),
        metadata=merged({}, request.params.get("metadata")),
        payment_method=card["id"] if card else None,
        receipt_email=request.get("receipt_email"),
        setup_future_usage=request.get("setup_future_usage"),
        statement_descriptor_suffix=request.get("statement_descriptor_suffix"),
        status="requires_confirmation" if card else "requires_payment_method",
    )


def _confirm(
    store: Store, request: Request, *, intent: Document, card: Document
) -> None:
    decline = payments.decline_of(store, card)
    behaviour = store.hidden[card["id"]]["behaviour"]
    is_there = not request.params.get("off_session")
    if behaviour is cards.Card.AUTHENTICATION_REQUIRED and is_there:
        url = f"{store.url}/authenticate/{intent['id']}"
        redirect = {"return_url": request.get("return_url"), "url": url}
        store.change(
            intent,
            "payment_intent.requires_action",
            status="requires_action",
            next_action={"type": "redirect_to_url", "redirect_to_url": redirect},
        )
        return
    payments.attempt(store, intent, card, decline=decline)
    if decline is not None:
        raise payments.refusal(intent, decline)


def _intent(store: Store, request: Request) -> Document:
    wanted = request.ids["intent"]
    return store.find("payment_intent", wanted, is_live=request.is_live, param="intent")


def cancel(store: Store, request: Request) -> Document:
    """Give up a payment intent that is not paid."""
    intent = _intent(store, request)
    if intent["status"] in ENDED:
        raise errors.Refused(
            "You cannot cancel this PaymentIntent because it has a status of "
            f"{intent['status']}.",
            code="payment_intent_unexpected_state",
            more={"payment_intent": intent},
        )
    store.change(
        intent,
        status="canceled",
        canceled_at=store.clock.now(),
        cancellation_reason=request.get("cancellation_reason"),
    )
    store.tell("payment_intent.canceled", intent)
    return intent


def list_intents(store: Store, request: Request) -> Document:
    """List payment intents."""
    return lists.page(store, request, matching(store, request, "payment_intent"))


def matching(store: Store, request: Request, kind: str) -> list[Document]:
    """Return the documents that a list's filters let through, oldest first."""
    asked = {
        name: request.params[name]
        for name in ("charge", "customer", "payment_intent", "status", "subscription")
        if name in request.params
    }
    return store.all(kind, **asked)


def list_charges(store: Store, request: Request) -> Document:
    """List charges, failed ones too."""
    return lists.page(store, request, matching(store, request, "charge"))


def show_charge(store: Store, request: Request) -> Document:
    """Show a charge."""
    return store.find("charge", request.ids["charge"], is_live=request.is_live)


ROUTES = (
    Route(
        method="POST",
        path="/v1/payment_intents",
        answer=create,
        params=sdk.PaymentIntentCreateParams,
        takes="amount currency allowed_payment_method_types automatic_payment_methods"
        " confirm customer description metadata off_session payment_method"
        " receipt_email return_url setup_future_usage statement_descriptor_suffix",
    ),
    Route(
        method="GET",
        path="/v1/payment_intents",
        answer=list_intents,
        params=sdk.PaymentIntentListParams,
        takes=f"{lists.CREATED} customer",
    ),
    Route(
        method="GET",
        path="/v1/payment_intents/{intent}",
        answer=_intent,
        params=sdk.PaymentIntentRetrieveParams,
    ),
    Route(
        method="POST",
        path="/v1/payment_intents/{intent}/cancel",
        answer=cancel,
        params=sdk.PaymentIntentCancelParams,
        takes="cancellation_reason",
    ),
    Route(
        method="GET",
        path="/v1/charges",
        answer=list_charges,
        params=sdk.ChargeListParams,
        takes=f"{lists.CREATED} customer payment_intent",
    ),
    Route(
        method="GET",
        path="/v1/charges/{charge}",
        answer=show_charge,
        params=sdk.ChargeRetrieveParams,
    ),
)
