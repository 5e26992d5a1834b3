"""Frozen records to plain JSON and back, checked on the way in.

JSON becomes a record as soon as it arrives (from the database, a catalogue file or a
folder's description), so that the rest of the site never handles loose mappings.
"""

import enum
import math
import types
from collections.abc import Callable, Mapping, Sequence
from dataclasses import MISSING, Field, fields, is_dataclass
from typing import Any, TypeVar, get_args, get_origin, get_type_hints

RecordT = TypeVar("RecordT")


def to_json(record: object) -> dict[str, Any]:
    """Return a record's fields as plain JSON values; bytes are not allowed in it."""
    assert is_dataclass(record)  # noqa: S101 (a slip of ours, not of the input)
    return {each.name: _plain(getattr(record, each.name)) for each in fields(record)}


def from_json(kind: type[RecordT], value: object, *, path: str = "") -> RecordT:
    """Build a record from JSON, or raise ``ValueError`` naming the field at fault.

    Unknown keys are refused, so that a slip in a reviewed file is found. A field that
    is left out takes its default.
    """
    if not isinstance(value, Mapping):
        raise ValueError(f"{path or kind.__name__}: expected an object, got {value!r}")
    known: dict[str, Field[Any]] = {each.name: each for each in fields(kind)}  # type: ignore[arg-type]
    if unknown := sorted(str(key) for key in value if key not in known):
        raise ValueError(f"{path or kind.__name__}: unknown {', '.join(unknown)}")
    hints = get_type_hints(kind)
    given = {}
    for name, each in known.items():
        where = f"{path}.{name}" if path else name
        if name in value:
            given[name] = _typed(hints[name], value[name], where)
        elif each.default is MISSING and each.default_factory is MISSING:
            raise ValueError(f"{where}: is missing")
    return kind(**given)


def _plain(value: Any) -> Any:
    if isinstance(value, enum.Enum):
        return value.value
    if is_dataclass(value):
        return to_json(value)
    if isinstance(value, tuple | list):
        return [_plain(each) for each in value]
    if isinstance(value, bytes):
        raise TypeError("bytes have no place in JSON")
    return value


def _typed(hint: Any, value: object, path: str) -> Any:
    if isinstance(hint, types.UnionType):
        return _optional(hint, value, path)
    if get_origin(hint) is tuple:
        return _tuple(get_args(hint)[0], value, path)
    if is_dataclass(hint):
        return from_json(hint, value, path=path)  # type: ignore[arg-type]
    if issubclass(hint, enum.Enum):
        return _member(hint, value, path)
    expected, is_right = _SCALARS[hint]
    return hint(_checked(value, is_right(value), path=path, expected=expected))


def _optional(hint: types.UnionType, value: object, path: str) -> Any:
    if value is None:
        return None
    (only,) = (each for each in get_args(hint) if each is not types.NoneType)
    return _typed(only, value, path)


def _tuple(hint: Any, value: object, path: str) -> tuple[Any, ...]:
    is_list = isinstance(value, Sequence) and not isinstance(value, str | bytes)
    items = _checked(value, is_list, path=path, expected="a list")
    return tuple(_typed(hint, each, f"{path}[{i}]") for i, each in enumerate(items))


def _member(hint: type[enum.Enum], value: object, path: str) -> enum.Enum:
    allowed = {each.value: each for each in hint}
    is_known = isinstance(value, str) and value in allowed
    expected = f"one of {', '.join(allowed)}"
    return allowed[_checked(value, is_known, path=path, expected=expected)]


def _checked(value: Any, is_right: bool, *, path: str, expected: str) -> Any:
    if not is_right:
        raise ValueError(f"{path}: expected {expected}, got {value!r:.80}")
    return value


def _is_int(value: object) -> bool:
    return isinstance(value, int) and not isinstance(value, bool)


def _is_number(value: object) -> bool:
    return _is_int(value) or (isinstance(value, float) and math.isfinite(value))


_SCALARS: dict[type, tuple[str, Callable[[object], bool]]] = {
    bool: ("true or false", lambda value: isinstance(value, bool)),
    int: ("a whole number", _is_int),
    float: ("a number", _is_number),
    str: ("text", lambda value: isinstance(value, str)),
}
