"""What a person does on the page of a Checkout session."""

from tests.fakes.stripe import cards, checkout, customers, fulfilling, payments
from tests.fakes.stripe.payments import Decline, Way
from tests.fakes.stripe.store import Document, Store

ADDRESS = {
    "city": "San Francisco",
    "country": "US",
    "line1": "510 Townsend St",
    "line2": None,
    "postal_code": "94103",
    "state": "CA",
}


def is_open(store: Store, session: Document) -> bool:
    """Say whether a session can still be paid; one that is too old ends now."""
    if session["status"] == "open" and store.clock.now() >= session["expires_at"]:
        checkout.end(store, session)
    return bool(session["status"] == "open")


def promote(store: Store, session: Document, code: str) -> bool:
    """Enter a promotion code; answer whether there is one of that name."""
    if not session["allow_promotion_codes"] or code not in store.promotions:
        return False
    hidden = store.hidden[session["id"]]
    hidden["promotion"] = code
    amounts = checkout.amounts_of(store, session)
    percent_off = store.promotions[code]
    hidden["line_items"] = checkout.line_items(store, session, percent_off=percent_off)
    store.change(
        session,
        amount_total=amounts.total,
        discounts=[{"coupon": None, "promotion_code": f"promo_{code}"}],
        total_details=amounts.details,
    )
    return True


def pay(
    store: Store,
    session: Document,
    *,
    email: str | None = None,
    way: Way = Way.AT_ONCE,
    decline: Decline | None = None,
) -> bool:
    """Press Pay: answer whether the session is complete. Twice is like once."""
    if not is_open(store, session):
        return bool(session["status"] == "complete")
    _tax(store, session)
    email = _email(store, session, email)
    intent = None
    if session["amount_total"]:
        intent = _intent(store, session)
        kind = "customer_balance" if way is Way.LATER else "card"
        is_live = store.is_live(session["id"])
        card = cards.add_card(store, None, is_live=is_live, kind=kind)
        if decline is not None:
            payments.attempt(store, intent, card, decline=decline)
            return False
    customer = _customer(store, session, email)
    if intent is not None:
        _keep_card(store, intent, card, customer=customer)
        payments.attempt(store, intent, card, way=way)
    fulfilling.complete(store, session, intent)
    return True


def _tax(store: Store, session: Document) -> None:
    """Put tax on, now that it is known where the person lives."""
    if session["automatic_tax"]["enabled"]:
        amounts = checkout.amounts_of(store, session)
        store.change(
            session,
            amount_total=amounts.total,
            automatic_tax=session["automatic_tax"] | {"status": "complete"},
            total_details=amounts.details,
        )


def _email(store: Store, session: Document, email: str | None) -> str:
    known = store.documents.get(session["customer"] or "", {}).get("email")
    used: str = known or session["customer_email"] or email or "payer@example.org"
    details = {"email": used, "name": "Pat Payer", "address": dict(ADDRESS)}
    nothing = dict.fromkeys(("business_name", "individual_name", "phone"))
    store.change(
        session,
        customer_details=nothing | details | {"tax_exempt": "none", "tax_ids": []},
    )
    return used


def _intent(store: Store, session: Document) -> Document:
    hidden = store.hidden[session["id"]]
    kept = hidden.get("intent")
    if kept:
        intent = store.documents[kept]
        store.change(intent, amount=session["amount_total"])
        return intent
    given = hidden["payment_intent_data"]
    is_subscription = session["mode"] == "subscription"
    described = "Subscription creation" if is_subscription else given.get("description")
    intent = payments.new_intent(
        store,
        is_live=store.is_live(session["id"]),
        amount=session["amount_total"],
        currency=session["currency"],
        customer=session["customer"],
        description=described,
        metadata=dict(given.get("metadata", {})),
        receipt_email=given.get("receipt_email"),
        setup_future_usage=(
            "off_session" if is_subscription else given.get("setup_future_usage")
        ),
    )
    hidden["intent"] = intent["id"]
    if not is_subscription:
        store.change(session, payment_intent=intent["id"])
    return intent


def _customer(store: Store, session: Document, email: str) -> Document | None:
    if wanted := session["customer"]:
        customer = store.documents[wanted]
        update = store.hidden[session["id"]]["customer_update"]
        changes: Document = {}
        if update.get("address") == "auto":
            changes["address"] = dict(ADDRESS)
        if update.get("name") == "auto":
            changes["name"] = "Pat Payer"
        if not customer.get("email"):
            changes["email"] = email
        if changes:
            store.change(customer, "customer.updated", **changes)
        return customer
    given = store.hidden[session["id"]]["payment_intent_data"]
    is_needed = (
        session["mode"] == "subscription"
        or session["customer_creation"] == "always"
        or session["invoice_creation"]["enabled"]
        or "setup_future_usage" in given
    )
    if not is_needed:
        return None
    details = {"email": email, "name": "Pat Payer", "address": ADDRESS}
    is_live = store.is_live(session["id"])
    customer = customers.add(store, details, is_live=is_live)
    store.change(session, customer=customer["id"])
    return customer


def _keep_card(
    store: Store, intent: Document, card: Document, *, customer: Document | None
) -> None:
    if customer is None:
        return
    store.change(intent, customer=customer["id"])
    if intent["setup_future_usage"] and card["type"] == "card":
        store.change(card, customer=customer["id"])
        store.tell("payment_method.attached", card)
