"""The admin's pages on prices: what settings cost, what is left, and every version."""

from dataclasses import dataclass
from typing import Any, Final

from django.contrib import messages
from django.db import transaction
from django.db.models import QuerySet
from django.http import HttpRequest, HttpResponse, HttpResponseBase
from django.shortcuts import get_object_or_404, redirect
from django.template.response import TemplateResponse
from django.utils import timezone

from accounts.admin_pages import QuickAdmin
from accounts.audit_changes import Changes, Snapshot, between, values_of
from accounts.credit_words import price_words
from accounts.models import AuditEntry
from accounts.requests import person
from generators import catalog, prices, pricing
from generators.capabilities import Capabilities
from generators.margins import credit_usd
from generators.models import ImageModel, Price
from generators.price_forms import PriceForm, SeveralForm, VersionForm
from generators.price_sheets import Line, Sheet, sheet_of
from generators.terms import Terms

Action = AuditEntry.Action
VERSIONS_SHOWN: Final = 50
VERSION_COLUMNS: Final = ("credits", "rules", "costs", "valid_from")
"""What the audit log tells of a version."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Version:
    """A version as the page of its image model lists it."""

    price: Price
    is_in_force: bool
    is_to_come: bool

    @property
    def words(self) -> str:
        """Return what it says, in a line."""
        terms = self.price.terms
        parts = [price_words(terms.credits)]
        if terms.rules:
            parts.append(f"{len(terms.rules)} rule{'s' * (len(terms.rules) > 1)}")
        return " · ".join(parts)


@dataclass(frozen=True, slots=True, kw_only=True)
class Row:
    """What some settings cost; of a new version also ``before``, what they cost now."""

    line: Line
    before: int | None = None


def able_of(image_model: ImageModel) -> Capabilities:
    """Return what a model can do; as good as nothing where that cannot be read."""
    try:
        return catalog.capabilities_of(image_model)
    except ValueError:
        return Capabilities()


def sheet_of_model(image_model: ImageModel) -> Sheet | None:
    """Return what its settings cost by the price in force, if there is one."""
    if image_model.price is None:
        return None
    return sheet_of(able_of(image_model), image_model.price.terms)


def page_context(image_model: ImageModel) -> dict[str, Any]:
    """Return what the page of an image model tells of its price."""
    latest = image_model.prices.select_related("made_by")[:VERSIONS_SHOWN]
    sheet, now = sheet_of_model(image_model), timezone.now()
    return {
        "image_model": image_model,
        "sheet": sheet,
        "rows": [Row(line=line) for line in sheet.lines] if sheet else [],
        "is_worth_known": credit_usd() is not None,
        "versions": [
            Version(
                price=row,
                is_in_force=row.pk == image_model.price_id,
                is_to_come=row.valid_from > now,
            )
            for row in latest
        ],
    }


def new_price(
    model_admin: QuickAdmin, request: HttpRequest, image_model: ImageModel
) -> HttpResponse:
    """Ask for a new version, show what settings would cost by it, and make it."""
    able = able_of(image_model)
    now = None if image_model.price is None else image_model.price.terms
    form = PriceForm(request.POST or None, able=able, terms=now)
    preview: dict[str, Any] = {}
    if form.is_valid():
        is_made = "preview" not in request.POST and _make(
            model_admin, request, image_model, form
        )
        if is_made:
            return redirect("admin:generators_imagemodel_change", image_model.pk)
        preview = _preview(sheet_of(able, form.terms), able, now)
    context = model_admin.admin_site.each_context(request) | {
        "title": "New price",
        "subtitle": str(image_model),
        "opts": model_admin.opts,
        "form": form,
        "is_worth_known": credit_usd() is not None,
        **preview,
    }
    template = "admin/generators/imagemodel/new_price.html"
    status = 422 if form.errors else 200
    return TemplateResponse(request, template, context, status=status)


def new_prices(
    model_admin: QuickAdmin, request: HttpRequest, queryset: QuerySet[ImageModel]
) -> HttpResponse | None:
    """Ask for the same credits for several image models, and make a version of each."""
    rows = list(queryset.select_related("price").order_by("order", "label"))
    form = SeveralForm(request.POST if "apply" in request.POST else None)
    if form.is_valid() and _make_several(model_admin, request, rows, form):
        return None
    context = model_admin.admin_site.each_context(request) | {
        "title": "New price",
        "subtitle": f"{len(rows)} image models",
        "opts": model_admin.opts,
        "models": rows,
        "form": form,
    }
    template = "admin/generators/imagemodel/new_prices.html"
    status = 422 if form.errors else 200
    return TemplateResponse(request, template, context, status=status)


def withdraw(
    model_admin: QuickAdmin,
    request: HttpRequest,
    image_model: ImageModel,
    price_id: int,
) -> HttpResponseBase:
    """Take back a version that has not begun."""
    price = get_object_or_404(image_model.prices, pk=price_id)
    with transaction.atomic():
        is_withdrawn = prices.withdraw(price)
        if is_withdrawn:
            changes = _between(values_of(price), {})
            words = f"Price withdrawn: {price}"
            model_admin.log_act(
                request, image_model, Action.CHANGE, changes=changes, reason=words
            )
    if is_withdrawn:
        messages.success(request, f"Withdrawn: {price}.")
    else:
        messages.warning(request, "It has begun meanwhile. Make a new price instead.")
    return redirect("admin:generators_imagemodel_change", image_model.pk)


def _make(
    model_admin: QuickAdmin,
    request: HttpRequest,
    image_model: ImageModel,
    form: PriceForm,
) -> bool:
    is_same = image_model.price and image_model.price.terms == form.terms
    if is_same and form.cleaned_data["valid_from"] is None:
        messages.info(request, "That is the price already.")
        return True
    with transaction.atomic():
        price = _add(model_admin, request, image_model, form=form, terms=form.terms)
    if price is None:
        return False
    messages.success(request, f"New price: {price}.")
    return True


def _make_several(
    model_admin: QuickAdmin,
    request: HttpRequest,
    rows: list[ImageModel],
    form: SeveralForm,
) -> bool:
    with transaction.atomic():
        for row in rows:
            terms = form.terms_of(row)
            if not _add(model_admin, request, row, form=form, terms=terms):
                transaction.set_rollback(True)
                return False
    messages.success(request, f"{len(rows)} image models have a new price.")
    return True


def _add(
    model_admin: QuickAdmin,
    request: HttpRequest,
    row: ImageModel,
    *,
    form: VersionForm,
    terms: Terms,
) -> Price | None:
    """Make a version, switch its model on if that was chosen, and write both down.

    Belongs into a transaction; nothing is written where the form refuses the version.
    """
    before = row.price
    price = form.add(row, terms, person(request))
    if price is None:
        return None
    changes = _between(values_of(before) if before else {}, values_of(price))
    if form.cleaned_data.get("is_switched_on") and not row.enabled:
        ImageModel.objects.filter(pk=row.pk).update(enabled=True)
        changes.before["enabled"], changes.after["enabled"] = False, True
    words = f"New price: {price}"
    model_admin.log_act(request, row, Action.CHANGE, changes=changes, reason=words)
    return price


def _between(before: Snapshot, after: Snapshot) -> Changes:
    """Return what differs between two versions, one of which may be none."""
    was, now = (
        {name: each[name] for name in VERSION_COLUMNS if name in each}
        for each in (before, after)
    )
    return between(Price, was, now)


def _preview(sheet: Sheet, able: Capabilities, now: Terms | None) -> dict[str, Any]:
    """Return what settings would cost, beside what they cost now."""
    rows = [Row(line=line, before=_credits(line, able, now)) for line in sheet.lines]
    return {"sheet": sheet, "rows": rows, "is_compared": now is not None}


def _credits(line: Line, able: Capabilities, terms: Terms | None) -> int | None:
    if terms is None:
        return None
    return pricing.credits_of(terms, able, line.request, num_inputs=line.num_inputs)
