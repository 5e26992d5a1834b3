"""What people fill in to buy credits."""

from decimal import Decimal
from typing import Any

from django import forms

from accounts.billing import offers
from accounts.billing.money import decimals_of, money_words, smallest_units
from accounts.credit_words import credit_words
from accounts.models import MAX_AMOUNT, Offer, OfferQuerySet, TopUp

MAX_BELOW = 1_000_000


class OrderForm(forms.Form):
    """Which offer, and whether the card may be kept for top-ups."""

    offer = forms.ModelChoiceField(
        Offer.objects.none(),
        error_messages={
            "invalid_choice": "That offer is not on sale any more. Choose another.",
            "required": "Choose what to buy.",
        },
    )
    keeps_card = forms.BooleanField(required=False)

    def __init__(self, *args: Any, **kwargs: Any) -> None:
        super().__init__(*args, **kwargs)
        self.fields["offer"].queryset = offers.on_sale()  # type: ignore[attr-defined]


class PackField(forms.ModelChoiceField):  # type: ignore[type-arg]
    """Chooses a pack by what it brings and costs."""

    def label_from_instance(self, obj: Any) -> str:
        """Say what it brings and costs."""
        price = money_words(obj.amount, obj.currency)
        return f"{credit_words(obj.credits)} for {price}"


class TopUpForm(forms.Form):
    """When to buy which pack by itself, and up to what sum a month."""

    enabled = forms.BooleanField(required=False, label="Top up automatically")
    offer = PackField(Offer.objects.none(), label="Buy", empty_label=None)
    below = forms.IntegerField(
        label="When fewer credits are left than", min_value=1, max_value=MAX_BELOW
    )
    monthly_cap = forms.DecimalField(
        label="Pay at most, each month", min_value=Decimal(0), max_digits=12
    )

    def __init__(self, *args: Any, packs: OfferQuerySet, **kwargs: Any) -> None:
        super().__init__(*args, **kwargs)
        self.fields["offer"].queryset = packs  # type: ignore[attr-defined]

    def clean(self) -> dict[str, Any]:
        """Take the cap in the pack's currency; it has to pay for one pack."""
        cleaned = super().clean() or {}
        offer, cap = cleaned.get("offer"), cleaned.get("monthly_cap")
        if offer is None or cap is None:
            return cleaned
        try:
            units = smallest_units(cap, offer.currency)
        except ValueError as error:
            self.add_error("monthly_cap", str(error))
            return cleaned
        if not offer.amount <= units <= MAX_AMOUNT:
            price = money_words(offer.amount, offer.currency)
            most = money_words(MAX_AMOUNT, offer.currency)
            self.add_error(
                "monthly_cap", f"Choose a sum from {price}, one pack, to {most}."
            )
        cleaned["monthly_cap"] = units
        return cleaned


def top_up_initial(top_up: TopUp | None, packs: OfferQuerySet) -> dict[str, Any]:
    """Return what the form shows at first."""
    if top_up is not None:
        currency = top_up.offer.currency
        cap = Decimal(top_up.monthly_cap).scaleb(-decimals_of(currency))
        return {
            "enabled": top_up.enabled,
            "offer": top_up.offer_id,
            "below": top_up.below,
            "monthly_cap": cap,
        }
    pack = packs.first()
    if pack is None:
        return {}
    cap = Decimal(pack.amount * 3).scaleb(-decimals_of(pack.currency))
    return {"offer": pack.pk, "below": 20, "monthly_cap": cap}
