"""Who is near a quota: found by what was used, never by asking for each person.

Only those who have used most of the smallest limit that anybody has are looked at.
"""

from collections.abc import Collection, Mapping, Sequence
from dataclasses import dataclass
from typing import Any, Final

from django.db.models import Count, Q, Sum

from accounts.models import User
from accounts.quotas import Rule, rules_of_each, smallest_limits
from accounts.site_days import day_began, month_began
from generators.models import GenerationJob
from generators.quota_checks import TITLES
from generators.usage import MEGABYTE, NEARLY, SUMS, Used
from magicshot.dashboard.storage import Shelf

LOOKED_AT: Final = 200
"""People at most who are compared with their own quotas, of each kind of quota."""

SHOWN: Final = 10

UsedBy = dict[int, dict[str, int]]


@dataclass(frozen=True, slots=True, kw_only=True)
class Near:
    """Somebody who has used 80 % of a quota or more."""

    owner: int
    used: Used

    @property
    def title(self) -> str:
        """Return which quota it is, in words."""
        return TITLES[self.used.rule.name]

    @property
    def percent(self) -> int:
        """Return how much of it is used, above 100 where it was lowered since."""
        return 100 * self.used.used // self.used.rule.limit


def near_limits(heaviest: Sequence[Shelf]) -> list[Near]:
    """Return who is nearest to a quota, the fullest first.

    ``heaviest`` are the people with the most bytes, the heaviest first.
    """
    smallest = smallest_limits(TITLES)
    if not smallest:
        return []
    used: UsedBy = {}
    _note(used, _of_jobs(smallest))
    _note(used, _waiting(smallest))
    _note(used, _stored(smallest, heaviest))
    people = list(User.objects.filter(pk__in=used))
    rules = rules_of_each(people, smallest)
    found = [
        Near(owner=person.pk, used=Used(rule=rule, used=number))
        for person in people
        for name, number in used[person.pk].items()
        if (rule := _limiting(rules[person.pk], name))
    ]
    near = (each for each in found if each.used.is_nearly_used)
    return sorted(near, key=lambda each: each.percent, reverse=True)[:SHOWN]


def _limiting(rules: Mapping[str, Rule], name: str) -> Rule | None:
    """Return somebody's rule, unless there is none or it allows nothing at all."""
    rule = rules.get(name)
    return rule if rule is not None and rule.limit > 0 else None


def _note(used: UsedBy, more: UsedBy) -> None:
    for owner, numbers in more.items():
        used.setdefault(owner, {}).update(numbers)


def _of_jobs(smallest: Mapping[str, int]) -> UsedBy:
    """Return what people asked for this month and today, by the quota's name."""
    month, day = month_began(), day_began()
    sums: dict[str, Any] = {}
    for name, expression in SUMS.items():
        today = Q(created_at__gte=day)
        sums[f"{name}_per_month"] = Sum(expression, default=0)
        sums[f"{name}_per_day"] = Sum(expression, filter=today, default=0)
    wanted = {name: sums[name] for name in sums if name in smallest}
    if not wanted:
        return {}
    since = month if any("month" in name for name in wanted) else day
    # What was asked for since has ended since, or has not ended: both are in an index.
    jobs = GenerationJob.objects.filter(
        Q(finished_at__gte=since) | Q(finished_at__isnull=True), created_at__gte=since
    )
    return _those_near(jobs, wanted, smallest)


def _waiting(smallest: Mapping[str, int]) -> UsedBy:
    if "waiting_jobs" not in smallest:
        return {}
    jobs = GenerationJob.objects.filter(finished_at__isnull=True)
    return _those_near(jobs, {"waiting_jobs": Count("pk")}, smallest)


def _those_near(
    jobs: Any, sums: Mapping[str, Any], smallest: Mapping[str, int]
) -> UsedBy:
    """Return the sums of those who may be near a limit, most of the first sum first."""
    near = Q()
    for name in sums:
        near |= Q(**{f"{name}__gte": NEARLY * smallest[name]})
    rows = jobs.order_by().values("owner_id").annotate(**sums).filter(near)
    most = rows.order_by(*(f"-{name}" for name in sums))[:LOOKED_AT]
    return {row["owner_id"]: {name: row[name] for name in sums} for row in most}


def _stored(smallest: Mapping[str, int], heaviest: Collection[Shelf]) -> UsedBy:
    limit = smallest.get("storage_mb")
    if limit is None:
        return {}
    return {
        each.owner: {"storage_mb": -(-each.num_bytes // MEGABYTE)}
        for each in heaviest
        if each.num_bytes >= NEARLY * limit * MEGABYTE
    }
