"""The admin's page on what is sold: packs and plans, and their prices at Stripe."""

import logging
from decimal import Decimal
from typing import Any

import stripe
from django import forms
from django.contrib import admin, messages
from django.db import transaction
from django.http import HttpRequest
from unfold.widgets import UnfoldAdminDecimalFieldWidget, UnfoldAdminTextInputWidget

from accounts.admin_pages import QuickAdmin
from accounts.admin_payments import SoldHere
from accounts.billing import offers
from accounts.billing.client import is_live, is_on
from accounts.billing.money import money_words, smallest_units
from accounts.models import (
    MAX_AMOUNT,
    MAX_CREDITS,
    Offer,
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
