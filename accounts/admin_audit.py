"""Writes into the audit log what changes in the admin. ``QuickAdmin`` calls it."""

from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from typing import Any, Final

from django.db.models import Model
from django.http import HttpRequest

from accounts import audit
from accounts.audit_changes import (
    NOTHING,
    Changes,
    Snapshot,
    between,
    snapshot,
    values_of,
)
from accounts.models import AuditEntry
from accounts.requests import person

Action = AuditEntry.Action
# Kept on the row itself: the admin hands the same one from its look-up to its log.
_WAS: Final = "_audit_was"
_PARTS: Final = "_audit_parts"


def remember(row: Model) -> None:
    """Keep how a row is in the database, before it is changed."""
    vars(row).setdefault(_WAS, snapshot(row))


@contextmanager
def parts_remembered(row: Model, formset: Any) -> Iterator[None]:
    """Keep how the rows of an inline were, and what became of them, on their parent."""
    were = {
        (form.instance, form.instance.pk): snapshot(form.instance)
        for form in formset.initial_forms
        if form.has_changed() or form in formset.deleted_forms
    }
    yield
    parts = _parts_of(row)
    for (part, pk), was in were.items():
        model = type(part)
        now = model._base_manager.filter(pk=pk).first()
        changes = between(model, was, values_of(now) if now else {})
        _add_part(parts, f"{model._meta.verbose_name} {pk}", changes)
    for part in formset.new_objects:
        name = f"{part._meta.verbose_name} {part.pk}"
        _add_part(parts, name, between(type(part), {}, snapshot(part)))


def added(request: HttpRequest, row: Model) -> None:
    """Write down that a row was added, with its inlines."""
    changes = _with_parts(row, between(type(row), {}, snapshot(row)))
    _write(Action.ADD, request, row, changes=changes)


def changed(request: HttpRequest, row: Model, message: Any) -> None:
    """Write down what changed in a row: its columns, if ``remember`` saw it, and words.

    Words come from pages of ours, and are always kept; a form's own message is none, so
    a form that changed nothing leaves nothing.
    """
    was: Snapshot | None = vars(row).pop(_WAS, None)
    words = message if isinstance(message, str) else ""
    changes = NOTHING if was is None else between(type(row), was, snapshot(row))
    changes = _with_parts(row, changes)
    if changes or words or was is None:
        _write(Action.CHANGE, request, row, changes=changes, reason=words)


def deleted(request: HttpRequest, row: Model, with_it: Mapping[str, int]) -> None:
    """Write down what was in a row that is about to be deleted.

    ``with_it`` counts the rows of other tables that go with it.
    """
    changes = between(type(row), values_of(row), {})
    if with_it:
        changes.before["with it"] = [f"{n} {name}" for name, n in with_it.items()]
    _write(Action.DELETE, request, row, changes=changes)


def _write(
    action: Action,
    request: HttpRequest,
    row: Model,
    *,
    changes: Changes,
    reason: str = "",
) -> None:
    audit.record(
        action,
        row,
        actor=person(request),
        before=changes.before,
        after=changes.after,
        reason=reason,
    )


def _parts_of(row: Model) -> Changes:
    parts: Changes = vars(row).setdefault(_PARTS, Changes(before={}, after={}))
    return parts


def _add_part(parts: Changes, name: str, changes: Changes) -> None:
    if changes.before:
        parts.before[name] = changes.before
    if changes.after:
        parts.after[name] = changes.after


def _with_parts(row: Model, changes: Changes) -> Changes:
    parts: Changes | None = vars(row).pop(_PARTS, None)
    if parts is None:
        return changes
    return Changes(
        before=changes.before | parts.before, after=changes.after | parts.after
    )
