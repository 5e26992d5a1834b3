"""Writes the audit log. What signs somebody in, and what people asked for, stays out.

Call ``record`` in the transaction that does what it tells of: both happen, or neither.
Only what another service does, and each request of a look, stand apart from their act.
"""

import json
from collections.abc import Collection, Mapping
from typing import Any, Final

from django.core.serializers.json import DjangoJSONEncoder
from django.db.models import Model

from accounts.models import AuditEntry, User
from accounts.models.audit import FORGOTTEN
from accounts.privacy import is_private, is_secret

THE_SITE: Final = "the site"
"""Who did what nobody pressed a button for."""
HIDDEN: Final = "(secret)"
NOT_KEPT: Final = "(not kept)"
_LONGEST_TEXT: Final = 500
_LONGEST_JSON: Final = 2000


def record(
    action: AuditEntry.Action,
    target: Model,
    *,
    actor: User | None = None,
    person: User | None = None,
    before: Mapping[str, object] | None = None,
    after: Mapping[str, object] | None = None,
    reason: str = "",
    is_nameless: bool = False,
) -> AuditEntry:
    """Write down who did what to a row, and return the entry.

    Without an ``actor`` it was the site itself. ``person`` is whom it concerns; left
    out, the row's own ``user`` or ``owner``. ``before`` and ``after`` hold the changed
    columns alone; of a column that is secret or private, by its name, only that it
    changed is kept. Texts that are too long are cut. ``is_nameless`` keeps the row's key
    alone: it is a person's who goes.
    """
    return AuditEntry.objects.create(
        actor=actor,
        actor_name=actor.email if actor else THE_SITE,
        action=action,
        target_type=target._meta.label_lower,
        target_pk=str(target.pk),
        target_text=FORGOTTEN if is_nameless else _cut(str(target), 200),
        person_id=person.pk if person else _person_of(target),
        before=_kept(before or {}),
        after=_kept(after or {}),
        reason=_cut(reason, _LONGEST_TEXT),
    )


def forget(user: User, addresses: Collection[str] = ()) -> None:
    """Strike out of the log who somebody was whose account goes.

    ``addresses`` are those they had beside the one of their account. Reads the whole
    log, and may be repeated.
    """
    AuditEntry.objects.strike_out(user.pk, {user.email, *addresses})


def _person_of(target: Model) -> int | None:
    """Return the key of whom a row belongs to, if it is anybody's."""
    if isinstance(target, User):
        return target.pk
    keys = (getattr(target, name, None) for name in ("user_id", "owner_id"))
    return next((key for key in keys if isinstance(key, int)), None)


def _kept(columns: Mapping[str, object]) -> dict[str, Any]:
    return {name: _kept_value(name, value) for name, value in columns.items()}


def _kept_value(name: str, value: object) -> Any:
    if is_secret(name):
        return HIDDEN if value else ""
    if is_private(name):
        return NOT_KEPT if value else ""
    if isinstance(value, Mapping):
        return _short(
            {str(key): _kept_value(str(key), each) for key, each in value.items()}
        )
    if isinstance(value, list | tuple | set | frozenset):
        return _short([_kept_value("", each) for each in value])
    if value is None or isinstance(value, bool | int | float):
        return value
    return _cut(_text(value), _LONGEST_TEXT)


def _text(value: object) -> str:
    """Return a value as text: moments and the like as JSON has them, without quotes."""
    try:
        return str(DjangoJSONEncoder().default(value))
    except TypeError:
        return str(value)


def _short(value: Any) -> Any:
    """Return a list or a mapping, or its beginning as text where it is too long."""
    text = json.dumps(value, ensure_ascii=False)
    return value if len(text) <= _LONGEST_JSON else _cut(text, _LONGEST_JSON)


def _cut(text: str, longest: int) -> str:
    """Return a text without what no database keeps, cut to so many characters."""
    text = text.replace("\x00", "")
    return text if len(text) <= longest else f"{text[: longest - 1]}…"
