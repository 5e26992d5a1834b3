"""Puts the admin's first page together, of what its reader has the rights to see."""

from typing import Any

from django.conf import settings
from django.http import HttpRequest

from accounts.models import User
from accounts.requests import person
from generators.admin_costs import RIGHTS as COST_RIGHTS
from magicshot.dashboard import (
    amounts,
    attention,
    kept_figures,
    open_jobs,
    panels,
    people,
    spans,
    stuck,
    tiles,
    ways,
)
from magicshot.dashboard.income import income
from magicshot.dashboard.spans import Span

JOB_RIGHTS = ("generators.view_generationjob",)
PEOPLE_RIGHTS = ("accounts.view_user",)
STORAGE_RIGHTS = ("gallery.view_storedfile",)
SHELF_RIGHTS = ("gallery.view_image", *PEOPLE_RIGHTS)
LIMIT_RIGHTS = ("accounts.view_quota", *PEOPLE_RIGHTS, *JOB_RIGHTS)
CONNECTION_RIGHTS = ("generators.view_connection",)

Context = dict[str, Any]


def fill(request: HttpRequest, context: Context) -> Context:
    """Return unfold's context with the dashboard's in it."""
    user = person(request)
    span = spans.chosen(request.GET.get("days"))
    blocks: Context = {}
    if user.has_perms(JOB_RIGHTS):
        blocks |= _of_jobs(user, span)
    if user.has_perms(STORAGE_RIGHTS):
        blocks |= _of_storage(user)
    if user.has_perms(LIMIT_RIGHTS):
        blocks["near"] = people.near(kept_figures.near_limits().value)
    if user.has_perms(CONNECTION_RIGHTS):
        blocks["ways"] = ways.ways()
    return context | {
        "title": "Dashboard",
        "span": span,
        "spans": spans.SPANS,
        "time_zone": settings.TIME_ZONE,
        "blocks": blocks,
        "notices": attention.notices(request),
    }


def _of_jobs(user: User, span: Span) -> Context:
    kept = kept_figures.figures_of(span)
    found, lanes = kept.value, open_jobs.lanes()
    blocks: Context = {
        "made_at": kept.made_at,
        "tiles": tiles.of_jobs(found),
        "outcomes": panels.outcomes(span, found, lanes),
        "lanes": lanes,
        "credits": panels.credits(span, found),
        "image_models": panels.image_models(found.image_models),
        "providers": panels.providers(found.providers),
        "times": panels.times(found),
        "failures": panels.failures(found.failures),
        "stuck": stuck.stuck(user),
    }
    if user.has_perms(PEOPLE_RIGHTS):
        blocks["people"] = people.takers(found.people)
    if user.has_perms(COST_RIGHTS):
        blocks["costs"] = panels.costs(span, found)
        blocks["money"] = tiles.of_money(found, income(span, found.total))
    return blocks


def _of_storage(user: User) -> Context:
    found = kept_figures.stored().value
    words = (
        f"{amounts.size(found.num_bytes)} in {amounts.counted(found.num_files, 'file')}"
    )
    blocks: Context = {"storage": words}
    if user.has_perms(SHELF_RIGHTS):
        blocks["keepers"] = people.keepers(found.people)
    return blocks
