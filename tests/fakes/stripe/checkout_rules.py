"""What a Checkout session must be, or Stripe does not make it."""

from urllib.parse import urlsplit

from tests.fakes.stripe import errors, intents
from tests.fakes.stripe.amounts import Amounts
from tests.fakes.stripe.requests import Request
from tests.fakes.stripe.store import Document, Store

LONGEST = 24 * 3600
SHORTEST = 30 * 60
MOST_ITEMS = 100
LONGEST_REFERENCE = 200
OTHER_MODES = {
    "payment_intent_data": "payment",
    "invoice_creation": "payment",
    "customer_creation": "payment",
    "subscription_data": "subscription",
}
"""Parameters that only one mode has."""


def check(store: Store, request: Request) -> None:
    """Raise ``Refused`` for parameters that do not go together."""
    given = request.params
    for name in ("mode", "success_url", "line_items"):
        if not given.get(name):
            raise errors.required(name)
    mode = given["mode"]
    if mode not in OTHER_MODES.values():
        raise errors.not_faked(f"Checkout in `{mode}` mode")
    for name, other in OTHER_MODES.items():
        if name in given and other != mode:
            raise errors.parameter(f"You can not pass `{name}` in `{mode}` mode.", name)
    for name in ("success_url", "cancel_url"):
        if name in given and not _is_url(given[name]):
            raise errors.parameter("Not a valid URL", name, "url_invalid")
    _check_sizes(request)
    _check_customer(request)
    _check_expiry(request, store.clock.now())


def _is_url(text: str) -> bool:
    parts = urlsplit(text)
    return parts.scheme in ("http", "https") and bool(parts.netloc)


def _check_sizes(request: Request) -> None:
    reference = request.get("client_reference_id", "")
    if len(reference) > LONGEST_REFERENCE:
        raise errors.parameter(
            f"Invalid string: client_reference_id must be at most {LONGEST_REFERENCE} "
            "characters",
            "client_reference_id",
        )
    if len(request.params["line_items"]) > MOST_ITEMS:
        raise errors.parameter(
            f"A Session has at most {MOST_ITEMS} line items", "line_items"
        )


def _check_customer(request: Request) -> None:
    has_customer = request.get("customer") is not None
    for other in ("customer_email", "customer_creation"):
        if has_customer and request.get(other) is not None:
            raise errors.parameter(
                f"You may only specify one of these parameters: customer, {other}.",
                "customer",
            )
    if "customer_update" in request.params and not has_customer:
        raise errors.parameter(
            "`customer_update` can only be used with `customer`.", "customer_update"
        )


def _check_expiry(request: Request, now: int) -> None:
    expires = request.params.get("expires_at")
    if expires is None or now + SHORTEST <= expires <= now + LONGEST:
        return
    raise errors.parameter(
        "The `expires_at` timestamp must be between 30 minutes and 24 hours from "
        "Checkout Session creation.",
        "expires_at",
    )


def check_prices(prices: list[Document], mode: str) -> None:
    """Raise ``Refused`` for prices that a session cannot sell together."""
    recurring = [price for price in prices if price["recurring"]]
    if mode == "payment" and recurring:
        raise errors.Refused(
            "You specified `payment` mode but passed a recurring price. Either switch "
            "to `subscription` mode or use only one-time prices.",
            param="line_items",
        )
    if mode == "subscription" and not recurring:
        raise errors.Refused(
            "You must provide at least one recurring price in `subscription` mode "
            "when using prices.",
            param="line_items",
        )
    if len({price["currency"] for price in prices}) > 1:
        raise errors.Refused(
            "The price specified supports currencies that conflict with the other "
            "prices: all prices of a Session must have one currency.",
            param="line_items",
        )


def check_tax(store: Store, request: Request) -> None:
    """Raise ``Refused`` where tax is wanted of a customer who lives nowhere."""
    customer = request.get("customer")
    is_wanted = request.params.get("automatic_tax", {}).get("enabled")
    if not (is_wanted and customer) or store.documents[customer].get("address"):
        return
    if request.params.get("customer_update", {}).get("address") != "auto":
        raise errors.Refused(
            "Automatic tax calculation in Checkout requires a valid address on the "
            "Customer. Add a valid address to the Customer or set either "
            "`customer_update[address]` to 'auto' or `customer_update[shipping]` to "
            "'auto' to save the address entered in Checkout to the Customer.",
            code="customer_tax_location_invalid",
        )


def check_least(amounts: Amounts, currency: str) -> None:
    """Raise ``Refused`` for less than a card may be charged."""
    least = intents.LEAST.get(currency, intents.USUAL_LEAST)
    if 0 < amounts.total < least:
        raise errors.Refused(
            "The Checkout Session's total amount due must add up to at least "
            f"{least} {currency}.",
            code="amount_too_small",
        )
