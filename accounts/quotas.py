"""Which quotas are in force for a person: of each, what the most specific row says."""

import enum
from collections.abc import Collection, Iterable, Mapping, Sequence
from dataclasses import dataclass
from typing import Final

from django.db.models import Min, Q

from accounts.models import NO_LIMIT, Quota, User

LIMITS: Final = (
    "images_per_day",
    "images_per_month",
    "credits_per_day",
    "credits_per_month",
    "running_jobs",
    "waiting_jobs",
    "storage_mb",
    "longest_side",
    "monthly_credits",
    "ask_above",
)
CHOICES: Final = ("image_models", "operations")


class Scope(enum.IntEnum):
    """Whom a quota is for; the lowest wins."""

    PERSON = 0
    GROUP = 1
    EVERYBODY = 2


@dataclass(frozen=True, slots=True, kw_only=True)
class Rule:
    """One quota in force: a number, or the only names allowed; and where it stands."""

    name: str
    limit: int = 0
    allowed: frozenset[str] = frozenset()
    scope: Scope
    group: str = ""

    @property
    def whose(self) -> str:
        """Return whose limit it is, as it stands before the word."""
        if self.scope is Scope.PERSON:
            return "your"
        if self.scope is Scope.GROUP:
            return f"your group's ({self.group})"
        return "this site's"

    @property
    def scope_words(self) -> str:
        """Return whom it is for, as the admin reads it."""
        if self.scope is Scope.GROUP:
            return f"group {self.group}"
        return "this person" if self.scope is Scope.PERSON else "everybody"

    @property
    def value(self) -> str:
        """Return its number or its names, as the admin reads them."""
        return ", ".join(sorted(self.allowed)) if self.allowed else str(self.limit)


@dataclass(frozen=True, slots=True, kw_only=True)
class Said:
    """What one quota says of one thing: a rule, or that there is no limit."""

    rule: Rule
    is_limit: bool

    @property
    def words(self) -> str:
        """Return its value, as the admin reads it."""
        return self.rule.value if self.is_limit else "no limit"


def rules_of(user: User) -> Mapping[str, Rule]:
    """Return the quotas in force for a person, by name. One query."""
    return rules_of_each([user])[user.pk]


def rules_of_each(
    users: Sequence[User], names: Collection[str] = (*LIMITS, *CHOICES)
) -> dict[int, Mapping[str, Rule]]:
    """Return those in force of these names, by each person's key. One query."""
    rows = _rows_for(users)
    return {user.pk: _rules(names, _in_order(rows, user)) for user in users}


def explain(user: User) -> Mapping[str, Sequence[Said]]:
    """Return what each quota that concerns a person says, by name. One query.

    Of each name the first counts; the others would, were it not for those before them.
    """
    rows = _in_order(_rows_for([user]), user)
    found = {
        name: [
            Said(rule=_built(name, row), is_limit=getattr(row, name) != NO_LIMIT)
            for row in rows
            if getattr(row, name) is not None
        ]
        for name in (*LIMITS, *CHOICES)
    }
    return {name: said for name, said in found.items() if said}


def running_limits(users: Sequence[User]) -> dict[int, int]:
    """Return how many jobs each of these people may have drawn at once, if limited."""
    found = rules_of_each(users, ["running_jobs"])
    return {pk: rules["running_jobs"].limit for pk, rules in found.items() if rules}


def smallest_limits(names: Collection[str]) -> dict[str, int]:
    """Return the smallest limit above 0 that anybody has by each name. One query."""
    found = Quota.objects.aggregate(
        **{name: Min(name, filter=Q(**{f"{name}__gt": 0})) for name in names}
    )
    return {name: limit for name, limit in found.items() if limit is not None}


def has_running_limits(*, lock: bool = False) -> bool:
    """Say whether anybody's jobs at once are limited; ``lock`` holds others who ask so."""
    rows = Quota.objects.filter(running_jobs__gte=0).order_by("pk")
    if lock:
        rows = rows.select_for_update()
    return bool(list(rows.values_list("pk", flat=True)))


def _rows_for(users: Sequence[User]) -> list[Quota]:
    groups = {user.group_id for user in users if user.group_id is not None}
    everybody = Q(user__isnull=True, group__isnull=True)
    rows = Quota.objects.filter(everybody | Q(user__in=users) | Q(group__in=groups))
    return list(rows.select_related("group"))


def _in_order(rows: Iterable[Quota], user: User) -> list[Quota]:
    """Return the rows that concern a person, the most specific first."""
    own = (
        row
        for row in rows
        if row.user_id in {None, user.pk} and row.group_id in {None, user.group_id}
    )
    return sorted(own, key=_scope)


def _rules(names: Iterable[str], rows: Sequence[Quota]) -> Mapping[str, Rule]:
    found = (_rule(name, rows) for name in names)
    return {rule.name: rule for rule in found if rule is not None}


def _rule(name: str, rows: Iterable[Quota]) -> Rule | None:
    """Return what the first row that says anything says; ``None`` for no limit."""
    for row in rows:
        value = getattr(row, name)
        if value is None:
            continue
        if value == NO_LIMIT:
            return None
        return _built(name, row)
    return None


def _built(name: str, row: Quota) -> Rule:
    """Return what a row says of one thing, as a rule."""
    value = getattr(row, name)
    group = row.group.name if row.group is not None else ""
    if name in CHOICES:
        allowed = frozenset(value)
        return Rule(name=name, allowed=allowed, scope=_scope(row), group=group)
    return Rule(name=name, limit=value, scope=_scope(row), group=group)


def _scope(row: Quota) -> Scope:
    if row.user_id is not None:
        return Scope.PERSON
    return Scope.EVERYBODY if row.group_id is None else Scope.GROUP
