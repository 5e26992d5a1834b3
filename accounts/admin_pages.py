"""What every page of the admin shares: quick lists, and people's privacy."""

from collections.abc import Iterable
from typing import Any, ClassVar

from django.conf import settings
from django.contrib import admin, messages
from django.db.models import Model
from django.http import HttpRequest, HttpResponse
from django.shortcuts import redirect
from django.utils.html import format_html_join
from django.utils.safestring import mark_safe
from unfold.admin import ModelAdmin

from accounts import admin_audit, audit
from accounts.admin_keys import known_initial, names_wrong_rows
from accounts.admin_lists import BoundedPaginator, matching
from accounts.audit_changes import NOTHING, Changes
from accounts.models import AuditEntry, User
from accounts.privacy import PRIVATE_COLUMNS
from accounts.requests import person


class QuickAdmin(ModelAdmin):  # type: ignore[misc]
    """A list that stays quick with millions of rows, and a trace of every change.

    ``private`` names fields that staff see only where ``STAFF_SEES_PROMPTS`` is on; they
    are left out of lists and forms, and cannot be filtered by.
    """

    private: ClassVar[tuple[str, ...]] = ()
    list_per_page = 50
    paginator: Any = BoundedPaginator
    show_facets = admin.ShowFacets.NEVER
    show_full_result_count = False
    warn_unsaved_form = True

    def get_fieldsets(self, request: HttpRequest, obj: Model | None = None) -> Any:
        """Leave private fields out of the form."""
        return [
            (title, options | {"fields": self._shown(options["fields"])})
            for title, options in super().get_fieldsets(request, obj)
        ]

    def get_list_display(self, request: HttpRequest) -> Any:
        """Leave private columns out of the list."""
        return self._shown(super().get_list_display(request))

    def get_search_results(
        self, request: HttpRequest, queryset: Any, search_term: str
    ) -> tuple[Any, bool]:
        """Look for words where an index knows them; no row comes twice."""
        fields = self.get_search_fields(request)
        return queryset.filter(matching(self.model, fields, search_term)), False

    def lookup_allowed(
        self, lookup: str, value: str, request: HttpRequest | None = None
    ) -> bool:
        """Refuse to be asked about private columns by a hand-made address."""
        private = PRIVATE_COLUMNS | set(self.private)
        if not settings.STAFF_SEES_PROMPTS and private & set(lookup.split("__")):
            return False
        return bool(super().lookup_allowed(lookup, value, request))

    def get_changeform_initial_data(self, request: HttpRequest) -> dict[str, Any]:
        """Begin with what the address says, but for keys that no row could have."""
        initial = super().get_changeform_initial_data(request)
        return known_initial(self.model, initial)

    def changelist_view(
        self, request: HttpRequest, extra_context: dict[str, Any] | None = None
    ) -> HttpResponse:
        """Show the list, and carry out what is sent from it if its rows could be."""
        if request.method == "POST" and names_wrong_rows(request, self.model):
            messages.error(request, "These rows are not there. Choose them again.")
            return redirect(request.get_full_path())
        response: HttpResponse = super().changelist_view(request, extra_context)
        return response

    def get_object(
        self, request: HttpRequest, object_id: str, from_field: str | None = None
    ) -> Any:
        """Keep how the row was, where it may be about to change."""
        row = super().get_object(request, object_id, from_field)
        if row is not None and request.method == "POST":
            admin_audit.remember(row)
        return row

    def save_form(self, request: HttpRequest, form: Any, change: bool) -> Any:
        """Keep how a row of the list was before it changes."""
        row = super().save_form(request, form, change)
        if change:
            admin_audit.remember(row)
        return row

    def save_formset(
        self, request: HttpRequest, form: Any, formset: Any, change: bool
    ) -> None:
        """Keep what becomes of the rows below."""
        with admin_audit.parts_remembered(form.instance, formset):
            super().save_formset(request, form, formset, change)

    def log_addition(self, request: HttpRequest, obj: Any, message: Any) -> Any:
        """Write it into the audit log as well."""
        admin_audit.added(request, obj)
        return super().log_addition(request, obj, message)

    def log_change(self, request: HttpRequest, obj: Any, message: Any) -> Any:
        """Write it into the audit log as well."""
        admin_audit.changed(request, obj, message)
        return super().log_change(request, obj, message)

    def log_deletions(self, request: HttpRequest, queryset: Any) -> Any:
        """Write it into the audit log as well, with what goes along."""
        for row in queryset:
            counts = dict(self.get_deleted_objects([row], request)[1])
            counts.pop(self.opts.verbose_name_plural, None)
            admin_audit.deleted(request, row, counts)
        return super().log_deletions(request, queryset)

    def log_act(
        self,
        request: HttpRequest,
        row: Model,
        action: AuditEntry.Action,
        *,
        changes: Changes = NOTHING,
        reason: str = "",
    ) -> None:
        """Write an act of a page or an action of ours into both logs.

        Call it in the transaction of the act.
        """
        audit.record(
            action,
            row,
            actor=person(request),
            before=changes.before,
            after=changes.after,
            reason=reason,
        )
        words = f"{action.label}: {reason}" if reason else action.label
        super().log_change(request, row, words)

    def _shown(self, fields: Any) -> list[Any]:
        if settings.STAFF_SEES_PROMPTS:
            return list(fields)
        return [field for field in fields if field not in self.private]


def text_lines(line: str, rows: Iterable[tuple[object, ...]]) -> str:
    """Return a line for each row, filled in and escaped; empty without rows."""
    return format_html_join(mark_safe("<br>"), line, rows)


def may_change_person(request: HttpRequest, person: User | None) -> bool:
    """Say whether this member of staff may change that person at all.

    Staff are for superusers alone: whoever sets another's password has their rights.
    """
    if person is None or request.user.is_superuser:
        return True
    return not (person.is_staff or person.is_superuser)


class RecordAdmin(QuickAdmin):
    """Rows that the site alone writes: staff look at them, nobody edits them.

    They are listed as they came: sorting by anything else would read all of them.
    """

    sortable_by: ClassVar[tuple[str, ...] | None] = ("id",)

    def has_add_permission(self, request: HttpRequest, obj: Any = None) -> bool:
        """Nobody makes them by hand."""
        return False

    def has_change_permission(self, request: HttpRequest, obj: Any = None) -> bool:
        """Nobody changes them by hand."""
        return False

    def has_delete_permission(self, request: HttpRequest, obj: Any = None) -> bool:
        """Nobody deletes them by hand."""
        return False
