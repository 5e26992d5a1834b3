"""The admin's pages on money: what is sold, what came, what Stripe told."""

import logging
from decimal import Decimal
from typing import Any

import stripe
from django import forms
from django.contrib import admin, messages
from django.db import transaction
from django.db.models import QuerySet
from django.http import HttpRequest
from django.utils import timezone
from django.utils.html import format_html
from unfold.widgets import UnfoldAdminDecimalFieldWidget, UnfoldAdminTextInputWidget

from accounts import sending
from accounts.admin_pages import QuickAdmin, RecordAdmin
from accounts.billing import offers
from accounts.billing.client import is_live, is_on
from accounts.billing.money import money_words, smallest_units
from accounts.models import (
    MAX_AMOUNT,
    MAX_CREDITS,
    AuditEntry,
    Customer,
    Offer,
    Order,
    Purchase,
    StripeEvent,
    Subscription,
)

logger = logging.getLogger(__name__)

MIN_AMOUNT = 50
"""What Stripe takes at least, or near it: 50 cents, 50 yen, 30 pence.
https://docs.stripe.com/currencies#minimum-and-maximum-charge-amounts"""


class OfferForm(forms.ModelForm):  # type: ignore[type-arg]
    """An offer's words; and, while it is new, what it brings and costs."""

    price = forms.DecimalField(
        max_digits=12,
        min_value=Decimal("0.01"),
        widget=UnfoldAdminDecimalFieldWidget,
        help_text="As people pay it: 9.99. It cannot be changed later.",
    )
    currency = forms.RegexField(
        r"^[A-Za-z]{3}$",
        widget=UnfoldAdminTextInputWidget,
        initial="usd",
        help_text="Three letters: usd, eur, gbp, jpy.",
        error_messages={"invalid": "Write three letters, as usd."},
    )

    class Meta:
        model = Offer
        fields = ("kind", "name", "credits", "active", "order")

    def __init__(self, *args: Any, **kwargs: Any) -> None:
        super().__init__(*args, **kwargs)
        if self.instance.pk is not None:
            for name in ("price", "currency"):
                self.fields.pop(name, None)

    def clean_credits(self) -> int:
        """Sell at least one."""
        credits: int = self.cleaned_data["credits"]
        if not 1 <= credits <= MAX_CREDITS:
            raise forms.ValidationError(f"Choose from 1 to {MAX_CREDITS} credits.")
        return credits

    def clean(self) -> dict[str, Any]:
        """Take the price in the currency's smallest unit."""
        cleaned = super().clean() or {}
        price, currency = cleaned.get("price"), cleaned.get("currency")
        if price is None or currency is None:
            return cleaned
        cleaned["currency"] = currency.lower()
        try:
            units = smallest_units(price, cleaned["currency"])
        except ValueError as error:
            self.add_error("price", str(error))
            return cleaned
        if not MIN_AMOUNT <= units <= MAX_AMOUNT:
            least, most = (
                money_words(amount, cleaned["currency"])
                for amount in (MIN_AMOUNT, MAX_AMOUNT)
            )
            self.add_error(
                "price", f"Choose from {least} to {most}, as Stripe takes it."
            )
            return cleaned
        self.instance.amount = units
        self.instance.currency = cleaned["currency"]
        return cleaned


class SoldHere:
    """Tables that are not mentioned where nothing is sold."""

    def has_module_permission(self, request: HttpRequest) -> bool:
        """Leave them out of the admin's overview until there is a key."""
        return is_on() and bool(super().has_module_permission(request))  # type: ignore[misc]


@admin.register(Offer)
class OfferAdmin(SoldHere, QuickAdmin):
    """Packs and plans. Saving a new one makes its price at Stripe."""

    form = OfferForm
    list_display = (
        "name",
        "kind",
        "credits",
        "price_shown",
        "active",
        "state",
        "order",
    )
    list_editable = ("active", "order")
    list_filter = ("kind", "active")
    ordering = ("order", "amount", "id")

    def get_fieldsets(self, request: HttpRequest, obj: Any = None) -> Any:
        """Ask for a price while it is new, show it afterwards."""
        price = ("price_shown",) if obj else ("price", "currency")
        said = ("state",) if obj else ()
        fields = ("kind", "name", "credits", *price, "active", "order", *said)
        return [(None, {"fields": fields})]

    def get_readonly_fields(self, request: HttpRequest, obj: Any = None) -> Any:
        """What was sold stays what it was."""
        return ("kind", "name", "credits", "price_shown", "state") if obj else ()

    def has_delete_permission(self, request: HttpRequest, obj: Any = None) -> bool:
        """Purchases point at them: take one off sale instead."""
        return False

    @admin.display(description="Price", ordering="amount")
    def price_shown(self, offer: Offer) -> str:
        """What it costs."""
        return money_words(offer.amount, offer.currency)

    @admin.display(description="State")
    def state(self, offer: Offer) -> str:
        """Whether people can buy it, and if not why."""
        if not is_on():
            return "waits for STRIPE_SECRET_KEY"
        if not offer.stripe_price:
            return "not at Stripe yet: save it again"
        if offer.livemode != is_live():
            return "of the other mode's keys"
        return "on sale" if offer.active else "off sale"

    def save_model(
        self, request: HttpRequest, obj: Offer, form: Any, change: bool
    ) -> None:
        """Make its price at Stripe once it is saved, with no transaction open."""
        super().save_model(request, obj, form, change)
        if is_on() and not obj.stripe_price:
            transaction.on_commit(lambda: self._publish(request, obj))

    def _publish(self, request: HttpRequest, offer: Offer) -> None:
        try:
            offers.publish(offer)
        except stripe.StripeError as error:
            logger.error("The price of %s was not made: %s", offer, error)
            said = error.user_message or type(error).__name__
            messages.error(
                request, f"Stripe did not take the price: {said}. Save it again."
            )


class StripeAdmin(SoldHere, RecordAdmin):
    """Rows that mirror objects at Stripe."""

    ordering = ("-id",)

    @admin.display(description="At Stripe")
    def at_stripe(self, row: Any) -> str:
        """A link to Stripe's own page on it."""
        if not row.stripe_id:
            return ""
        customer = getattr(row, "customer", row)
        mode = "" if customer.livemode else "test/"
        return format_html(
            '<a href="https://dashboard.stripe.com/{}search?query={}" rel="noreferrer">{}</a>',
            mode,
            row.stripe_id,
            row.stripe_id,
        )


@admin.register(Customer)
class CustomerAdmin(StripeAdmin):
    """Wallets that Stripe knows."""

    list_display = ("id", "wallet", "at_stripe", "livemode", "created_at")
    list_select_related = ("wallet__user", "wallet__group")
    search_fields = ("=stripe_id", "^wallet__user__email")
    fields = ("wallet", "at_stripe", "livemode", "created_at")


@admin.register(Order)
class OrderAdmin(StripeAdmin):
    """Presses on Buy, and automatic top-ups."""

    list_display = ("id", "kind", "offer", "wallet", "status", "failure", "created_at")
    list_select_related = ("offer", "customer__wallet__user", "customer__wallet__group")
    list_filter = ("kind", "status")
    search_fields = ("=stripe_id", "^customer__wallet__user__email")
    fields = (
        "public_id",
        "kind",
        "wallet",
        "offer",
        "status",
        "failure",
        "keeps_card",
        "at_stripe",
        "created_at",
    )

    @admin.display(description="Wallet")
    def wallet(self, order: Order) -> str:
        """Whose credits it is for."""
        return str(order.customer.wallet)


@admin.register(Purchase)
class PurchaseAdmin(StripeAdmin):
    """Money that came, and what of it left again."""

    list_display = ("id", "wallet", "offer", "credits", "paid", "returned", "made_at")
    list_select_related = ("wallet__user", "wallet__group", "offer", "customer")
    search_fields = ("=stripe_id", "=payment_intent", "^wallet__user__email")
    fields = (
        "wallet",
        "offer",
        "credits",
        "taken_back",
        "paid",
        "returned",
        "at_stripe",
        "payment_intent",
        "made_at",
        "created_at",
    )

    @admin.display(description="Paid")
    def paid(self, purchase: Purchase) -> str:
        """What was paid."""
        return money_words(purchase.amount, purchase.currency)

    @admin.display(description="Refunded or disputed")
    def returned(self, purchase: Purchase) -> str:
        """What left again."""
        gone = purchase.refunded + purchase.disputed
        return money_words(gone, purchase.currency) if gone else ""


@admin.register(Subscription)
class SubscriptionAdmin(StripeAdmin):
    """Plans that people pay."""

    list_display = (
        "id",
        "wallet",
        "offer",
        "status",
        "ends_at_period_end",
        "period_ends_at",
    )
    list_select_related = ("offer", "customer__wallet__user", "customer__wallet__group")
    list_filter = ("status",)
    search_fields = ("=stripe_id", "^customer__wallet__user__email")
    fields = (
        "wallet",
        "offer",
        "status",
        "ends_at_period_end",
        "period_ends_at",
        "at_stripe",
        "updated_at",
    )

    @admin.display(description="Wallet")
    def wallet(self, subscription: Subscription) -> str:
        """Whose credits it brings."""
        return str(subscription.customer.wallet)


@admin.register(StripeEvent)
class StripeEventAdmin(StripeAdmin):
    """Stripe's news, and what became of each."""

    list_display = (
        "id",
        "type",
        "object_id",
        "status",
        "told",
        "num_attempts",
        "received_at",
    )
    list_filter = ("status",)
    search_fields = ("=stripe_id", "=object_id")
    ordering = ("-id",)
    actions = ("handle_again", "ignore")
    fields = (
        "stripe_id",
        "type",
        "object_id",
        "livemode",
        "status",
        "told",
        "num_attempts",
        "next_attempt_at",
        "happened_at",
        "received_at",
    )

    def has_handle_permission(self, request: HttpRequest) -> bool:
        """Those who may change events may have them handled again."""
        return request.user.has_perm("accounts.change_stripeevent")

    @admin.action(description="Handle selected events again", permissions=["handle"])
    def handle_again(
        self, request: HttpRequest, queryset: QuerySet[StripeEvent]
    ) -> None:
        """Put them in line again: how things stand is asked anew, so it is safe."""
        again = queryset.exclude(status=StripeEvent.Status.WAITING)
        with transaction.atomic():
            events = list(again.select_for_update())
            for event in events:
                self.log_act(request, event, AuditEntry.Action.TRY)
            again.update(
                status=StripeEvent.Status.WAITING,
                num_attempts=0,
                next_attempt_at=timezone.now(),
            )
            transaction.on_commit(lambda: sending.send(sending.STRIPE_EVENTS))
        messages.success(request, f"{len(events)} events are handled again.")

    @admin.action(description="Put selected events away", permissions=["handle"])
    def ignore(self, request: HttpRequest, queryset: QuerySet[StripeEvent]) -> None:
        """Look no more at those that failed: somebody has seen to them."""
        failed = queryset.filter(status=StripeEvent.Status.FAILED)
        with transaction.atomic():
            events = list(failed.select_for_update())
            for event in events:
                self.log_act(request, event, AuditEntry.Action.DISMISS)
            failed.update(status=StripeEvent.Status.IGNORED)
        messages.success(request, f"{len(events)} events were put away.")


def event_badge(request: HttpRequest) -> int:
    """Count the news that need a look, 100 at most."""
    failed = StripeEvent.objects.filter(status=StripeEvent.Status.FAILED)
    return failed[:100].count()
