"""The admin's pages on image models, generations and jobs."""

import json
from typing import Any

from django import forms
from django.contrib import admin
from django.db.models import QuerySet
from django.http import HttpRequest
from django.utils.html import format_html
from unfold.admin import TabularInline

from accounts.admin_pages import QuickAdmin, RecordAdmin
from generators import jobs
from generators.models import (
    Generation,
    GenerationJob,
    ImageModel,
    ImageModelAlias,
    JobEvent,
)

OPEN_RECIPE_KEYS = (
    "operation",
    "width",
    "height",
    "num_images",
    "seed",
    "num_inference_steps",
    "guidance_scale",
    "strength",
    "scheduler",
)
"""What staff see of a recipe. All else may hold a person's own words."""


class ImageModelForm(forms.ModelForm):  # type: ignore[type-arg]
    """Prices and switches of one image model."""

    def clean(self) -> dict[str, Any]:
        """Refuse to enable what has no price."""
        cleaned = super().clean() or {}
        if cleaned.get("enabled") and cleaned.get("price_credits") is None:
            self.add_error("price_credits", "Set a price before enabling this model.")
        return cleaned


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
        "provider_model_id",
        "family",
        "capabilities",
    )
    fieldsets = (
        (None, {"fields": ("label", "description", "good_at", "order")}),
        ("Offer", {"fields": ("enabled", "price_credits")}),
        ("Life", {"fields": ("sunset_date", "successor", "retired")}),
        ("From the catalogue", {"fields": readonly_fields}),
    )

    def get_changelist_form(self, request: HttpRequest, **kwargs: Any) -> Any:
        """Check the price in the list as the form does."""
        return super().get_changelist_form(
            request, **{"form": ImageModelForm, **kwargs}
        )

    def has_add_permission(self, request: HttpRequest) -> bool:
        """The catalogue adds them."""
        return False

    def has_delete_permission(self, request: HttpRequest, obj: Any = None) -> bool:
        """The catalogue would only add them again: take ``enabled`` away."""
        return False


@admin.register(Generation)
class GenerationAdmin(RecordAdmin):
    """Presses of the button."""

    private = ("prompt",)
    list_display = ("id", "owner", "public_id", "created_at")
    list_select_related = ("owner",)
    search_fields = ("^owner__email", "public_id__exact")
    ordering = ("-id",)
    fields = ("owner", "public_id", "prompt", "created_at")


class EventInline(TabularInline):  # type: ignore[misc]
    """What happened to the job, in order."""

    model = JobEvent
    extra = 0
    can_delete = False
    fields = readonly_fields = ("created_at", "name", "note")

    def has_add_permission(self, request: HttpRequest, obj: Any = None) -> bool:
        """The site alone writes them."""
        return False


@admin.register(GenerationJob)
class GenerationJobAdmin(RecordAdmin):
    """Jobs. Their status is moved by the site alone, never here."""

    private = ("recipe_whole",)
    list_display = (
        "id",
        "owner",
        "image_model_label",
        "status",
        "failure_kind",
        "lane",
        "num_images",
        "settled_credits",
        "created_at",
    )
    list_filter = ("status", "failure_kind", "lane")
    list_select_related = ("owner",)
    search_fields = ("^owner__email", "public_id__exact")
    ordering = ("-id",)
    inlines = (EventInline,)
    actions = ("cancel_jobs",)
    readonly_fields = ("recipe_open", "recipe_whole")
    fieldsets = (
        (
            None,
            {
                "fields": (
                    "public_id",
                    "generation",
                    "owner",
                    "image_model_label",
                    "provider",
                    "lane",
                )
            },
        ),
        (
            "State",
            {
                "fields": (
                    "status",
                    "phase",
                    "progress",
                    "failure_kind",
                    "failure_message",
                    "failure_detail",
                )
            },
        ),
        ("Recipe", {"fields": ("recipe_open", "recipe_whole")}),
        (
            "Credits",
            {
                "fields": (
                    "num_images",
                    "num_delivered",
                    "price_credits",
                    "settled_credits",
                )
            },
        ),
        (
            "Worker",
            {
                "fields": (
                    "attempts",
                    "lease_expires_at",
                    "next_action_at",
                    "deadline_at",
                    "provider_request_id",
                )
            },
        ),
        (
            "Times",
            {"fields": ("created_at", "started_at", "finished_at", "model_seconds")},
        ),
    )

    def has_cancel_permission(self, request: HttpRequest) -> bool:
        """Those who may change jobs may cancel them."""
        return request.user.has_perm("generators.change_generationjob")

    @admin.action(description="Cancel selected jobs", permissions=["cancel"])
    def cancel_jobs(
        self, request: HttpRequest, queryset: QuerySet[GenerationJob]
    ) -> None:
        """Ask for an end of those that have not ended, as their owners could."""
        asked = sum(jobs.cancel_job(job) for job in queryset)
        self.message_user(request, f"{asked} jobs are being canceled.")

    @admin.display(description="Recipe")
    def recipe_open(self, job: GenerationJob) -> str:
        """The recipe's numbers, without anybody's words."""
        return _as_text({k: job.recipe[k] for k in OPEN_RECIPE_KEYS if k in job.recipe})

    @admin.display(description="Whole recipe")
    def recipe_whole(self, job: GenerationJob) -> str:
        """The recipe with its prompts."""
        return _as_text(job.recipe)


@admin.register(JobEvent)
class JobEventAdmin(RecordAdmin):
    """What happened to jobs, newest first."""

    list_display = ("id", "job", "name", "note", "created_at")
    list_select_related = ("job",)
    search_fields = ("job__public_id__exact",)
    ordering = ("-id",)
    fields = ("job", "name", "note", "created_at")


def _as_text(value: Any) -> str:
    return format_html("<pre>{}</pre>", json.dumps(value, indent=2, ensure_ascii=False))
