"""Keys that an address or a form names: made-up ones must not reach the database."""

import re
from typing import Any, Final

from django.contrib.admin.helpers import ACTION_CHECKBOX_NAME
from django.core.exceptions import FieldDoesNotExist, ValidationError
from django.db.models import Model
from django.http import HttpRequest

_ROW_OF_LIST: Final = re.compile(r"form-\d+-(.+)")


def is_key_of(model: type[Model], value: str) -> bool:
    """Say whether a row could have this key, whether or not one has."""
    try:
        model._meta.pk.clean(value, None)
    except ValidationError:
        return False
    return True


def known_initial(model: type[Model], initial: dict[str, Any]) -> dict[str, Any]:
    """Return what a form begins with, without links to rows that cannot be."""
    return {
        name: value for name, value in initial.items() if _may_begin(model, name, value)
    }


def names_wrong_rows(request: HttpRequest, model: type[Model]) -> bool:
    """Say whether a form of a list came with keys that no row could have."""
    key = model._meta.pk.name
    typed = [
        request.POST[name]
        for name in request.POST
        if (row := _ROW_OF_LIST.fullmatch(name)) and row[1] == key
    ]
    chosen = request.POST.getlist(ACTION_CHECKBOX_NAME)
    return not all(is_key_of(model, value) for value in (*chosen, *typed))


def _may_begin(model: type[Model], name: str, value: Any) -> bool:
    try:
        linked = model._meta.get_field(name).related_model
    except FieldDoesNotExist:
        return True
    if not isinstance(linked, type):
        return True
    values = value if isinstance(value, list) else [value]
    return all(is_key_of(linked, str(each)) for each in values)
