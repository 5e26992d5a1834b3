"""Reads form-encoded parameters, and refuses what Stripe would refuse.

What an endpoint knows is read from the parameter types of the SDK. What the fake makes
something of is a part of that; the rest is refused with 501, never dropped silently.
"""

import decimal
import functools
import re
import types
import typing
from collections.abc import Iterable, Mapping
from typing import Any
from urllib.parse import parse_qsl

from stripe._request_options import RequestOptions
from typing_extensions import is_typeddict

from tests.fakes.stripe import errors

METADATA_KEYS, METADATA_KEY, METADATA_VALUE = 50, 40, 500
GONE = {
    ("PaymentIntentCreateParams", "payment_method_types"): (
        "payment_method_types_no_longer_supported"
    ),
}
"""Parameters of earlier API versions that have an error code of their own."""

_ELSEWHERE = {"StripeContext": object, "Mapping": Mapping}
"""Names that the SDK's own modules import for type checkers only."""


def nested(form: str) -> dict[str, Any]:
    """Return ``a[b][0]=c`` as dicts and lists of strings."""
    root: dict[str, Any] = {}
    for name, text in parse_qsl(form, keep_blank_values=True):
        first, *rest = re.findall(r"[^\[\]]+|(?<=\[)(?=\])", name) or [name]
        place, keys = root, [first, *rest]
        for key in keys[:-1]:
            place = place.setdefault(key, {})
            if not isinstance(place, dict):
                raise errors.parameter("Invalid request: malformed parameters", name)
        last = keys[-1] if keys[-1] else str(len(place))
        place[last] = text
    return {name: _listed(value) for name, value in root.items()}


def _listed(value: Any) -> Any:
    if not isinstance(value, dict):
        return value
    inside = {key: _listed(each) for key, each in value.items()}
    places = [str(number) for number in range(len(inside))]
    if inside and sorted(inside, key=str) == sorted(places):
        return [inside[place] for place in places]
    return inside


def checked(params: Mapping[str, Any], known: type, takes: str = "") -> dict[str, Any]:
    """Return the parameters with their types.

    Raise ``Refused`` for what Stripe does not know or would not read, and for what
    the fake does not do: ``takes`` names it, as ``line_items.price metadata``.
    """
    read = _object(params, known, "")
    taken = {"expand", *takes.split()}
    for path in _paths(read):
        if not any(path == each or path.startswith(f"{each}.") for each in taken):
            raise errors.not_faked(f"`{path}`")
    return read


def _paths(value: Any, path: str = "") -> Iterable[str]:
    if isinstance(value, dict) and value:
        for key, each in value.items():
            yield from _paths(each, f"{path}.{key}".lstrip("."))
    elif isinstance(value, list):
        for each in value:
            yield from _paths(each, path)
    elif path:
        yield path


@functools.cache
def _fields(known: type) -> dict[str, Any]:
    hints = typing.get_type_hints(known, localns=_ELSEWHERE)
    own = RequestOptions.__annotations__
    return {name: hint for name, hint in hints.items() if name not in own}


def _object(params: Any, known: type, path: str) -> dict[str, Any]:
    if not isinstance(params, dict):
        raise errors.parameter("Invalid object", path)
    fields = _fields(known)
    read = {}
    for name, value in params.items():
        place = f"{path}[{name}]" if path else name
        if name not in fields:
            raise errors.parameter(
                f"Received unknown parameter: {place}",
                place,
                GONE.get((known.__name__, name), "parameter_unknown"),
            )
        read[name] = _value(value, fields[name], place)
    required: frozenset[str] = getattr(known, "__required_keys__", frozenset())
    for name in sorted(required & fields.keys() - read.keys()):
        raise errors.required(f"{path}[{name}]" if path else name)
    return read


def _value(value: Any, hint: Any, path: str) -> Any:
    options = _options(hint)
    if value == "":
        if any("" in typing.get_args(each) for each in options):
            return ""
        raise errors.parameter(
            f"You passed an empty string for '{path}'. We assume empty values are an "
            f"attempt to unset a parameter; however '{path}' cannot be unset. You "
            f"should remove '{path}' from your request or supply a non-empty value.",
            path,
            "parameter_invalid_empty",
        )
    if isinstance(value, dict):
        return _of_dict(value, options, path)
    if isinstance(value, list):
        return _of_list(value, options, path)
    return _of_text(value, options, path)


def _options(hint: Any) -> list[Any]:
    if typing.get_origin(hint) in (typing.Union, types.UnionType):
        return [each for each in typing.get_args(hint) if each is not type(None)]
    return [hint]


def _of_dict(value: dict[str, Any], options: list[Any], path: str) -> dict[str, Any]:
    for option in options:
        if is_typeddict(option):
            return _object(value, option, path)
    if any(typing.get_origin(option) is dict for option in options):
        return _metadata(value, path)
    raise errors.parameter(f"Invalid {path}: a hash was not expected", path)


def _of_list(value: list[Any], options: list[Any], path: str) -> list[Any]:
    for option in options:
        if typing.get_origin(option) is list:
            (inner,) = typing.get_args(option)
            return [
                _value(each, inner, f"{path}[{number}]")
                for number, each in enumerate(value)
            ]
    if any(typing.get_origin(option) is dict for option in options):
        keyed = {str(number): each for number, each in enumerate(value)}
        return _metadata(keyed, path)  # type: ignore[return-value]
    raise errors.parameter(f"Invalid {path}: an array was not expected", path)


def _metadata(value: dict[str, Any], path: str) -> dict[str, Any]:
    if len(value) > METADATA_KEYS:
        raise errors.parameter(
            f"Metadata can have up to {METADATA_KEYS} keys, but you passed in "
            f"{len(value)}.",
            path,
        )
    for key, text in value.items():
        if not isinstance(text, str):
            raise errors.parameter("Metadata values must be strings", f"{path}[{key}]")
        for what, most, given in (
            ("keys", METADATA_KEY, key),
            ("values", METADATA_VALUE, text),
        ):
            if len(given) > most:
                raise errors.parameter(
                    f"Metadata {what} can have up to {most} characters, but you "
                    f"passed in one that is {len(given)} characters.",
                    f"{path}[{key}]",
                )
    return value


def _of_text(text: str, options: list[Any], path: str) -> Any:
    literals = [each for each in options if typing.get_origin(each) is typing.Literal]
    named = [name for each in literals for name in typing.get_args(each) if name]
    if text in named:
        return text
    if bool in options and text in ("true", "false"):
        return text == "true"
    if int in options:
        return _integer(text, path)
    if float in options or decimal.Decimal in options:
        return _decimal(text, path)
    if named:
        *others, last = named
        choice = f"{', '.join(others)}, or {last}" if others else last
        raise errors.parameter(f"Invalid {path}: must be one of {choice}", path)
    if str not in options:
        shape = "boolean" if bool in options else "array or object"
        raise errors.parameter(f"Invalid {shape}: {text}", path)
    return text


def _integer(text: str, path: str) -> int:
    if not re.fullmatch(r"-?\d{1,18}", text):
        raise errors.parameter(
            f"Invalid integer: {text}", path, "parameter_invalid_integer"
        )
    return int(text)


def _decimal(text: str, path: str) -> str:
    if not re.fullmatch(r"-?\d+(\.\d{1,12})?", text):
        raise errors.parameter(f"Invalid decimal: {text}", path)
    return text
