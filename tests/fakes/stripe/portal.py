"""The customer portal: where people end their subscriptions themselves."""

from stripe.params import billing_portal as sdk

from tests.fakes.stripe import customers, errors
from tests.fakes.stripe.requests import Request, Route
from tests.fakes.stripe.store import Document, Store, new_id


def create(store: Store, request: Request) -> Document:
    """Make a session of the portal; its address lets anybody in who has it."""
    wanted = request.get("customer")
    if wanted is None:
        raise errors.required("customer")
    customer = customers.find(store, wanted, request, in_path=False)
    made_up = new_id("bps_1")
    return store.add(
        "billing_portal.session",
        is_live=request.is_live,
        event="billing_portal.session.created",
        id=made_up,
        configuration="bpc_1FakeConfiguration",
        customer=customer["id"],
        locale=request.get("locale"),
        return_url=request.get("return_url"),
        url=f"{store.url}/p/session/{made_up}",
    )


ROUTES = (
    Route(
        method="POST",
        path="/v1/billing_portal/sessions",
        answer=create,
        params=sdk.SessionCreateParams,
        takes="customer locale return_url",
    ),
)
