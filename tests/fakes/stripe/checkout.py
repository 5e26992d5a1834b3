"""Endpoints of Checkout: a session is made, looked at, listed, expired."""

from typing import Any

from stripe.params import checkout as sdk

from tests.fakes.stripe import (
    catalog,
    checkout_rules,
    customers,
    errors,
    intents,
    lists,
)
from tests.fakes.stripe.amounts import Amounts, add_up
from tests.fakes.stripe.requests import Request, Route
from tests.fakes.stripe.store import Document, Store, merged, new_id

ECHOED = (
    "allow_promotion_codes",
    "allowed_payment_method_types",
    "billing_address_collection",
    "cancel_url",
    "client_reference_id",
    "customer_email",
    "locale",
    "submit_type",
    "success_url",
)
NO_TEXT = dict.fromkeys(
    ("after_submit", "shipping_address", "submit", "terms_of_service_acceptance")
)


def create(store: Store, request: Request) -> Document:
    """Make a session, and the page where a person pays."""
    given = request.params
    checkout_rules.check(store, request)
    prices = [
        (_price(store, request, number), item.get("quantity", 1))
        for number, item in enumerate(given["line_items"])
    ]
    if customer := request.get("customer"):
        customers.find(store, customer, request, in_path=False)
    checkout_rules.check_tax(store, request)
    checkout_rules.check_prices([price for price, _ in prices], given["mode"])
    amounts = add_up(price["unit_amount"] * quantity for price, quantity in prices)
    checkout_rules.check_least(amounts, prices[0][0]["currency"])
    session = _session(store, request, amounts, currency=prices[0][0]["currency"])
    hidden = store.hidden[session["id"]]
    hidden |= {
        "prices": prices,
        "payment_intent_data": given.get("payment_intent_data", {}),
        "subscription_data": given.get("subscription_data", {}),
        "customer_update": given.get("customer_update", {}),
        "promotion": None,
    }
    hidden["line_items"] = line_items(store, session, percent_off=0)
    return session


def _price(store: Store, request: Request, number: int) -> Document:
    item = request.params["line_items"][number]
    place = f"line_items[{number}]"
    if item.get("quantity", 1) < 1:
        raise errors.parameter(
            "This value must be greater than or equal to 1.",
            f"{place}[quantity]",
            "parameter_invalid_integer",
        )
    if "price_data" in item:
        at = f"{place}[price_data]"
        return catalog.add_price(
            store, item["price_data"], is_live=request.is_live, at=at, is_active=False
        )
    if "price" not in item:
        raise errors.required(f"{place}[price]")
    price = store.find(
        "price",
        item["price"],
        is_live=request.is_live,
        param=f"{place}[price]",
        in_path=False,
    )
    if not price["active"]:
        raise errors.Refused(
            "The price specified is inactive. This field only accepts active prices.",
            param=f"{place}[price]",
        )
    return price


def _session(
    store: Store, request: Request, amounts: Amounts, *, currency: str
) -> Document:
    given = request.params
    is_payment = given["mode"] == "payment"
    wants_tax = given.get("automatic_tax", {}).get("enabled", False)
    made_up = new_id("cs_live_" if request.is_live else "cs_test_")
    now = store.clock.now()
    echoed: dict[str, Any] = {name: request.get(name) for name in ECHOED}
    creation = given.get("customer_creation", "if_required") if is_payment else None
    return store.add(
        "checkout.session",
        is_live=request.is_live,
        id=made_up,
        adaptive_pricing={"enabled": False},
        amount_subtotal=amounts.subtotal,
        amount_total=amounts.total,
        automatic_tax={
            "enabled": wants_tax,
            "liability": {"type": "self"} if wants_tax else None,
            "provider": "stripe" if wants_tax else None,
            "status": "requires_location_inputs" if wants_tax else None,
        },
        collected_information={
            "business_name": None,
            "individual_name": None,
            "shipping_details": None,
        },
        currency=currency,
        custom_fields=[],
        custom_text=dict(NO_TEXT),
        customer=request.get("customer"),
        customer_creation=None if request.get("customer") else creation,
        discounts=[],
        expires_at=given.get("expires_at", now + checkout_rules.LONGEST),
        invoice_creation=_invoice_creation(given) if is_payment else None,
        metadata=merged({}, given.get("metadata")),
        mode=given["mode"],
        origin_context=None,
        payment_method_collection="if_required" if is_payment else "always",
        payment_method_options={"card": {"request_three_d_secure": "automatic"}},
        payment_method_types=["card", "customer_balance"],
        payment_status="unpaid" if amounts.total else "no_payment_required",
        phone_number_collection={"enabled": False},
        shipping_options=[],
        status="open",
        tax_id_collection=given.get("tax_id_collection", {"enabled": False})
        | {"required": "never"},
        total_details=amounts.details,
        ui_mode="hosted_page",
        url=f"{store.url}/c/pay/{made_up}",
        **echoed,
    )


def _invoice_creation(given: Any) -> Document:
    wanted = given.get("invoice_creation", {"enabled": False})
    names = ("account_tax_ids", "custom_fields", "description", "footer", "issuer")
    data = dict.fromkeys((*names, "rendering_options"))
    return {
        "enabled": wanted["enabled"],
        "invoice_data": data | {"metadata": {}} | wanted.get("invoice_data", {}),
    }


def line_items(store: Store, session: Document, *, percent_off: int) -> list[Document]:
    """Return what a session sells, with what was taken off."""
    rows = []
    for price, quantity in store.hidden[session["id"]]["prices"]:
        amounts = add_up([price["unit_amount"] * quantity], percent_off=percent_off)
        rows.append(
            store.make(
                "item",
                is_live=store.is_live(session["id"]),
                amount_discount=amounts.discount,
                amount_subtotal=amounts.subtotal,
                amount_tax=0,
                amount_total=amounts.total,
                currency=price["currency"],
                description=store.documents[price["product"]]["name"],
                metadata={},
                price=price,
                quantity=quantity,
            )
        )
    return rows


def amounts_of(store: Store, session: Document) -> Amounts:
    """Return what a session costs, with its promotion and, if it is wanted, tax."""
    hidden = store.hidden[session["id"]]
    return add_up(
        (price["unit_amount"] * quantity for price, quantity in hidden["prices"]),
        percent_off=store.promotions.get(hidden["promotion"], 0),
        tax_percent=store.tax_percent if session["automatic_tax"]["enabled"] else 0,
    )


def find(store: Store, request: Request) -> Document:
    """Return a session that is asked for."""
    wanted = request.ids["session"]
    return store.find(
        "checkout.session", wanted, is_live=request.is_live, param="session"
    )


def list_all(store: Store, request: Request) -> Document:
    """List sessions."""
    rows = intents.matching(store, request, "checkout.session")
    return lists.page(store, request, rows)


def list_items(store: Store, request: Request) -> Document:
    """List what a session sells."""
    session = find(store, request)
    rows = store.hidden[session["id"]]["line_items"]
    return lists.page_of_parts(request, rows)


def expire(store: Store, request: Request) -> Document:
    """End a session that nobody completed."""
    session = find(store, request)
    if session["status"] != "open":
        raise errors.Refused(
            'Only Checkout Sessions with a status in ["open"] can be expired. This '
            f"Checkout Session has a status of {session['status']}."
        )
    end(store, session)
    return session


def end(store: Store, session: Document) -> None:
    """Tell that a session is over without having been paid."""
    store.change(session, status="expired", url=None)
    store.tell("checkout.session.expired", session)


TAKEN = (
    "mode success_url cancel_url client_reference_id customer customer_email metadata"
    " expires_at allow_promotion_codes billing_address_collection customer_creation"
    " allowed_payment_method_types locale submit_type ui_mode automatic_tax.enabled"
    " customer_update invoice_creation.enabled invoice_creation.invoice_data.metadata"
    " tax_id_collection.enabled payment_intent_data.metadata"
    " payment_intent_data.setup_future_usage payment_intent_data.description"
    " payment_intent_data.receipt_email payment_intent_data.statement_descriptor_suffix"
    " subscription_data.metadata subscription_data.description"
    " line_items.price line_items.quantity line_items.price_data"
)

ROUTES = (
    Route(
        method="POST",
        path="/v1/checkout/sessions",
        answer=create,
        params=sdk.SessionCreateParams,
        takes=TAKEN,
    ),
    Route(
        method="GET",
        path="/v1/checkout/sessions",
        answer=list_all,
        params=sdk.SessionListParams,
        takes=f"{lists.CREATED} customer payment_intent status subscription",
    ),
    Route(
        method="GET",
        path="/v1/checkout/sessions/{session}",
        answer=find,
        params=sdk.SessionRetrieveParams,
    ),
    Route(
        method="GET",
        path="/v1/checkout/sessions/{session}/line_items",
        answer=list_items,
        params=sdk.SessionListLineItemsParams,
        takes=lists.PAGING,
    ),
    Route(
        method="POST",
        path="/v1/checkout/sessions/{session}/expire",
        answer=expire,
        params=sdk.SessionExpireParams,
    ),
)
