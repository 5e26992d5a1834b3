"""Finds an e-mail address as a whole in what was kept: never as a part of another.

``al@example.org`` stands neither in ``hal@example.org`` nor in ``al@example.org.uk``.
"""

import json
import re
from collections.abc import Collection, Iterator
from typing import Any, Final

from django.db.models import Q, QuerySet

_NO_LONGER_BEFORE: Final = r"(?<![\w.!#$%&*+/=?^`{|}~-])(?<!\w')"
"""What may stand in an address before the @ (RFC 5321); a quotation mark may precede."""
_NO_LONGER_AFTER: Final = r"(?![\w-]|\.\w)"
_SAME_IN_JSON: Final = re.compile(r"[!#-\[\]-~]+")
"""Runs of characters that databases fold, and JSON keeps, as they are."""
_AT_ONCE: Final = 500


def pattern_of(addresses: Collection[str]) -> re.Pattern[str]:
    """Return a pattern that finds any of these addresses, in capitals or not."""
    any_of_them = "|".join(re.escape(each) for each in addresses if each) or r"(?!)"
    whole = f"{_NO_LONGER_BEFORE}(?:{any_of_them}){_NO_LONGER_AFTER}"
    return re.compile(whole, re.IGNORECASE)


def is_named(pattern: re.Pattern[str], value: object) -> bool:
    """Say whether a text, or any text inside of JSON, names one of the addresses."""
    return any(map(pattern.search, _texts(value)))


def keys_naming(
    rows: QuerySet[Any], columns: Collection[str], addresses: Collection[str]
) -> list[int]:
    """Return the keys of the rows that name one of the addresses in these columns."""
    maybe = Q(pk__in=())
    for address in filter(None, addresses):
        for column in columns:
            maybe |= Q(**{f"{column}__icontains": _same_everywhere(address)})
    pattern = pattern_of(addresses)
    found = rows.filter(maybe).order_by("pk").values_list("pk", *columns)
    return [
        key
        for key, *values in found.iterator(chunk_size=_AT_ONCE)
        if is_named(pattern, values)
    ]


def _same_everywhere(address: str) -> str:
    """Return the longest part that no database stores or folds in a way of its own.

    SQLite folds ASCII alone, and its JSON is stored with everything else escaped.
    """
    return max(_SAME_IN_JSON.findall(address), key=len, default="")


def _texts(value: object) -> Iterator[str]:
    """Yield every text of a value, out of the JSON that holds it."""
    if isinstance(value, dict):
        for name, each in value.items():
            yield str(name)
            yield from _texts(each)
    elif isinstance(value, list | tuple):
        for each in value:
            yield from _texts(each)
    elif isinstance(value, str):
        yield value
        if value.startswith(("[", "{")):
            yield from _texts_of_json(value)


def _texts_of_json(text: str) -> Iterator[str]:
    """Yield what is escaped in a text that is JSON, as Django's own log keeps it."""
    try:
        value = json.loads(text)
    except ValueError:
        return
    if not isinstance(value, str):
        yield from _texts(value)
