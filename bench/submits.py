"""How long a press takes to be accepted, alone and among twenty people, on PostgreSQL.

Beside it bare Django, of the same server and database: a signed-in POST, with session
and CSRF check, that commits one row. No workers run: accepting is all there is to do.
"""

import subprocess
import sys
import tempfile
import time
import uuid
from collections.abc import Callable, Iterator
from concurrent.futures import ThreadPoolExecutor
from contextlib import contextmanager
from pathlib import Path

import requests

from bench.figures import Figure, Goal, p50, p95
from bench.journeys import seconds_to_answer
from bench.measuring import Figures, Goals
from bench.servers import database, python
from tests.e2e.site import ROOT, clean_environment, free_port

PEOPLE = 20
EACH = 30
"""Presses a person; the first few warm up."""

WARM_UP = 5
MOST_TIMES = 3
"""Goal G6 of the 95th percentile."""

CSRF = "a" * 32
PREPARE = """
import django; django.setup()
import sys
from django.contrib.auth import BACKEND_SESSION_KEY, HASH_SESSION_KEY, SESSION_KEY
from django.contrib.sessions.backends.db import SessionStore
from accounts.models import Quota
from generators import catalog
from generators.models import PromptRule
from tests import factories
catalog.fill()
Quota.objects.create(
    images_per_day=10**6, credits_per_month=10**9, running_jobs=10**4,
    waiting_jobs=10**6, longest_side=4096, ask_above=10**6,
)
PromptRule.objects.create(phrase="a secret dragon*", action="flag")
for number in range(int(sys.argv[1])):
    user = factories.make_person(f"p{number}", credits=10**9)
    session = SessionStore()
    session[SESSION_KEY] = str(user.pk)
    session[BACKEND_SESSION_KEY] = "allauth.account.auth_backends.AuthenticationBackend"
    session[HASH_SESSION_KEY] = user.get_session_auth_hash()
    session.create()
    print(session.session_key)
"""

Times = list[float]


class Server:
    """An answering web server, and the cookies of people signed in to it."""

    def __init__(self, url: str, sessions: list[str]) -> None:
        self.url = url
        self._sessions = sessions

    def times(self, people: int, fields: Callable[[], dict[str, str]]) -> Times:
        """Have so many people post at once; return the seconds of each answer."""
        with ThreadPoolExecutor(people) as pool:
            posted = [
                pool.submit(self._post_often, session, fields)
                for session in self._sessions[:people]
            ]
            return [seconds for each in posted for seconds in each.result()]

    def _post_often(self, session: str, fields: Callable[[], dict[str, str]]) -> Times:
        took = []
        with requests.Session() as person:
            person.cookies.update({"sessionid": session, "csrftoken": CSRF})
            person.headers["HX-Request"] = "true"
            for _ in range(EACH):
                typed = fields() | {"csrfmiddlewaretoken": CSRF}
                began = time.perf_counter()
                answer = person.post(self.url, data=typed, timeout=60)
                took.append(time.perf_counter() - began)
                assert answer.status_code == 200, answer.text[:2000]
        return took[WARM_UP:]


def submits(redis_url: str) -> tuple[Figures, Goals]:
    """Measure both servers, alone and among twenty."""
    with _bare() as server:
        bare = {people: server.times(people, dict) for people in (1, PEOPLE)}
    with _site(redis_url) as server:
        ours = {people: server.times(people, _press) for people in (1, PEOPLE)}
    figures = [
        Figure(
            name=f"a press accepted, {people} at once, {kind}",
            value=share(ours[people]) * 1000,
            unit="ms",
            bare=share(bare[people]) * 1000,
            bare_name="bare Django POST of one row",
            note="PostgreSQL, quotas, prompt rules, ledger",
        )
        for people in (1, PEOPLE)
        for kind, share in (("p50", p50), ("p95", p95))
    ]
    ratios = {people: p95(ours[people]) / p95(bare[people]) for people in ours}
    return figures, [
        Goal(
            name="G6",
            wanted="a press accepted, p95: at most 3x a signed-in bare POST of one row",
            measured=f"{ratios[1]:.1f}x alone, {ratios[PEOPLE]:.1f}x among {PEOPLE}",
            is_met=max(ratios.values()) <= MOST_TIMES,
        )
    ]


def _press() -> dict[str, str]:
    return {
        "prompt": "an owl on a branch",
        "image_model": "fake",
        "num_images": "1",
        "client_token": str(uuid.uuid4()),
    }


@contextmanager
def _site(redis_url: str) -> Iterator[Server]:
    with tempfile.TemporaryDirectory() as folder, database() as database_url:
        environment = clean_environment(
            Path(folder),
            {
                "DATABASE_URL": database_url,
                "BROKER_URL": redis_url,
                "CACHE_URL": redis_url,
                "QUEUE_PREFIX": f"submit-{uuid.uuid4().hex[:6]}.",
                "DJANGO_SETTINGS_MODULE": "magicshot.settings",
                "FAKE_PROVIDER": "1",
            },
        )
        python(environment, "manage.py", "migrate", "--verbosity=0")
        python(environment, "manage.py", "collectstatic", "--no-input", "-v0")
        sessions = python(environment, "-c", PREPARE, str(PEOPLE)).split()
        port = free_port()
        command = ("-m", "uvicorn", "magicshot.asgi:application", "--lifespan=off")
        with _serving(environment, *command, f"--port={port}", "--no-access-log"):
            seconds_to_answer(f"http://localhost:{port}/healthz")
            yield Server(f"http://localhost:{port}/generations/", sessions)


@contextmanager
def _bare() -> Iterator[Server]:
    with tempfile.TemporaryDirectory() as folder, database() as database_url:
        environment = clean_environment(Path(folder), {"DATABASE_URL": database_url})
        port = str(free_port())
        told = python(environment, "-m", "bench.bare_signed", "prepare", str(PEOPLE))
        with _serving(environment, "-m", "bench.bare_signed", "serve", port):
            seconds_to_answer(f"http://localhost:{port}/")
            yield Server(f"http://localhost:{port}/", told.split())


@contextmanager
def _serving(environment: dict[str, str], *command: str) -> Iterator[None]:
    with subprocess.Popen(
        [sys.executable, *command], cwd=ROOT, env=environment
    ) as process:
        try:
            yield
        finally:
            process.terminate()
