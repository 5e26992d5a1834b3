"""A press on Buy, to Stripe's page and back."""

import uuid
from datetime import timedelta
from typing import Any

import stripe
from django.conf import settings
from django.db import transaction
from django.urls import reverse
from django.utils import timezone

from accounts.billing import orders, purchases, subscriptions
from accounts.billing.client import client
from accounts.billing.customers import make_customer
from accounts.billing.findings import NotOurs, expect, id_of
from accounts.billing.orders import Kind, Status
from accounts.models import Customer, Offer, Order, User, Wallet

SAME_PRESS = timedelta(minutes=30)
"""A second press on the same offer within it leads to the same page."""

_PAID_NO_MORE = frozenset({"requires_payment_method", "canceled"})


class HasPlan(Exception):
    """There is a plan already; it is ended in Stripe's portal."""


def begin(user: User, wallet: Wallet, offer: Offer, *, keeps_card: bool) -> Order:
    """Return an order with the address of Stripe's page, which may be an earlier one.

    Raises HasPlan, and StripeError, after which the next press tries again.
    """
    customer = make_customer(wallet, user)
    is_plan = offer.kind == Offer.Kind.PLAN
    if is_plan and subscriptions.has_plan(customer):
        raise HasPlan
    order = _order(customer, offer, keeps_card=keeps_card and not is_plan)
    if is_plan:
        _close_other_pages(order)
    if order.stripe_id and not _is_open(order):
        order = _order(customer, offer, keeps_card=order.keeps_card)
    return order if order.stripe_id else _with_page(order)


def session_changed(session_id: str) -> Order:
    """Write down how a checkout session stands, and give what it paid for.

    Raises StripeError, NotOurs, and Suspicious where it is not what was ordered.
    """
    session = client().v1.checkout.sessions.retrieve(
        session_id, {"expand": ["line_items", "payment_intent"]}
    )
    order = _order_of(session)
    if session.status == "expired":
        orders.move(order, Status.EXPIRED)
    elif session.status == "complete":
        with orders.noting_trouble(order):
            _expect_ordered(session, order)
            if session.mode == "subscription":
                _plan_bought(session, order)
            else:
                _pack_bought(session, order)
    order.refresh_from_db()
    return order


def _order(customer: Customer, offer: Offer, *, keeps_card: bool) -> Order:
    """Return the open order of the same press, or a new one."""
    wanted = {
        "customer": customer,
        "offer": offer,
        "keeps_card": keeps_card,
        "kind": Kind.CHECKOUT,
    }
    with transaction.atomic():
        Customer.objects.select_for_update().get(pk=customer.pk)
        found = Order.objects.filter(
            status=Status.OPEN, created_at__gt=timezone.now() - SAME_PRESS, **wanted
        )
        return found.first() or Order.objects.create(**wanted)


def _close_other_pages(order: Order) -> None:
    """Close the pages of plans that still wait beside this one: one is sold at a time."""
    customer = order.customer
    waiting = customer.orders.filter(
        kind=Kind.CHECKOUT, status=Status.OPEN, offer__kind=Offer.Kind.PLAN
    )
    for other in waiting.exclude(pk=order.pk).exclude(stripe_id=""):
        try:
            client().v1.checkout.sessions.expire(other.stripe_id)
        except stripe.InvalidRequestError:  # it is over: paid, or expired
            session_changed(other.stripe_id)
            if subscriptions.has_plan(customer):
                raise HasPlan from None
        else:
            orders.move(other, Status.EXPIRED)


def _is_open(order: Order) -> bool:
    """Ask whether the page of an earlier press still waits; note it if not."""
    session = client().v1.checkout.sessions.retrieve(order.stripe_id)
    if session.status == "open":
        return True
    session_changed(order.stripe_id)
    return False


def _with_page(order: Order) -> Order:
    """Make the session of an order; two at once get the same one.

    An error of Stripe's own is repeated for the same key: the next press is another.
    """
    try:
        session = client().v1.checkout.sessions.create(
            _session_params(order), {"idempotency_key": str(order.public_id)}
        )
    except stripe.APIError:
        orders.move(order, Status.EXPIRED)
        raise
    Order.objects.filter(pk=order.pk).update(
        stripe_id=session.id, url=session.url or ""
    )
    order.refresh_from_db()
    return order


def _session_params(order: Order) -> Any:
    is_plan = order.offer.kind == Offer.Kind.PLAN
    back = reverse("billing:order-detail", args=[order.public_id])
    params: dict[str, Any] = {
        "mode": "subscription" if is_plan else "payment",
        "customer": order.customer.stripe_id,
        "client_reference_id": str(order.public_id),
        "line_items": [{"price": order.offer.stripe_price, "quantity": 1}],
        "success_url": f"{settings.SITE_URL}{back}",
        "cancel_url": f"{settings.SITE_URL}{reverse('billing:buy')}",
    }
    if settings.STRIPE_TAX:
        params["automatic_tax"] = {"enabled": True}
        params["customer_update"] = {"address": "auto"}
    if order.keeps_card:
        params["payment_intent_data"] = {"setup_future_usage": "off_session"}
    return params


def _order_of(session: stripe.checkout.Session) -> Order:
    """Return whose session it is: by its id or, if that was not noted, our own."""
    rows = Order.objects.select_related("customer__wallet", "offer")
    if found := rows.filter(stripe_id=session.id).first():
        return found
    try:
        public_id = uuid.UUID(session.client_reference_id or "")
    except ValueError:
        raise NotOurs from None
    order = rows.filter(public_id=public_id, kind=Kind.CHECKOUT).first()
    if order is None:
        raise NotOurs
    expect("customer", id_of(session.customer), order.customer.stripe_id)
    if not order.stripe_id:
        Order.objects.filter(pk=order.pk, stripe_id="").update(stripe_id=session.id)
        order.refresh_from_db()
    expect("session", session.id, order.stripe_id)
    return order


def _expect_ordered(session: stripe.checkout.Session, order: Order) -> None:
    """Raise Suspicious unless a session sells what was ordered, to whom, at its price."""
    offer = order.offer
    expect("customer", id_of(session.customer), order.customer.stripe_id)
    expect("livemode", session.livemode, order.customer.livemode)
    expect("currency", session.currency, offer.currency)
    expect("amount", session.amount_subtotal, offer.amount)
    lines = session.line_items.data if session.line_items else []
    sold = [(line.price.id if line.price else "", line.quantity) for line in lines]
    expect("lines", sold, [(offer.stripe_price, 1)])


def _pack_bought(session: stripe.checkout.Session, order: Order) -> None:
    intent = session.payment_intent
    if session.payment_status != "paid":
        has_failed = getattr(intent, "status", "") in _PAID_NO_MORE
        orders.move(order, Status.FAILED if has_failed else Status.PENDING)
        return
    payment = purchases.Payment(
        stripe_id=session.id,
        payment_intent=id_of(intent),
        amount=session.amount_total or 0,
        currency=session.currency or "",
        made_at=purchases.moment(session.created),
    )
    purchases.grant(order.customer, order.offer, payment)
    orders.move(order, Status.PAID)


def _plan_bought(session: stripe.checkout.Session, order: Order) -> None:
    """Give the first month of a plan: its invoice brings the credits."""
    subscriptions.subscription_changed(id_of(session.subscription))
    bought = subscriptions.invoice_changed(id_of(session.invoice))
    orders.move(order, Status.PAID if bought else Status.PENDING)
