"""What keeps the admin's lists quick with millions of rows.

Rows are counted up to a bound, and words are looked for where an index knows them.
"""

import uuid
from collections.abc import Sequence
from typing import Any, Final

from django.core.paginator import Paginator
from django.db.models import Field, Model, Q, UUIDField
from django.db.models.constants import LOOKUP_SEP
from django.utils.functional import cached_property

COUNTED_TO: Final = 10_000
MOST_OWNERS: Final = 200
"""Of how many people, whose address begins with what is looked for, rows are found."""


class AtLeast(int):
    """A number that may be higher, and says so wherever it is written: ``10,000+``."""

    def __str__(self) -> str:
        return f"{int(self):,}+"


class BoundedPaginator(Paginator):  # type: ignore[type-arg]
    """Counts no further than ``COUNTED_TO``; what is older is found by looking for it."""

    @cached_property
    def count(self) -> int:
        """Count the rows, as far as it goes."""
        rows: Any = self.object_list
        counted: int = rows.order_by()[: COUNTED_TO + 1].count()
        return AtLeast(COUNTED_TO) if counted > COUNTED_TO else counted


def matching(model: type[Model], search_fields: Sequence[str], words: str) -> Q:
    """Return a condition for rows of which each word fits one of the fields.

    Fields are written as Django's ``search_fields`` are. One of another table is looked
    up there first, so that no join walks over all rows; what begins with a word is
    looked for as it is typed or in lower case, where there is an index to find it by.
    """
    condition = Q()
    for word in words.split():
        of_word = Q(pk__in=[])
        for field in search_fields:
            of_word |= _matching(
                model, field.lstrip("^=").split(LOOKUP_SEP), field, word
            )
        condition &= of_word
    return condition


def _matching(model: type[Model], path: Sequence[str], spec: str, word: str) -> Q:
    name, *rest = path
    field: Any = model._meta.get_field(name)
    if field.related_model is None:
        return _own(field, spec, word)
    there = _matching(field.related_model, rest, spec, word)
    rows = field.related_model._base_manager.filter(there)
    keys = list(rows.order_by().values_list("pk", flat=True)[:MOST_OWNERS])
    return Q(**{f"{name}__in": keys})


def _own(field: "Field[Any, Any]", spec: str, word: str) -> Q:
    """Return a condition for a column of the table itself."""
    name = field.name
    if isinstance(field, UUIDField):
        try:
            return Q(**{name: uuid.UUID(word)})
        except ValueError:
            return Q(pk__in=[])
    if spec.startswith("^") and field.unique:
        lower = Q(**{f"{name}__startswith": word.lower()})
        return lower | Q(**{f"{name}__startswith": word})
    if spec.startswith("^"):
        return Q(**{f"{name}__istartswith": word})
    if spec.startswith("="):
        return Q(**{f"{name}__iexact": word})
    return Q(**{f"{name}__icontains": word})
