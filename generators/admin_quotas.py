"""The admin's pages on quotas: what everybody, a group or one person may use."""

from typing import Any

from django import forms
from django.contrib import admin
from django.core.exceptions import PermissionDenied
from django.http import HttpRequest
from unfold.widgets import UnfoldAdminSelect2MultipleWidget

from accounts.admin_pages import QuickAdmin, may_change_person
from accounts.models import Quota
from generators.capabilities import Operation
from generators.models import ImageModel


def _model_choices() -> list[tuple[str, str]]:
    rows = ImageModel.objects.order_by("retired", "order", "label")
    return list(rows.values_list("slug", "label"))


class QuotaForm(forms.ModelForm):  # type: ignore[type-arg]
    """One quota. Nothing chosen from a list means that it says nothing about it."""

    image_models = forms.MultipleChoiceField(
        required=False,
        widget=UnfoldAdminSelect2MultipleWidget,
        choices=_model_choices,
        help_text="Only these. None chosen: as the wider quota says, else all.",
    )
    operations = forms.MultipleChoiceField(
        required=False,
        widget=UnfoldAdminSelect2MultipleWidget,
        choices=[(each.value, each.value.replace("-", " ")) for each in Operation],
        help_text="Only these. None chosen: as the wider quota says, else all.",
    )

    def __init__(self, *args: Any, **kwargs: Any) -> None:
        super().__init__(*args, **kwargs)
        kept = self.initial.get("image_models") or []
        field: Any = self.fields["image_models"]
        known = {slug for slug, _ in field.choices}
        gone = [(slug, f"{slug} (gone)") for slug in kept if slug not in known]
        field.choices = [*field.choices, *gone]

    def clean_image_models(self) -> list[str] | None:
        """Keep nothing where nothing is chosen."""
        return self.cleaned_data["image_models"] or None

    def clean_operations(self) -> list[str] | None:
        """Keep nothing where nothing is chosen."""
        return self.cleaned_data["operations"] or None


@admin.register(Quota)
class QuotaAdmin(QuickAdmin):
    """Quotas take effect at the next press; of several, the most specific counts."""

    form = QuotaForm
    list_display = (
        "scope",
        "images_per_day",
        "images_per_month",
        "credits_per_day",
        "credits_per_month",
        "running_jobs",
        "waiting_jobs",
    )
    list_select_related = ("user", "group")
    search_fields = ("^user__email", "group__name")
    ordering = ("-id",)
    autocomplete_fields = ("user", "group")
    fieldsets = (
        (
            None,
            {
                "fields": ("user", "group"),
                "description": "For one person, for each member of a group, or, with "
                "neither, for everybody. An empty field says nothing: the wider quota "
                "counts. −1 says that there is no limit, whatever a wider one says.",  # noqa: RUF001
            },
        ),
        (
            "How much",
            {
                "fields": (
                    ("images_per_day", "images_per_month"),
                    ("credits_per_day", "credits_per_month"),
                    ("running_jobs", "waiting_jobs"),
                    ("storage_mb", "longest_side"),
                    ("monthly_credits", "ask_above"),
                )
            },
        ),
        ("What", {"fields": ("image_models", "operations")}),
    )

    def has_change_permission(self, request: HttpRequest, obj: Any = None) -> bool:
        """Let superusers alone change what staff may use."""
        is_theirs = may_change_person(request, getattr(obj, "user", None))
        return is_theirs and bool(super().has_change_permission(request, obj))

    def has_delete_permission(self, request: HttpRequest, obj: Any = None) -> bool:
        """Let superusers alone lift what staff may not exceed."""
        is_theirs = may_change_person(request, getattr(obj, "user", None))
        return is_theirs and bool(super().has_delete_permission(request, obj))

    def save_model(
        self, request: HttpRequest, obj: Quota, form: Any, change: bool
    ) -> None:
        """Refuse to give one to staff, whoever had it before."""
        if not may_change_person(request, obj.user):
            raise PermissionDenied
        super().save_model(request, obj, form, change)
