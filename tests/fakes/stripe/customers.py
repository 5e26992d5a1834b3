"""The account, and its customers."""

from typing import Any

from stripe import params as sdk

from tests.fakes.stripe import errors, lists
from tests.fakes.stripe.requests import Request, Route
from tests.fakes.stripe.store import Document, Store, merged, new_id

NO_ADDRESS = dict.fromkeys(
    ("city", "country", "line1", "line2", "postal_code", "state")
)
TAKEN = "address description email metadata name phone tax_exempt"


def show_account(store: Store, request: Request) -> Document:
    """Show whose keys these are."""
    return {
        "id": store.account,
        "object": "account",
        "business_profile": {"name": "Fake & Co.", "url": None},
        "business_type": "company",
        "capabilities": {"card_payments": "active", "transfers": "active"},
        "charges_enabled": True,
        "country": "US",
        "default_currency": "usd",
        "details_submitted": True,
        "email": "owner@example.org",
        "metadata": {},
        "payouts_enabled": True,
        "settings": {"dashboard": {"display_name": "Fake & Co."}},
        "type": "standard",
    }


def create(store: Store, request: Request) -> Document:
    """Make a customer."""
    return add(store, request.params, is_live=request.is_live)


def add(store: Store, given: Any, *, is_live: bool) -> Document:
    """Make a customer from parameters that were checked."""
    own = {"id": given["id"]} if "id" in given else {}
    return store.add(
        "customer",
        is_live=is_live,
        event="customer.created",
        address=address_of(given.get("address")),
        balance=0,
        delinquent=False,
        description=given.get("description"),
        email=given.get("email") or None,
        invoice_prefix=new_id("")[:8].upper(),
        invoice_settings={
            "custom_fields": None,
            "default_payment_method": None,
            "footer": None,
            "rendering_options": None,
        },
        metadata=merged({}, given.get("metadata")),
        name=given.get("name") or None,
        next_invoice_sequence=1,
        phone=given.get("phone"),
        preferred_locales=given.get("preferred_locales", []),
        tax_exempt=given.get("tax_exempt", "none"),
        **own,
    )


def address_of(given: Any) -> Document | None:
    """Return an address with all its fields, or None."""
    return NO_ADDRESS | given if given else None


def find(store: Store, wanted: str, request: Request, *, in_path: bool) -> Document:
    """Return a customer that was not deleted, or raise ``Refused``."""
    customer = store.find(
        "customer",
        wanted,
        is_live=request.is_live,
        param="id" if in_path else "customer",
        in_path=in_path,
    )
    if "deleted" in customer:
        param = "id" if in_path else "customer"
        raise errors.missing("customer", wanted, param=param, in_path=in_path)
    return customer


def retrieve(store: Store, request: Request) -> Document:
    """Show a customer; of one that was deleted, that it was."""
    wanted = request.ids["customer"]
    return store.find("customer", wanted, is_live=request.is_live)


def list_all(store: Store, request: Request) -> Document:
    """List customers."""
    rows = [row for row in store.all("customer") if "deleted" not in row]
    if "email" in request.params:
        rows = [row for row in rows if row["email"] == request.params["email"]]
    return lists.page(store, request, rows)


ROUTES = (
    Route(
        method="GET",
        path="/v1/account",
        answer=show_account,
        params=sdk.AccountRetrieveCurrentParams,
    ),
    Route(
        method="POST",
        path="/v1/customers",
        answer=create,
        params=sdk.CustomerCreateParams,
        takes=f"{TAKEN} preferred_locales",
    ),
    Route(
        method="GET",
        path="/v1/customers",
        answer=list_all,
        params=sdk.CustomerListParams,
        takes=f"{lists.CREATED} email",
    ),
    Route(
        method="GET",
        path="/v1/customers/{customer}",
        answer=retrieve,
        params=sdk.CustomerRetrieveParams,
    ),
)
