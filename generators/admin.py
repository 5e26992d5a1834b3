"""The admin's pages on generations and jobs; with those on models and connections."""

import json
from typing import Any

from django.contrib import admin
from django.contrib.admin import ChoicesFieldListFilter
from django.db.models import QuerySet
from django.http import HttpRequest
from django.utils.html import format_html
from unfold.admin import TabularInline

from accounts.admin_pages import RecordAdmin
from accounts.models import AuditEntry
from accounts.requests import person
from generators import (
    admin_connections,
    admin_groups,
    admin_image_models,
    admin_moderation,
    admin_quotas,
    approvals,
    jobs,
)
from generators.admin_connections import but_for_connections
from generators.admin_job_acts import carry_out
from generators.cost_words import usd_words
from generators.models import Generation, GenerationJob, JobEvent

__all__ = [
    "admin_connections",
    "admin_groups",
    "admin_image_models",
    "admin_moderation",
    "admin_quotas",
]

Act = AuditEntry.Action
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


def approval_badge(request: HttpRequest) -> int:
    """Return how many jobs wait for an admin, for the sidebar; no more than 99."""
    return approvals.waiting()[:99].count()


@admin.register(Generation)
class GenerationAdmin(RecordAdmin):
    """Presses of the button."""

    private = ("prompt",)
    list_display = ("id", "owner", "public_id", "created_at")
    list_select_related = ("owner",)
    search_fields = ("^owner__email", "public_id__exact")
    ordering = ("-id",)
    fields = ("owner", "public_id", "prompt", "created_at")


class OfOpenJobs(ChoicesFieldListFilter):
    """Choices among jobs that have not ended: of the others nobody asks, by no index."""

    def __init__(self, *args: Any, **kwargs: Any) -> None:
        super().__init__(*args, **kwargs)
        self.title = f"{self.title}, not ended"

    def queryset(self, request: HttpRequest, queryset: Any) -> Any:
        """Leave out what has ended, once something is chosen."""
        if self.used_parameters:
            queryset = queryset.filter(finished_at__isnull=True)
        return super().queryset(request, queryset)


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

    private = ("recipe_whole", "failure_detail")
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
    list_filter = (
        "status",
        ("phase", OfOpenJobs),
        "failure_kind",
        ("lane", OfOpenJobs),
    )
    list_select_related = ("owner",)
    search_fields = ("^owner__email", "public_id__exact")
    ordering = ("-id",)
    inlines = (EventInline,)
    actions = ("cancel_jobs", "approve_jobs", "decline_jobs")
    readonly_fields = ("recipe_open", "recipe_whole", "estimated_cost", "actual_cost")
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
                    "connection",
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
            "Credits and costs",
            {
                "fields": (
                    "num_images",
                    "num_delivered",
                    "price",
                    "price_credits",
                    "settled_credits",
                    "estimated_cost",
                    "actual_cost",
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

    def get_fieldsets(self, request: HttpRequest, obj: Any = None) -> Any:
        """Keep connections from those who may not see them."""
        return but_for_connections(super().get_fieldsets(request, obj), request)

    def has_cancel_permission(self, request: HttpRequest) -> bool:
        """Those who may change jobs may cancel them."""
        return request.user.has_perm("generators.change_generationjob")

    @admin.action(description="Cancel selected jobs", permissions=["cancel"])
    def cancel_jobs(
        self, request: HttpRequest, queryset: QuerySet[GenerationJob]
    ) -> None:
        """Ask for an end of those that have not ended, as their owners could."""
        asked = sum(
            carry_out(self, request, job, act=jobs.cancel_job, action=Act.CANCEL)
            for job in queryset
        )
        self.message_user(request, f"{asked} jobs are being canceled.")

    @admin.action(description="Agree to selected jobs", permissions=["cancel"])
    def approve_jobs(
        self, request: HttpRequest, queryset: QuerySet[GenerationJob]
    ) -> None:
        """Let those that wait for an admin be drawn."""
        agreed = sum(
            carry_out(self, request, job, act=approvals.approve, action=Act.APPROVE)
            for job in self._of_others(request, queryset)
        )
        self.message_user(request, f"{agreed} jobs may be drawn.")

    @admin.action(description="Decline selected jobs", permissions=["cancel"])
    def decline_jobs(
        self, request: HttpRequest, queryset: QuerySet[GenerationJob]
    ) -> None:
        """End those that wait for an admin; their credits go back."""
        ended = sum(
            carry_out(self, request, job, act=approvals.decline, action=Act.DECLINE)
            for job in self._of_others(request, queryset)
        )
        self.message_user(request, f"{ended} jobs were declined.")

    def _of_others(
        self, request: HttpRequest, queryset: QuerySet[GenerationJob]
    ) -> list[GenerationJob]:
        """Leave one's own jobs to another admin; superusers decide on theirs too."""
        admin = person(request)
        return [job for job in queryset if approvals.may_decide(admin, job)]

    @admin.display(description="Estimated cost")
    def estimated_cost(self, job: GenerationJob) -> str:
        """What all its pictures should cost the operator."""
        return usd_words(job.estimated_usd_micros)

    @admin.display(description="Actual cost")
    def actual_cost(self, job: GenerationJob) -> str:
        """What the provider said it costs."""
        return usd_words(job.actual_usd_micros)

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
