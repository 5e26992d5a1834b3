"""Rows that are only ever added. On PostgreSQL triggers refuse as well."""

from typing import Any, NoReturn, TypeVar

from django.db import models

RowT = TypeVar("RowT", bound=models.Model)


class AppendOnly(Exception):
    """Somebody tried to change or delete what is only ever added to."""

    def __init__(self) -> None:
        super().__init__("These rows are never changed or deleted; add another.")


class AppendOnlyQuerySet(models.QuerySet[RowT]):
    """Refuses to change rows."""

    def update(self, **kwargs: Any) -> NoReturn:
        """Raise ``AppendOnly``."""
        raise AppendOnly

    def delete(self) -> NoReturn:
        """Raise ``AppendOnly``."""
        raise AppendOnly


class AppendOnlyModel(models.Model):
    """A row that is added once and stays as it is."""

    class Meta:
        abstract = True

    def save(self, *args: Any, **kwargs: Any) -> None:
        """Add the row. Raise ``AppendOnly`` if it is there already."""
        if not self._state.adding:
            raise AppendOnly
        super().save(*args, **kwargs)

    def delete(self, *args: Any, **kwargs: Any) -> NoReturn:
        """Raise ``AppendOnly``."""
        raise AppendOnly
