"""Rows as CSV that a spreadsheet shows and never runs."""

import csv
from collections.abc import Iterable, Iterator, Sequence

_BEGINS_A_FORMULA = ("=", "+", "-", "@", "\t", "\r", "\n", "|", "%")


def csv_lines(rows: Iterable[Sequence[str | int]]) -> Iterator[str]:
    """Yield each row as a line. Whole numbers stay numbers, texts stay texts.

    A text that a spreadsheet might take for a formula gets an apostrophe in front, as
    OWASP's page on CSV injection advises.
    """
    writer = csv.writer(_Echo())
    for row in rows:
        yield writer.writerow([_cell(value) for value in row])


def _cell(value: str | int) -> str | int:
    if isinstance(value, str) and value.lstrip(" ").startswith(_BEGINS_A_FORMULA):
        return f"'{value}"
    return value


class _Echo:
    """A file that gives back what is written to it."""

    def write(self, text: str) -> str:
        return text
