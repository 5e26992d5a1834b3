"""How much of each quota a person has used."""

import datetime as dt
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from typing import Final

from django.db.models import BigIntegerField, Case, Count, F, Q, Sum, When
from django.db.models.functions import Coalesce

from accounts.models import User
from accounts.quotas import Rule, rules_of, running_limits
from accounts.site_days import day_began, month_began
from gallery.models import Image
from generators.models import GenerationJob

MEGABYTE: Final = 1_000_000
NEARLY: Final = 0.8
"""From this share of a quota on, people are warned."""

_IMAGES: Final = Case(
    When(finished_at__isnull=True, then=F("num_images")),
    default=F("num_delivered"),
    output_field=BigIntegerField(),
)
_CREDITS: Final = Case(
    When(finished_at__isnull=True, then=F("num_images") * F("price_credits")),
    default=F("settled_credits"),
    output_field=BigIntegerField(),
)
SUMS: Final = {"images": _IMAGES, "credits": _CREDITS}
"""Of one job: as asked for until it has ended, then as delivered."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Used:
    """One quota in force, and how much of it is used."""

    rule: Rule
    used: int
    resets_at: dt.datetime | None = None

    @property
    def left(self) -> int:
        """Return what is left of it, never below 0."""
        return max(0, self.rule.limit - self.used)

    @property
    def is_nearly_used(self) -> bool:
        """Say whether the person should be warned."""
        return self.used >= NEARLY * self.rule.limit


def usage_of(user: User, rules: Mapping[str, Rule] | None = None) -> dict[str, Used]:
    """Return what is used of each countable quota in force for a person, by name.

    Pictures and credits of jobs that have not ended count as asked for, of others as
    delivered. A query for those of days and months, and one for each other in force.
    """
    rules = rules_of(user) if rules is None else rules
    found: dict[str, Used] = {}
    periods = {"day": day_began(), "month": month_began()}
    wanted = {
        f"{each}_per_{per}": (each, per)
        for per in periods
        for each in SUMS
        if f"{each}_per_{per}" in rules
    }
    since = {name: (each, periods[per]) for name, (each, per) in wanted.items()}
    sums = _sums(user, since)
    for name, (_, per) in wanted.items():
        resets_at = _next(periods[per], per)
        found[name] = Used(rule=rules[name], used=sums[name], resets_at=resets_at)
    for name, count in _COUNTS.items():
        if name in rules:
            found[name] = Used(rule=rules[name], used=count(user))
    return found


def busy_people() -> list[int]:
    """Return the keys of people of whom as many jobs are drawn as their quota allows."""
    running = GenerationJob.objects.filter(
        status=GenerationJob.Status.RUNNING, finished_at__isnull=True
    )
    counts = dict(running.order_by().values_list("owner").annotate(Count("pk")))
    limits = running_limits(list(User.objects.filter(pk__in=counts)))
    return [pk for pk, limit in limits.items() if counts[pk] >= limit]


def _sums(
    user: User, wanted: Mapping[str, tuple[str, dt.datetime]]
) -> Mapping[str, int]:
    """Return, by name, the sum of each of ``SUMS`` since its moment."""
    if not wanted:
        return {}
    earliest = min(began for _, began in wanted.values())
    jobs = GenerationJob.objects.filter(owner=user, created_at__gte=earliest)
    sums: Mapping[str, int] = jobs.aggregate(
        **{
            name: Coalesce(Sum(SUMS[each], filter=Q(created_at__gte=began)), 0)
            for name, (each, began) in wanted.items()
        }
    )
    return sums


def _next(began: dt.datetime, per: str) -> dt.datetime:
    if per == "day":
        return day_began(began + dt.timedelta(hours=36))
    return month_began(began + dt.timedelta(days=32))


def _unfinished(user: User) -> int:
    status = GenerationJob.Status
    unfinished = (status.QUEUED, status.RUNNING, status.UNKNOWN)
    return GenerationJob.objects.filter(owner=user, status__in=unfinished).count()


def _megabytes(user: User) -> int:
    kept = Image.objects.filter(owner=user)
    size: int = kept.aggregate(sum=Coalesce(Sum("file__size"), 0))["sum"]
    return -(-size // MEGABYTE)


_COUNTS: Final[Mapping[str, Callable[[User], int]]] = {
    "waiting_jobs": _unfinished,
    "storage_mb": _megabytes,
}
