"""Small tables on our own pages of the admin."""

from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from datetime import datetime

from django.utils import timezone
from django.utils.formats import date_format


@dataclass(frozen=True, slots=True, kw_only=True)
class Cell:
    """A value under its column's name."""

    column: str
    value: object
    is_number: bool


@dataclass(frozen=True, slots=True, kw_only=True)
class Table:
    """Rows under columns; the names of columns of numbers end in ``#``.

    ``more`` is the address of the whole list, ``empty`` what stands there without rows.
    """

    title: str
    columns: Sequence[str]
    rows: Sequence[Sequence[object]]
    empty: str = "None."
    more: str = ""

    @property
    def heads(self) -> list[Cell]:
        """Return the columns' names."""
        return list(self._cells(self.columns))

    @property
    def lines(self) -> list[list[Cell]]:
        """Return the rows, each value with its column's name."""
        return [list(self._cells(row)) for row in self.rows]

    def _cells(self, values: Sequence[object]) -> Iterator[Cell]:
        for column, value in zip(self.columns, values, strict=True):
            name = column.removesuffix("#")
            shown = name if value is column else value
            yield Cell(column=name, value=shown, is_number=name != column)


def moment(when: datetime | None) -> str:
    """Return a moment as the admin's tables show it; a dash for none."""
    return date_format(timezone.localtime(when), "j M Y, H:i") if when else "-"
