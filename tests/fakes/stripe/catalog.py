"""Products and prices."""

from typing import Any

from stripe import params as sdk

from tests.fakes.stripe import errors, lists
from tests.fakes.stripe.requests import Request, Route
from tests.fakes.stripe.store import Document, Store, merged

CURRENCIES = (
    "aud brl cad chf czk dkk eur gbp hkd huf inr jpy krw mxn nok nzd pln sek sgd try"
    " usd zar"
)
RECURRING = {"interval_count": 1, "usage_type": "licensed"}


def create_product(store: Store, request: Request) -> Document:
    """Make a product."""
    given = request.params.get("id")
    if given in store.documents:
        raise errors.Refused("Product already exists.", code="resource_already_exists")
    return add_product(store, request.params, is_live=request.is_live)


def add_product(store: Store, given: Any, *, is_live: bool) -> Document:
    """Make a product from parameters that were checked."""
    own = {"id": given["id"]} if "id" in given else {}
    return store.add(
        "product",
        is_live=is_live,
        event="product.created",
        name=given["name"],
        active=given.get("active", True),
        description=given.get("description"),
        images=given.get("images", []),
        marketing_features=[],
        metadata=merged({}, given.get("metadata")),
        tax_code=given.get("tax_code"),
        type="service",
        updated=store.clock.now(),
        **own,
    )


def update_product(store: Store, request: Request) -> Document:
    """Change a product."""
    product = _product(store, request)
    changes = {
        name: request.params[name]
        for name in ("active", "description", "name", "tax_code", "default_price")
        if name in request.params
    }
    metadata = merged(product, request.params.get("metadata"))
    store.change(product, "product.updated", **changes, metadata=metadata)
    return product


def _product(store: Store, request: Request) -> Document:
    return store.find("product", request.ids["product"], is_live=request.is_live)


def list_products(store: Store, request: Request) -> Document:
    """List products."""
    rows = _filtered(store.all("product"), request, "active")
    if ids := request.params.get("ids"):
        rows = [row for row in rows if row["id"] in ids]
    return lists.page(store, request, rows)


def create_price(store: Store, request: Request) -> Document:
    """Make a price."""
    return add_price(store, request.params, is_live=request.is_live)


def add_price(
    store: Store, given: Any, *, is_live: bool, at: str = "", is_active: bool = True
) -> Document:
    """Make a price from parameters that were checked; ``at`` is where they stood."""
    currency = checked_currency(given["currency"], f"{at}[currency]" if at else "")
    amount = given.get("unit_amount")
    if amount is None:
        raise errors.parameter(
            "Prices require an `unit_amount` or `unit_amount_decimal` parameter to be "
            "set.",
            f"{at}[unit_amount]" if at else "unit_amount",
            "parameter_missing",
        )
    if amount < 0:
        raise errors.parameter(
            "Invalid non-negative integer", "unit_amount", "parameter_invalid_integer"
        )
    recurring = given.get("recurring")
    own = {"id": given["id"]} if "id" in given else {}
    return store.add(
        "price",
        is_live=is_live,
        event="price.created",
        active=given.get("active", is_active),
        billing_scheme="per_unit",
        currency=currency,
        lookup_key=given.get("lookup_key"),
        metadata=merged({}, given.get("metadata")),
        nickname=given.get("nickname"),
        product=_product_of(store, given, is_live=is_live),
        recurring=_recurring(recurring) if recurring else None,
        tax_behavior=given.get("tax_behavior", "unspecified"),
        type="recurring" if recurring else "one_time",
        unit_amount=amount,
        unit_amount_decimal=str(amount),
        **own,
    )


def _recurring(given: dict[str, Any]) -> dict[str, Any]:
    nothing = {"meter": None, "trial_period_days": None}
    return nothing | RECURRING | given


def _product_of(store: Store, given: Any, *, is_live: bool) -> str:
    if "product_data" in given:
        made = add_product(store, given["product_data"], is_live=is_live)
        return str(made["id"])
    if "product" not in given:
        raise errors.required("product")
    product = store.find(
        "product", given["product"], is_live=is_live, param="product", in_path=False
    )
    return str(product["id"])


def checked_currency(code: str, param: str = "") -> str:
    """Return a currency in lower case, or raise ``Refused``."""
    if code.lower() not in CURRENCIES.split():
        raise errors.parameter(
            f"Invalid currency: {code}. Stripe currently supports these currencies: "
            f"{', '.join(CURRENCIES.split())}",
            param or "currency",
        )
    return code.lower()


def retrieve_price(store: Store, request: Request) -> Document:
    """Show a price."""
    return _price(store, request)


def _price(store: Store, request: Request) -> Document:
    wanted = request.ids["price"]
    return store.find("price", wanted, is_live=request.is_live, param="price")


def update_price(store: Store, request: Request) -> Document:
    """Change a price: its amount never changes."""
    price = _price(store, request)
    changes = {
        name: request.params[name]
        for name in ("active", "nickname", "lookup_key", "tax_behavior")
        if name in request.params
    }
    metadata = merged(price, request.params.get("metadata"))
    store.change(price, "price.updated", **changes, metadata=metadata)
    return price


def list_prices(store: Store, request: Request) -> Document:
    """List prices."""
    rows = _filtered(store.all("price"), request, "active product type currency")
    if keys := request.params.get("lookup_keys"):
        rows = [row for row in rows if row["lookup_key"] in keys]
    return lists.page(store, request, rows)


def _filtered(rows: list[Document], request: Request, names: str) -> list[Document]:
    asked = {n: request.params[n] for n in names.split() if n in request.params}
    return [row for row in rows if all(row[name] == asked[name] for name in asked)]


PRODUCT = "active description metadata name tax_code"
PRICE = "active lookup_key metadata nickname tax_behavior"
NEW_PRICE = (
    f"{PRICE} currency unit_amount product product_data.name product_data.metadata"
    " recurring.interval recurring.interval_count"
)

ROUTES = (
    Route(
        method="POST",
        path="/v1/products",
        answer=create_product,
        params=sdk.ProductCreateParams,
        takes=f"{PRODUCT} id",
    ),
    Route(
        method="GET",
        path="/v1/products",
        answer=list_products,
        params=sdk.ProductListParams,
        takes=f"{lists.CREATED} active ids",
    ),
    Route(
        method="GET",
        path="/v1/products/{product}",
        answer=_product,
        params=sdk.ProductRetrieveParams,
    ),
    Route(
        method="POST",
        path="/v1/products/{product}",
        answer=update_product,
        params=sdk.ProductUpdateParams,
        takes=f"{PRODUCT} default_price",
    ),
    Route(
        method="POST",
        path="/v1/prices",
        answer=create_price,
        params=sdk.PriceCreateParams,
        takes=NEW_PRICE,
    ),
    Route(
        method="GET",
        path="/v1/prices",
        answer=list_prices,
        params=sdk.PriceListParams,
        takes=f"{lists.CREATED} active product type currency lookup_keys",
    ),
    Route(
        method="GET",
        path="/v1/prices/{price}",
        answer=retrieve_price,
        params=sdk.PriceRetrieveParams,
    ),
    Route(
        method="POST",
        path="/v1/prices/{price}",
        answer=update_price,
        params=sdk.PriceUpdateParams,
        takes=PRICE,
    ),
)
