"""The admin's page on the audit log."""

import re
from collections.abc import Iterator, Mapping
from typing import Any

from django.apps import apps
from django.contrib import admin
from django.db.models import Q, QuerySet
from django.http import HttpRequest
from django.urls import NoReverseMatch, reverse
from django.utils.dateparse import parse_datetime
from django.utils.html import format_html
from unfold.paginator import InfinitePaginator

from accounts.admin_pages import RecordAdmin, text_lines
from accounts.admin_tables import moment
from accounts.audit import THE_SITE
from accounts.models import AuditEntry, User

LINES_IN_LIST = 4
_MOMENT = re.compile(r"\d{4}-\d\d-\d\dT\d\d:\d\d:\d\d(\.\d+)?Z$")
PEOPLE_FOUND = 100


class ActorFilter(admin.SimpleListFilter):
    """Whose acts: of staff, or the site's own."""

    title = "who"
    parameter_name = "by"

    def lookups(self, request: HttpRequest, model_admin: Any) -> list[tuple[str, str]]:
        """Offer the site and everybody who is staff now."""
        staff = User.objects.filter(is_staff=True).order_by("email")[:PEOPLE_FOUND]
        return [("site", THE_SITE), *((str(each.pk), each.email) for each in staff)]

    def queryset(
        self, request: HttpRequest, queryset: QuerySet[AuditEntry]
    ) -> QuerySet[AuditEntry]:
        """Keep what they did."""
        value = self.value()
        if value == "site":
            return queryset.filter(actor__isnull=True)
        if value not in {key for key, _ in self.lookup_choices}:
            return queryset
        return queryset.filter(actor=int(str(value)))


class TargetFilter(admin.SimpleListFilter):
    """What was touched: rows of which table."""

    title = "what"
    parameter_name = "of"

    def lookups(self, request: HttpRequest, model_admin: Any) -> list[tuple[str, str]]:
        """Offer every table of the admin, by name."""
        tables = model_admin.admin_site._registry
        named = {
            model._meta.label_lower: str(model._meta.verbose_name) for model in tables
        }
        return sorted(named.items(), key=lambda each: each[1])

    def queryset(
        self, request: HttpRequest, queryset: QuerySet[AuditEntry]
    ) -> QuerySet[AuditEntry]:
        """Keep what touched it."""
        return queryset.filter(target_type=self.value()) if self.value() else queryset


@admin.register(AuditEntry)
class AuditEntryAdmin(RecordAdmin):
    """Who did what, newest first. Nothing here is ever changed, or counted."""

    paginator = InfinitePaginator
    list_display = ("when", "actor_name", "act", "target", "changed", "reason")
    list_display_links = ("when",)
    list_filter = ("action", ActorFilter, TargetFilter)
    search_fields = ("person__email",)  # see get_search_results
    search_help_text = "The beginning of an e-mail address"
    ordering = ("-id",)
    fields = (
        "created_at",
        "actor_name",
        "act",
        "target",
        "about",
        "reason",
        "changed_wholly",
    )
    readonly_fields = ("act", "target", "about", "changed_wholly")

    def get_search_results(
        self, request: HttpRequest, queryset: Any, search_term: str
    ) -> tuple[Any, bool]:
        """Find what people did and what was done to them, by indexes alone."""
        words = search_term.strip()
        if not words:
            return queryset, False
        found = User.objects.filter(email__istartswith=words).order_by("pk")
        keys = list(found.values_list("pk", flat=True)[:PEOPLE_FOUND])
        return queryset.filter(Q(actor__in=keys) | Q(person__in=keys)), False

    @admin.display(description="When")
    def when(self, entry: AuditEntry) -> str:
        """The moment, on one line."""
        words = '<span class="whitespace-nowrap">{}</span>'
        return format_html(words, moment(entry.created_at))

    @admin.display(description="Did what", ordering="action")
    def act(self, entry: AuditEntry) -> str:
        """What was done, in words."""
        return entry.get_action_display()

    @admin.display(description="To what")
    def target(self, entry: AuditEntry) -> str:
        """The row, linked to its page where it has one."""
        url, below = target_url(entry), '<br><span class="text-xs">{}</span>'
        if not url:
            return format_html("{}" + below, entry.target_text, target_name(entry))
        link = '<a class="text-link" href="{}">{}</a>' + below
        return format_html(link, url, entry.target_text, target_name(entry))

    @admin.display(description="About")
    def about(self, entry: AuditEntry) -> str:
        """Whom it concerns, linked to their page."""
        if entry.person_id is None:
            return "-"
        url = reverse("admin-person", args=[entry.person_id])
        link = '<a class="text-link" href="{}">Person {}</a>'
        return format_html(link, url, entry.person_id)

    @admin.display(description="Changed")
    def changed(self, entry: AuditEntry) -> str:
        """The first of its lines."""
        lines = changes_of(entry, at_most=LINES_IN_LIST)
        return format_html('<div class="narrow-cell">{}</div>', lines) if lines else "-"

    @admin.display(description="Changed")
    def changed_wholly(self, entry: AuditEntry) -> str:
        """All of its lines."""
        return changes_of(entry) or "-"


def target_name(entry: AuditEntry) -> str:
    """Return the kind of what was touched: ``image model``."""
    try:
        return str(apps.get_model(entry.target_type)._meta.verbose_name)
    except (LookupError, ValueError):  # a table that is gone
        return entry.target_type


def target_url(entry: AuditEntry) -> str:
    """Return the address of the page of what was touched; empty where it has none."""
    if entry.action in {AuditEntry.Action.DELETE, AuditEntry.Action.ERASE}:
        return ""
    name = entry.target_type.replace(".", "_")
    try:
        return reverse(f"admin:{name}_change", args=[entry.target_pk])
    except NoReverseMatch:
        return ""


def changes_of(entry: AuditEntry, *, at_most: int | None = None) -> str:
    """Return what changed as HTML, a line each: ``name: Ann → Anna``."""
    lines = list(_lines(entry.before, entry.after))
    shown = lines[:at_most]
    if rest := len(lines) - len(shown):
        shown.append(f"and {rest} more")
    return text_lines("{}", ((line,) for line in shown))


def _lines(
    before: Mapping[str, Any], after: Mapping[str, Any], within: str = ""
) -> Iterator[str]:
    for name in dict.fromkeys((*before, *after)):
        old, new = before.get(name), after.get(name)
        label = f"{within}{name.replace('_', ' ')}"
        if isinstance(old or new, dict):
            yield from _lines(_mapping(old), _mapping(new), within=f"{label}, ")
        elif within or (name in before and name in after):
            yield f"{label}: {_words(old)} → {_words(new)}"
        else:
            yield f"{label}: {_words(new if name in after else old)}"


def _mapping(value: Any) -> Mapping[str, Any]:
    return value if isinstance(value, dict) else {}


def _words(value: Any) -> str:
    if isinstance(value, bool):
        return "yes" if value else "no"
    if isinstance(value, list):
        return ", ".join(_words(each) for each in value) or "none"
    if _MOMENT.match(str(value)):
        return moment(parse_datetime(str(value)))
    return "none" if value in (None, "") else str(value)
