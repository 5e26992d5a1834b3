"""The admin's pages on image models: what is offered, at what price, at what cost."""

from typing import Any

from django import forms
from django.contrib import admin
from django.core.exceptions import PermissionDenied
from django.db.models import QuerySet
from django.http import Http404, HttpRequest, HttpResponse, HttpResponseBase
from django.template.loader import render_to_string
from django.urls import URLPattern, path
from django.utils.html import format_html
from django.views.decorators.http import require_POST
from unfold.admin import TabularInline
from unfold.decorators import action

from accounts.admin_pages import QuickAdmin
from accounts.credit_words import price_words
from generators import admin_prices, prices
from generators.admin_connections import but_for_connections
from generators.cost_words import UNKNOWN
from generators.models import ImageModel, ImageModelAlias

NO_PRICE = "Set a price before enabling this model."


class OfferForm(forms.ModelForm):  # type: ignore[type-arg]
    """Switches of one image model, as its page has them, and the list."""

    def clean(self) -> dict[str, Any]:
        """Refuse to enable what has no price in force; one to come does not count."""
        cleaned = super().clean() or {}
        is_retired = cleaned.get("retired", self.instance.retired)
        if cleaned.get("enabled") and not is_retired and self.instance.price is None:
            self.add_error("enabled", NO_PRICE)
        return cleaned


class AliasInline(TabularInline):  # type: ignore[misc]
    """Other names that find the same image model."""

    model = ImageModelAlias
    extra = 0


@admin.register(ImageModel)
class ImageModelAdmin(QuickAdmin):
    """The dropdown: what is offered, at what price. Rows come from the catalogue."""

    form = OfferForm
    list_display = (
        "label",
        "provider",
        "price_now",
        "cost",
        "margin",
        "enabled",
        "order",
    )
    list_editable = ("enabled", "order")
    list_filter = ("enabled", "retired", "family", "provider")
    list_select_related = ("price",)
    search_fields = ("label", "slug", "provider_model_id")
    ordering = ("order", "label")
    raw_id_fields = ("successor",)
    inlines = (AliasInline,)
    actions = ("new_prices",)
    actions_detail = ("new_price",)
    change_form_outer_before_template = "admin/generators/imagemodel/price.html"
    readonly_fields = (
        "slug",
        "provider",
        "connection",
        "provider_model_id",
        "family",
        "capabilities",
    )
    fieldsets = (
        (None, {"fields": ("label", "description", "good_at", "enabled", "order")}),
        ("Life", {"fields": ("sunset_date", "successor", "retired")}),
        ("From the catalogue", {"fields": readonly_fields}),
    )

    @admin.display(description="Price", ordering="price__credits")
    def price_now(self, row: ImageModel) -> str:
        """Credits by the usual settings, and those of a version to come."""
        now = "none" if row.price is None else price_words(row.price.credits)
        return _in_two_lines(now, *(each.brief for each in row.to_come[:1]))  # type: ignore[attr-defined]

    @admin.display(description="You pay")
    def cost(self, row: ImageModel) -> str:
        """What the usual settings cost the operator, and the dearest."""
        sheet = admin_prices.sheet_of_model(row)
        if sheet is None:
            return UNKNOWN
        is_dearer = sheet.dearest.usd != sheet.usual.usd
        dearest = [f"to {sheet.dearest.usd_words}"] if is_dearer else []
        return _in_two_lines(sheet.usual.usd_words, *dearest)

    @admin.display(description="Margin")
    def margin(self, row: ImageModel) -> str:
        """What is left of the usual settings' price, and where least is."""
        sheet = admin_prices.sheet_of_model(row)
        if sheet is None or sheet.usual.margin is None:
            return UNKNOWN
        return render_to_string(
            "admin/generators/imagemodel/_margins.html", {"sheet": sheet}
        )

    @admin.action(description="New price for selected models", permissions=["change"])
    def new_prices(
        self, request: HttpRequest, queryset: QuerySet[ImageModel]
    ) -> HttpResponse | None:
        """Give several models the same price."""
        return admin_prices.new_prices(self, request, queryset)

    def has_new_price_permission(
        self, request: HttpRequest, object_id: Any = None
    ) -> bool:
        """Those who may change image models may price them."""
        return bool(self.has_change_permission(request))

    @action(  # type: ignore[untyped-decorator]
        description="New price",
        url_path="new-price",
        icon="sell",
        permissions=["new_price"],
    )
    def new_price(self, request: HttpRequest, object_id: str) -> HttpResponse:
        """Make another version of the price."""
        return admin_prices.new_price(self, request, self._row(request, object_id))

    def withdraw_price(
        self, request: HttpRequest, object_id: str, price_id: int
    ) -> HttpResponseBase:
        """Take a version back that has not begun."""
        row = self._row(request, object_id)
        if not self.has_change_permission(request, row):
            raise PermissionDenied
        return admin_prices.withdraw(self, request, row, price_id)

    def changeform_view(
        self,
        request: HttpRequest,
        object_id: str | None = None,
        form_url: str = "",
        extra_context: dict[str, Any] | None = None,
    ) -> Any:
        """Show the form, below what its pictures cost."""
        context = dict(extra_context or {})
        row = self.get_object(request, object_id) if object_id else None
        if row is not None:
            context |= admin_prices.page_context(row)
            context["may_price"] = self.has_change_permission(request, row)
        return super().changeform_view(request, object_id, form_url, context)

    def get_queryset(self, request: HttpRequest) -> QuerySet[ImageModel]:
        """Fetch the prices to come in one query."""
        return prices.with_those_to_come(super().get_queryset(request))

    def get_urls(self) -> list[URLPattern]:
        """Add the button that withdraws a price."""
        view = self.admin_site.admin_view(require_POST(self.withdraw_price))
        name = "generators_imagemodel_withdraw_price"
        where = "<path:object_id>/prices/<int:price_id>/withdraw/"
        return [path(where, view, name=name), *super().get_urls()]

    def get_fieldsets(self, request: HttpRequest, obj: Any = None) -> Any:
        """Keep connections from those who may not see them."""
        return but_for_connections(super().get_fieldsets(request, obj), request)

    def get_changelist_form(self, request: HttpRequest, **kwargs: Any) -> Any:
        """Check the switch in the list as the form does."""
        return super().get_changelist_form(request, **{"form": OfferForm, **kwargs})

    def has_add_permission(self, request: HttpRequest) -> bool:
        """The catalogue adds them."""
        return False

    def has_delete_permission(self, request: HttpRequest, obj: Any = None) -> bool:
        """The catalogue would only add them again: take ``enabled`` away."""
        return False

    def _row(self, request: HttpRequest, object_id: str) -> ImageModel:
        row: ImageModel | None = self.get_object(request, object_id)
        if row is None:
            raise Http404
        return row


def _in_two_lines(first: str, second: str = "") -> str:
    words = '<span class="whitespace-nowrap">{}</span>'
    if not second:
        return format_html(words, first)
    smaller = '<span class="block text-xs whitespace-nowrap">{}</span>'
    return format_html(words + smaller, first, second)
