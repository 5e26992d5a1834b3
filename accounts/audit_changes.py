"""What changed in a row: its columns and links before, and after."""

from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from typing import Any, Final

from django.db.models import ForeignKey, ManyToManyField, Model

Snapshot = Mapping[str, Any]
_EMPTY: Final[tuple[object, ...]] = (None, "", [], {}, frozenset())


@dataclass(frozen=True, slots=True, kw_only=True)
class Changes:
    """The columns that differ, as people read them."""

    before: dict[str, Any]
    after: dict[str, Any]

    def __bool__(self) -> bool:
        """Say whether anything differs."""
        return bool(self.before or self.after)


NOTHING: Final = Changes(before={}, after={})


def snapshot(row: Model) -> Snapshot:
    """Return a row as the database has it now; empty for one that it does not have."""
    fresh = type(row)._base_manager.filter(pk=row.pk).first()
    return {} if fresh is None else values_of(fresh)


def values_of(row: Model) -> Snapshot:
    """Return a saved row's columns, and the keys of what it is linked to."""
    values = {
        field.name: field.value_from_object(row) for field in row._meta.concrete_fields
    }
    links: Iterable[Any] = row._meta.many_to_many
    for field in links:
        if field.remote_field.through._meta.auto_created:  # else it has rows of its own
            linked = getattr(row, field.name).values_list("pk", flat=True)
            values[field.name] = frozenset(linked)
    return values


def between(model: type[Model], before: Snapshot, after: Snapshot) -> Changes:
    """Return what differs between two looks at a row, one of which may be empty.

    Of a row that was added or deleted, what was in it; of its links, those that came
    and those that went.
    """
    was: dict[str, Any] = {}
    now: dict[str, Any] = {}
    for name in before or after:
        field: Any = model._meta.get_field(name)
        old, new = before.get(name), after.get(name)
        if old == new or field.primary_key:
            continue
        if isinstance(field, ManyToManyField):
            old, new = _apart(old), _apart(new)
            old, new = old - new, new - old
        if before and (after or old not in _EMPTY):
            was[name] = _told(field, old)
        if after and (before or new not in _EMPTY):
            now[name] = _told(field, new)
    return Changes(before=was, after=now)


def _apart(keys: frozenset[Any] | None) -> frozenset[Any]:
    return frozenset() if keys is None else keys


def _told(field: Any, value: Any) -> Any:
    """Return a column's value; of links, what they lead to, by its name."""
    if isinstance(field, ManyToManyField):
        rows = field.remote_field.model._base_manager.filter(pk__in=value)
        return sorted(str(row) for row in rows)
    if isinstance(field, ForeignKey) and value is not None:
        to_field = field.target_field.name
        row = field.remote_field.model._base_manager.filter(**{to_field: value}).first()
        return str(row or value)
    return value
