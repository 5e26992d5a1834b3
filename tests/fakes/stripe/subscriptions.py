"""Subscriptions: how they begin and end."""

import calendar
import datetime as dt

from tests.fakes.stripe import errors
from tests.fakes.stripe.store import Document, Store, empty_list, new_id

DAYS = {"day": 1, "week": 7}
MONTHS = {"month": 1, "year": 12}
ENDED = ("canceled", "incomplete_expired")


def after(start: int, recurring: Document) -> int:
    """Return the end of a period that begins at ``start``."""
    count: int = recurring["interval_count"]
    if days := DAYS.get(recurring["interval"]):
        return start + days * count * 86_400
    begun = dt.datetime.fromtimestamp(start, dt.UTC)
    month = begun.month - 1 + MONTHS[recurring["interval"]] * count
    year, month = begun.year + month // 12, month % 12 + 1
    day = min(begun.day, calendar.monthrange(year, month)[1])
    return int(begun.replace(year=year, month=month, day=day).timestamp())


def start(
    store: Store,
    *,
    customer: Document,
    items: list[tuple[Document, int]],
    card: Document,
    metadata: dict[str, str],
    description: str | None = None,
    has_automatic_tax: bool = False,
) -> Document:
    """Begin a subscription; its first invoice is the checkout's to make."""
    is_live = store.is_live(customer["id"])
    now = store.clock.now()
    made_up = new_id("sub_1")
    rows = [
        _item(store, price, quantity, subscription=made_up, is_live=is_live)
        for price, quantity in items
    ]
    return store.add(
        "subscription",
        is_live=is_live,
        event="customer.subscription.created",
        id=made_up,
        automatic_tax={
            "disabled_reason": None,
            "enabled": has_automatic_tax,
            "liability": {"type": "self"} if has_automatic_tax else None,
        },
        billing_cycle_anchor=now,
        billing_mode={
            "flexible": {"proration_discounts": "included"},
            "type": "flexible",
            "updated_at": None,
        },
        billing_schedules=[],
        cancel_at_period_end=False,
        cancellation_details=_why(None),
        collection_method="charge_automatically",
        currency=items[0][0]["currency"],
        customer=customer["id"],
        default_payment_method=card["id"],
        default_tax_rates=[],
        description=description,
        discounts=[],
        invoice_settings={
            "account_tax_ids": None,
            "custom_fields": None,
            "description": None,
            "footer": None,
            "issuer": {"type": "self"},
        },
        items=empty_list(f"/v1/subscription_items?subscription={made_up}", rows)
        | {"total_count": len(rows)},
        metadata=metadata,
        payment_settings={
            "payment_method_options": None,
            "payment_method_types": None,
            "save_default_payment_method": "off",
        },
        start_date=now,
        status="active",
        trial_settings={
            "end_behavior": {
                "billing_cycle_anchor": None,
                "missing_payment_method": "create_invoice",
            }
        },
    )


def _why(reason: str | None, **said: str | None) -> Document:
    nothing = dict.fromkeys(("comment", "feedback", "feedback_option"))
    return nothing | said | {"reason": reason}


def _item(
    store: Store, price: Document, quantity: int, *, subscription: str, is_live: bool
) -> Document:
    now = store.clock.now()
    recurring = price["recurring"]
    plan = store.make(
        "plan",
        is_live=is_live,
        id=price["id"],
        active=price["active"],
        amount=price["unit_amount"],
        amount_decimal=price["unit_amount_decimal"],
        billing_scheme="per_unit",
        currency=price["currency"],
        interval=recurring["interval"],
        interval_count=recurring["interval_count"],
        metadata=price["metadata"],
        nickname=price["nickname"],
        product=price["product"],
        usage_type=recurring["usage_type"],
    )
    return store.make(
        "subscription_item",
        is_live=is_live,
        current_period_end=after(now, recurring),
        current_period_start=now,
        discounts=[],
        metadata={},
        plan=plan,
        price=price,
        quantity=quantity,
        subscription=subscription,
        tax_rates=[],
    )


def end(
    store: Store, subscription: Document, *, reason: str, **said: str | None
) -> None:
    """End a subscription now."""
    now = store.clock.now()
    store.change(
        subscription,
        status="canceled",
        canceled_at=subscription["canceled_at"] or now,
        ended_at=now,
        cancellation_details=_why(reason, **said),
    )
    store.tell("customer.subscription.deleted", subscription)


def schedule_end(
    store: Store, subscription: Document, *, is_wanted: bool, by_cancel_at: bool = False
) -> None:
    """Let a subscription end with its period, or no longer.

    In the flexible billing mode, which new subscriptions have, the portal sets
    ``cancel_at`` alone, and the API's ``cancel_at_period_end`` that field as well.
    """
    end_of_period = max(
        item["current_period_end"] for item in subscription["items"]["data"]
    )
    store.change(
        subscription,
        "customer.subscription.updated",
        cancel_at=end_of_period if is_wanted else None,
        cancel_at_period_end=is_wanted and not by_cancel_at,
        canceled_at=store.clock.now() if is_wanted else None,
        cancellation_details=_why("cancellation_requested" if is_wanted else None),
    )


def not_ended(subscription: Document) -> None:
    """Raise ``Refused`` for a subscription that is over."""
    if subscription["status"] in ENDED:
        raise errors.missing(
            "subscription", subscription["id"], param="id", in_path=True
        )
