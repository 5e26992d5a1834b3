"""The admin's pages on image models: what is offered, at what price, at what cost."""

import json
from typing import Any

from django import forms
from django.contrib import admin
from django.http import HttpRequest
from unfold.admin import TabularInline
from unfold.widgets import UnfoldAdminTextareaWidget

from accounts.admin_pages import QuickAdmin
from generators import pricing
from generators.admin_connections import but_for_connections
from generators.models import ImageModel, ImageModelAlias


class PriceForm(forms.ModelForm):  # type: ignore[type-arg]
    """Prices and switches of one image model, as the list has them."""

    def clean(self) -> dict[str, Any]:
        """Refuse to enable what has no price."""
        cleaned = super().clean() or {}
        if cleaned.get("enabled") and cleaned.get("price_credits") is None:
            self.add_error("price_credits", "Set a price before enabling this model.")
        return cleaned


class RulesField(forms.JSONField):
    """Cost rules as JSON, one thing a line."""

    def prepare_value(self, value: Any) -> Any:
        """Write what is kept so that it can be read."""
        if isinstance(value, str):  # what was typed, and is no JSON
            return super().prepare_value(value)
        return json.dumps(value, indent=2, ensure_ascii=False)


class ImageModelForm(PriceForm):
    """All of one image model that an admin may change."""

    costs = RulesField(
        required=False,
        widget=UnfoldAdminTextareaWidget(attrs={"rows": 10, "spellcheck": "false"}),
        help_text="What you pay for a picture: a list of rules, of which the first that "
        'holds counts. [{"usd": 0.2, "options": [{"name": "quality", "value": "high"}]}, '
        '{"usd": 0.05, "usd_per_extra_megapixel": 0.01}]. The credits of dearer '
        "settings follow it.",
    )

    def clean_costs(self) -> list[dict[str, Any]]:
        """Take only rules that can be reckoned with."""
        try:
            typed = self.cleaned_data["costs"]
            return pricing.checked_rules([] if typed is None else typed)
        except ValueError as error:
            raise forms.ValidationError(str(error)) from None


class AliasInline(TabularInline):  # type: ignore[misc]
    """Other names that find the same image model."""

    model = ImageModelAlias
    extra = 0


@admin.register(ImageModel)
class ImageModelAdmin(QuickAdmin):
    """The dropdown: what is offered, at what price. Rows come from the catalogue."""

    form = ImageModelForm
    list_display = ("label", "provider", "family", "price_credits", "enabled", "order")
    list_editable = ("price_credits", "enabled", "order")
    list_filter = ("enabled", "retired", "family", "provider")
    search_fields = ("label", "slug", "provider_model_id")
    ordering = ("order", "label")
    raw_id_fields = ("successor",)
    inlines = (AliasInline,)
    readonly_fields = (
        "slug",
        "provider",
        "connection",
        "provider_model_id",
        "family",
        "capabilities",
    )
    fieldsets = (
        (None, {"fields": ("label", "description", "good_at", "order")}),
        ("Offer", {"fields": ("enabled", "price_credits", "costs")}),
        ("Life", {"fields": ("sunset_date", "successor", "retired")}),
        ("From the catalogue", {"fields": readonly_fields}),
    )

    def get_fieldsets(self, request: HttpRequest, obj: Any = None) -> Any:
        """Keep connections from those who may not see them."""
        return but_for_connections(super().get_fieldsets(request, obj), request)

    def get_changelist_form(self, request: HttpRequest, **kwargs: Any) -> Any:
        """Check the price in the list as the form does."""
        return super().get_changelist_form(request, **{"form": PriceForm, **kwargs})

    def has_add_permission(self, request: HttpRequest) -> bool:
        """The catalogue adds them."""
        return False

    def has_delete_permission(self, request: HttpRequest, obj: Any = None) -> bool:
        """The catalogue would only add them again: take ``enabled`` away."""
        return False
