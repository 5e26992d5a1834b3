"""The admin's pages with 10,000 and with 1,000,000 jobs: what more rows cost."""

import contextlib
import json
import tempfile
import time
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Final

from bench import many_rows
from bench.figures import Figure, Goal, p50
from bench.measuring import Figures, Goals
from bench.servers import database, has_postgres, python
from tests.e2e.site import clean_environment

FEW: Final = 10_000
MANY: Final = 1_000_000
LOOKS: Final = 7
ROUNDS: Final = 3
"""Looks at each page in a row, and how often both sizes take turns. Of each the quietest
round counts: a machine that is busy for a while must not decide."""

ALLOWED: Final = 1.5
FIRST: Final = "dashboard, the very first look"
MADE_BEFOREHAND: Final = {FIRST, "dashboard, nothing kept"}
"""The first writes thirty days down, once; the second adds up what beat makes anew."""

Seconds = dict[str, float]
Place = Callable[[], contextlib.AbstractContextManager[str]]

MEASURE: Final = """
import json, sys, time
import django; django.setup()
from django.core.cache import cache
from django.test import Client
from accounts.models import User
staff = User.objects.filter(is_superuser=True).first()
staff = staff or User.objects.create_superuser("stan@example.org", "stan's password")
person = User.objects.get(pk=1001)
boss, own = Client(HTTP_HOST="localhost"), Client(HTTP_HOST="localhost")
boss.force_login(staff)
own.force_login(person)
def timed(client, address):
    began = time.perf_counter()
    assert client.get(address).status_code == 200, address
    return time.perf_counter() - began
found = {"dashboard, the very first look": [timed(boss, "/admin/")]}
anew = found["dashboard, nothing kept"] = []
for _ in range(3):
    cache.clear()
    anew.append(timed(boss, "/admin/"))
jobs = "/admin/generators/generationjob/"
flagged = "/admin/generators/promptverdict/"
log = "/admin/accounts/auditentry/"
for name, client, address in (
    ("dashboard", boss, "/admin/"),
    ("dashboard, today", boss, "/admin/?days=1"),
    ("jobs", boss, jobs),
    ("jobs that failed", boss, f"{jobs}?status__exact=failed"),
    ("jobs out of memory", boss, f"{jobs}?failure_kind__exact=out-of-memory"),
    ("jobs of one person, searched", boss, f"{jobs}?q=person7@example.org"),
    ("credit entries", boss, "/admin/accounts/creditentry/"),
    ("refunds", boss, "/admin/accounts/creditentry/?kind__exact=refund"),
    ("images", boss, "/admin/gallery/image/"),
    ("masks", boss, "/admin/gallery/image/?kind__exact=mask"),
    ("users", boss, "/admin/accounts/user/"),
    ("a person", boss, f"/admin/people/{person.pk}/"),
    ("a person's form", boss, f"/admin/accounts/user/{person.pk}/change/"),
    ("wallets", boss, "/admin/accounts/wallet/"),
    ("purchases", boss, "/admin/accounts/purchase/"),
    ("moderation", boss, f"{flagged}?state__exact=open"),
    ("audit log", boss, log),
    ("audit log of one admin, searched", boss, f"{log}?q=person7@example.org"),
    ("a statement", own, "/credits/"),
):
    timed(client, address)
    found[name] = [timed(client, address) for _ in range(int(sys.argv[1]))]
print(json.dumps(found))
"""


def admin_at_scale() -> tuple[Figures, Goals]:
    """Measure each page at both sizes, on PostgreSQL where there is one, and on SQLite."""
    figures: Figures = []
    goals: Goals = []
    for name, place in (("PostgreSQL", database), ("SQLite", _file)):
        if name == "SQLite" or has_postgres():
            few, many = measured(place, FEW, MANY)
            figures += _figures(name, few, many)
            goals.append(_goal(name, few, many))
    return figures, goals


def measured(place: Place, *sizes: int) -> list[Seconds]:
    """Fill a database of each size; return the median seconds of each page."""
    with contextlib.ExitStack() as places:
        sites = [_filled(places, places.enter_context(place()), size) for size in sizes]
        rounds: list[dict[str, list[float]]] = [{} for _ in sizes]
        for _ in range(ROUNDS):
            for site, found in zip(sites, rounds, strict=True):
                told = python(site, "-c", MEASURE, str(LOOKS)).splitlines()[-1]
                for name, seconds in json.loads(told).items():
                    found.setdefault(name, []).append(p50(seconds))
    return [
        {name: each[0] if name == FIRST else min(each) for name, each in found.items()}
        for found in rounds
    ]


def _filled(places: contextlib.ExitStack, url: str, jobs: int) -> dict[str, str]:
    """Return the environment of a site with so many jobs."""
    home = places.enter_context(tempfile.TemporaryDirectory())
    environment = clean_environment(
        Path(home), {"DATABASE_URL": url, "DJANGO_SETTINGS_MODULE": "tests.settings"}
    )
    python(environment, "manage.py", "migrate", "--verbosity=0")
    began = time.monotonic()
    many_rows.fill(url, jobs)
    print(f"{jobs} jobs written in {time.monotonic() - began:.0f} s")
    return environment


@contextlib.contextmanager
def _file() -> Iterator[str]:
    """Yield the address of a new SQLite file."""
    with tempfile.TemporaryDirectory() as folder:
        yield f"sqlite:///{folder}/db.sqlite3"


def _figures(database: str, few: Seconds, many: Seconds) -> Iterator[Figure]:
    for name, seconds in many.items():
        yield Figure(
            name=f"admin, {database}, a million jobs: {name}, p50",
            value=seconds * 1000,
            unit="ms",
            bare=few[name] * 1000,
            bare_name="with 10,000",
        )


def _goal(database: str, few: Seconds, many: Seconds) -> Goal:
    """Compare what people wait for; what beat makes beforehand is only told."""
    waited = many.keys() - MADE_BEFOREHAND
    ratios = {name: many[name] / few[name] for name in waited}
    worst = max(ratios, key=lambda name: ratios[name])
    return Goal(
        name=f"admin at scale, {database}",
        wanted="each page with 1,000,000 jobs and 2,000,000 entries: at most "
        f"{ALLOWED}x its time at 10,000",
        measured=f"at worst {ratios[worst]:.2f}x ({worst})",
        is_met=ratios[worst] <= ALLOWED,
    )
