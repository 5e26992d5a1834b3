"""The admin's pages on words: what is refused or flagged, and what was."""

from django.contrib import admin

from accounts.admin_pages import QuickAdmin, RecordAdmin
from generators.models import PromptRule, PromptVerdict


@admin.register(PromptRule)
class PromptRuleAdmin(QuickAdmin):
    """Words that are refused, or flagged. Those built in are always refused."""

    list_display = ("phrase", "action", "group", "enabled", "note")
    list_editable = ("enabled",)
    list_filter = ("action", "enabled")
    list_select_related = ("group",)
    search_fields = ("phrase",)
    ordering = ("phrase",)
    autocomplete_fields = ("group",)
    fields = ("phrase", "action", "group", "enabled", "note")


@admin.register(PromptVerdict)
class PromptVerdictAdmin(RecordAdmin):
    """Presses that a rule caught, newest first."""

    private = ("prompt",)
    list_display = ("id", "owner", "action", "rule", "generation", "created_at")
    list_filter = ("action",)
    list_select_related = ("owner", "generation")
    search_fields = ("^owner__email",)
    ordering = ("-id",)
    fields = ("owner", "action", "rule", "prompt", "generation", "created_at")
