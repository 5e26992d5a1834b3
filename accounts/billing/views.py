"""Buying credits: the page, the way to Stripe and back, the portal, the top-up."""

import datetime as dt
import logging
import uuid
from collections.abc import Callable
from functools import wraps
from typing import Any

import stripe
from django.conf import settings
from django.contrib import messages
from django.core.cache import cache
from django.http import Http404, HttpRequest, HttpResponse, HttpResponseBase
from django.shortcuts import get_object_or_404, redirect, render
from django.urls import reverse
from django.utils import timezone
from django.views.decorators.http import require_POST, require_safe

from accounts import ledger
from accounts.billing import (
    checkout,
    findings,
    offers,
    orders,
    subscriptions,
    top_up,
)
from accounts.billing.client import client, is_on
from accounts.billing.customers import customer_of
from accounts.billing.forms import OrderForm, TopUpForm, top_up_initial
from accounts.models import Customer, Offer, Order, TopUp, User
from accounts.requests import is_htmx, person
from accounts.sign_in import sign_in_required

View = Callable[..., HttpResponseBase]
UNREACHABLE = (
    "The payment service does not answer. Nothing was charged; try again soon."
)
NOT_SOLD = "This cannot be sold right now. Nothing was charged; please tell your admin."

LOOK_SECONDS = 4
"""How often at most Stripe is asked about one order by those who wait for it."""

WATCHED_FOR = dt.timedelta(hours=1)
"""For so long the page of an order looks by itself."""

logger = logging.getLogger(__name__)


def for_buyers(view: View) -> View:
    """Serve people who buy for themselves, on sites that sell; others get a 404."""

    @sign_in_required
    @wraps(view)
    def guarded(request: HttpRequest, *args: Any, **kwargs: Any) -> HttpResponseBase:
        if not is_on():
            raise Http404
        return view(request, *args, **kwargs)

    return guarded


@for_buyers
@require_safe
def buy(request: HttpRequest) -> HttpResponse:
    """Show what is for sale, the plan one has, and the top-up."""
    return _page(request)


@for_buyers
@require_POST
def order_create(request: HttpRequest) -> HttpResponse:
    """Order an offer and lead to Stripe's page.

    A page leads there, not a redirect: the content security policy lets forms go
    nowhere but here.
    """
    user = person(request)
    form = OrderForm(request.POST)
    if not form.is_valid():
        return _refused(request, "; ".join(_errors(form)))
    if why := _why_not(user):
        return _refused(request, why)
    try:
        order = checkout.begin(
            user,
            ledger.wallet_of(user),
            form.cleaned_data["offer"],
            keeps_card=form.cleaned_data["keeps_card"] and top_up.is_possible(),
        )
    except checkout.HasPlan:
        return _refused(
            request,
            "You have a plan. End it under “Manage plan” before you take another.",
        )
    except findings.Suspicious:
        return _refused(request, orders.NEEDS_A_LOOK)
    except stripe.StripeError as error:
        return _unreachable(request, error)
    return _leave(request, order.url)


@for_buyers
@require_safe
def order_detail(request: HttpRequest, public_id: uuid.UUID) -> HttpResponse:
    """Show what became of an order; it is where Stripe sends people back to."""
    rows = Order.objects.select_related("offer", "customer")
    order = get_object_or_404(
        rows, public_id=public_id, customer__wallet__user=person(request)
    )
    is_open = order.status in (Order.Status.OPEN, Order.Status.PENDING)
    if order.stripe_id and is_open and cache.add(f"order-{order.pk}", 1, LOOK_SECONDS):
        order = _looked_up(order)
    name = "_order" if is_htmx(request) else "order"
    folder = "accounts/billing/partials" if is_htmx(request) else "accounts/billing"
    wallet = ledger.wallet_of(person(request))
    is_watched = order.created_at > timezone.now() - WATCHED_FOR
    context = {"order": order, "wallet": wallet, "is_watched": is_watched}
    return render(request, f"{folder}/{name}.html", context)


@for_buyers
@require_POST
def portal(request: HttpRequest) -> HttpResponse:
    """Lead to Stripe's portal: the plan, cards, invoices."""
    customer = customer_of(ledger.wallet_of(person(request)))
    if customer is None:
        return _refused(request, "Buy something first.")
    try:
        session = client().v1.billing_portal.sessions.create(
            {
                "customer": customer.stripe_id,
                "return_url": f"{settings.SITE_URL}{reverse('billing:buy')}",
            }
        )
    except stripe.StripeError as error:
        return _unreachable(request, error)
    return _leave(request, session.url)


@for_buyers
@require_POST
def top_up_set(request: HttpRequest) -> HttpResponse:
    """Set the automatic top-up."""
    user = person(request)
    customer = customer_of(ledger.wallet_of(user))
    if "enabled" not in request.POST:  # turning it off is always possible
        TopUp.objects.filter(customer=customer).update(enabled=False)
    if customer is None or not top_up.is_possible() or _why_not(user):
        why = _why_not(user) or "Buy a pack first, and tick “Keep my card”."
        return _refused(request, why)
    form = TopUpForm(request.POST, packs=_packs())
    if not form.is_valid():
        return _page(request, form=form, status=422)
    try:
        if form.cleaned_data["enabled"] and not top_up.has_card(customer):
            form.add_error("enabled", top_up.NO_CARD)
            return _page(request, form=form, status=422)
    except stripe.StripeError as error:
        return _unreachable(request, error)
    TopUp.objects.update_or_create(
        customer=customer, defaults=form.cleaned_data | {"stopped_because": ""}
    )
    messages.success(request, "Saved.")
    return redirect("billing:buy")


def _page(
    request: HttpRequest, *, form: TopUpForm | None = None, status: int = 200
) -> HttpResponse:
    user = person(request)
    wallet = ledger.wallet_of(user)
    customer = customer_of(wallet)
    context: dict[str, Any] = {
        "wallet": wallet,
        "group": user.group if _group_pays(user) else None,
        "why_not": _why_not(user),
        "packs": _packs(),
        "plans": offers.on_sale().filter(kind=Offer.Kind.PLAN),
        "customer": customer,
        "can_keep_card": top_up.is_possible(),
    }
    if customer is not None:
        context |= _of_customer(customer, form)
    return render(request, "accounts/billing/buy.html", context, status=status)


def _of_customer(customer: Customer, form: TopUpForm | None) -> dict[str, Any]:
    found = TopUp.objects.filter(customer=customer).select_related("offer").first()
    packs = _packs()
    if form is None and (found or (top_up.is_possible() and packs.exists())):
        form = TopUpForm(initial=top_up_initial(found, packs), packs=packs)
    return {
        "subscriptions": subscriptions.live_subscriptions(customer),
        "top_up": found,
        "top_up_paid": top_up.paid_this_month(found) if found else 0,
        "form": form,
    }


def _packs() -> Any:
    return offers.on_sale().filter(kind=Offer.Kind.PACK)


def _why_not(user: User) -> str:
    """Say why nothing is sold to somebody; empty where something is."""
    if _group_pays(user):
        return "Your group pays for your pictures, so there is nothing to buy."
    if user.deletion_due_at is not None:
        return "Your account is to be deleted. Press “Keep it” first."
    return ""


def _group_pays(user: User) -> bool:
    return ledger.payer_of(user) != user


def _looked_up(order: Order) -> Order:
    """Ask Stripe at once: its news may come later than the person."""
    try:
        return checkout.session_changed(order.stripe_id)
    except (stripe.StripeError, findings.NotOurs, findings.Suspicious) as error:
        logger.warning("Order %s cannot be looked up: %s", order.public_id, error)
        return order


def _leave(request: HttpRequest, url: str) -> HttpResponse:
    answer = render(request, "accounts/billing/leave.html", {"url": url})
    answer["Cache-Control"] = "no-store"
    return answer


def _errors(form: OrderForm) -> list[str]:
    return [str(error) for errors in form.errors.values() for error in errors]


def _refused(request: HttpRequest, why: str) -> HttpResponse:
    messages.error(request, why)
    return _page(request, status=422)


def _unreachable(request: HttpRequest, error: stripe.StripeError) -> HttpResponse:
    logger.error("Stripe cannot be used: %s: %s", type(error).__name__, error)
    is_ours = isinstance(error, stripe.InvalidRequestError)
    messages.error(request, NOT_SOLD if is_ours else UNREACHABLE)
    return _page(request, status=503)
