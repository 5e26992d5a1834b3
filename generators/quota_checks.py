"""Refuses a press that a quota forbids: which one, when it starts anew, whom to ask."""

import datetime as dt
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from typing import Final

from django.utils import timezone

from accounts.models import User
from accounts.quotas import Rule
from generators.capabilities import Operation
from generators.catalog import Choice
from generators.contracts import Availability, GenerationRequest
from generators.models import GenerationJob, ImageModel
from generators.refusals import QuotaReached
from generators.usage import Used, usage_of

ASK: Final = "Ask your admin for more."

_NOUNS: Final = {
    "images_per_day": "pictures a day",
    "images_per_month": "pictures a month",
    "credits_per_day": "credits a day",
    "credits_per_month": "credits a month",
    "waiting_jobs": "jobs waiting or being drawn",
    "storage_mb": "MB of pictures",
}
TITLES: Final = {
    "images_per_day": "Pictures today",
    "images_per_month": "Pictures this month",
    "credits_per_day": "Credits today",
    "credits_per_month": "Credits this month",
    "waiting_jobs": "Waiting or being drawn",
    "storage_mb": "Megabytes kept",
}
"""What the countable quotas are called where they stand in a list."""

_PLACE: Final = {"image_models": "image_model", "operations": "operation"}


def refuse_request(
    rules: Mapping[str, Rule], image_model: ImageModel, request: GenerationRequest
) -> None:
    """Raise QuotaReached for a model, an operation or a size that is not allowed."""
    for name, value, called in (
        ("image_models", image_model.slug, image_model.label),
        ("operations", request.operation, f"To {request.operation.replace('-', ' ')}"),
    ):
        rule = rules.get(name)
        if rule is not None and value not in rule.allowed:
            words = not_allowed(rule, called)
            raise QuotaReached(words, rule=name, field=_PLACE[name])
    rule = rules.get("longest_side")
    if rule is not None:
        _refuse_large(rule, request)


def _refuse_large(rule: Rule, request: GenerationRequest) -> None:
    """Raise QuotaReached for a picture of more than so many pixels a side.

    One that is enlarged counts with its larger sides: twice, the least that enlarging
    does, where the model has no choice of it.
    """
    factor = 1
    if request.operation is Operation.UPSCALE:
        factor = int(request.option("upscale_factor") or 2)
    width, height = factor * request.width, factor * request.height
    if max(width, height) > rule.limit:
        raise QuotaReached(
            f"{width} × {height} is larger than {rule.whose} limit of {rule.limit} "  # noqa: RUF001
            f"pixels a side. Choose a smaller shape or picture. {ASK}",
            rule="longest_side",
            field="size",
        )


def refuse_jobs(
    user: User, rules: Mapping[str, Rule], jobs: Sequence[GenerationJob]
) -> None:
    """Raise QuotaReached when these jobs are more than a quota leaves.

    Belongs in the transaction that makes them, behind the wallet's lock: of two presses
    at once the second counts the first.
    """
    running = rules.get("running_jobs")
    if running is not None and not running.limit:
        raise QuotaReached(f"You may have nothing drawn. {ASK}", rule="running_jobs")
    asked = {
        "images": sum(job.num_images for job in jobs),
        "credits": sum(job.num_images * job.price_credits for job in jobs),
        "waiting": len(jobs),
    }
    for name, found in usage_of(user, rules).items():
        more = asked.get(name.partition("_")[0], 1)
        if more and found.used + more > found.rule.limit:
            raise QuotaReached(
                _words(found, more), rule=name, resets_at=found.resets_at
            )


def narrowed(choices: Sequence[Choice], rules: Mapping[str, Rule]) -> list[Choice]:
    """Return the dropdown's entries; those not allowed cannot be used, and say so."""
    rule = rules.get("image_models")
    if rule is None:
        return list(choices)
    return [_narrowed(choice, rule) for choice in choices]


@dataclass(frozen=True, slots=True, kw_only=True)
class QuotaLine:
    """One quota as the person sees it: its name in words, and how full it is."""

    title: str
    used: Used
    anew: str

    @property
    def percent(self) -> int:
        """Return how much of it is used, 0 to 100."""
        limit = self.used.rule.limit
        return min(100, 100 * self.used.used // limit) if limit else 100


def quota_lines(used: Mapping[str, Used]) -> list[QuotaLine]:
    """Return every countable quota in force, for the person to read."""
    return [
        QuotaLine(
            title=TITLES[each.rule.name],
            used=each,
            anew=_when(each.resets_at) if each.resets_at else "",
        )
        for each in used.values()
    ]


def warnings(used: Mapping[str, Used]) -> list[str]:
    """Return what is nearly or wholly used up, in words for the form."""
    return [
        f"{each.left} of {rule_words(each.rule)} left. {_anew(each)}".strip()
        for each in used.values()
        if each.is_nearly_used
    ]


def rule_words(rule: Rule) -> str:
    """Return a countable quota as people read it: ``3 pictures a day``."""
    noun = _NOUNS[rule.name]
    return f"{rule.limit} {noun.replace('s ', ' ', 1) if rule.limit == 1 else noun}"


def not_allowed(rule: Rule, called: str) -> str:
    """Return why a model or an operation cannot be chosen."""
    return f"{called} is not within {rule.whose} quota. Ask your admin for it."


def _narrowed(choice: Choice, rule: Rule) -> Choice:
    if choice.image_model.slug in rule.allowed or not choice.is_usable:
        return choice
    words = not_allowed(rule, choice.image_model.label)
    return replace(choice, availability=Availability(is_available=False, reason=words))


def _words(found: Used, more: int) -> str:
    rule = found.rule
    if rule.name == "waiting_jobs":
        return (
            f"You have {found.used} jobs waiting or being drawn, and {rule.whose} limit "
            f"is {rule.limit}. Wait until one is done. {ASK}"
        )
    if rule.name == "storage_mb":
        return (
            f"Your pictures take {found.used} MB, and {rule.whose} limit is {rule.limit}."
            f" Delete some for ever, from the trash too. {ASK}"
        )
    return (
        f"{rule.whose.capitalize()} limit is {rule_words(rule)}: you have used "
        f"{found.used} and this takes {more}. {_anew(found)}{ASK}"
    )


def _anew(found: Used) -> str:
    return f"It starts anew at {_when(found.resets_at)}. " if found.resets_at else ""


def _when(resets_at: dt.datetime) -> str:
    """Return a moment to come, in the time zone of the page, and how far away it is."""
    local = timezone.localtime(resets_at)
    hours = -(-(resets_at - timezone.now()) // dt.timedelta(hours=1))
    ahead = f"in {hours} h" if hours < 48 else f"in {hours // 24} days"
    return f"{local:%H:%M %Z} on {local:%-d %B}, {ahead}"
