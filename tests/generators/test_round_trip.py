"""The real queue: a submit in one process, a real Celery worker in another, each broker.

PostgreSQL, Redis and RabbitMQ are the ones on loopback, used through a database, a
number or queue names of our own; none is flushed or stopped.
"""

import json
import os
import signal
import subprocess
import sys
import time
import uuid
from contextlib import contextmanager
from pathlib import Path

import psycopg
import pytest
import redis
from kombu import Connection

ROOT = Path(__file__).parents[2]
POSTGRES = "postgres://postgres@127.0.0.1:5432/postgres"
REDIS = "redis://127.0.0.1:6379/11"
RABBITMQ = "amqp://guest:guest@127.0.0.1:5672//"


class Site:
    """A site of its own: data folder, database, broker, and the workers it is given."""

    def __init__(self, home, **environment):
        self.home = home
        self.environment = {
            name: value
            for name, value in os.environ.items()
            if name not in ("MAGICSHOT_HOME", "DATABASE_URL", "BROKER_URL")
        }
        self.environment |= {
            "MAGICSHOT_HOME": str(home),
            "DJANGO_SETTINGS_MODULE": "magicshot.settings",
            "FAKE_PROVIDER": "1",
            "PRELOAD": "0",
            "LEASE_SECONDS": "2",
            "HEARTBEAT_SECONDS": "0.5",
            "RECONCILE_SECONDS": "1",
            **environment,
        }
        self.run("manage.py", "migrate", "--verbosity=0")

    def run(self, *command):
        done = subprocess.run(
            [sys.executable, *command],
            cwd=ROOT,
            env=self.environment,
            capture_output=True,
            text=True,
            timeout=150,
        )
        assert done.returncode == 0, done.stderr[-3000:]
        return done.stdout

    def press(self, *lots):
        """Ask for lots of (count, model, prompt, pause), one after the other."""
        command = ("-m", "tests.fakes.press", lots_of(lots))
        return [json.loads(line) for line in self.run(*command).splitlines()]

    def call_log(self):
        path = self.home / "fake-provider" / "calls.jsonl"
        if not path.exists():
            return []
        return [json.loads(line) for line in path.read_text().splitlines()]

    def start(self, *arguments):
        command = (sys.executable, "-m", "celery", "--quiet")
        with (self.home / "workers.log").open("a") as log:
            return subprocess.Popen(
                [*command, "--app", "magicshot.celery:app", *arguments],
                cwd=ROOT,
                env=self.environment,
                stdout=log,
                stderr=subprocess.STDOUT,
                start_new_session=True,
            )

    def start_worker(self, lane, threads):
        prefix = self.environment.get("QUEUE_PREFIX", "")
        return self.start(
            "worker",
            f"--queues={prefix}{lane}",
            f"--hostname={lane}@%h",
            "--pool=threads",
            f"--concurrency={threads}",
            "--without-gossip",
            "--without-mingle",
            "--without-heartbeat",
            "--loglevel=WARNING",
        )

    @contextmanager
    def workers(self):
        """Run a worker for each lane, and beat."""
        children = [
            self.start_worker("local", 1),
            self.start_worker("remote", 8),
            self.start("beat", "--pidfile=", "--loglevel=WARNING"),
        ]
        try:
            yield children
        finally:
            for child in children:
                child.send_signal(signal.SIGTERM)
            for child in children:
                try:
                    child.wait(timeout=15)
                except subprocess.TimeoutExpired:
                    child.kill()
                    child.wait()


def lots_of(lots):
    usual = (None, "fake", "an owl", 0)
    return json.dumps([(*lot, *usual[len(lot) :]) for lot in lots])


@contextmanager
def own_database():
    """Yield a database of our own on the server that is there."""
    name = f"magicshot_{uuid.uuid4().hex[:12]}"
    with psycopg.connect(POSTGRES, autocommit=True) as server:
        server.execute(f'CREATE DATABASE "{name}"')
    yield POSTGRES.rpartition("/")[0] + "/" + name
    with psycopg.connect(POSTGRES, autocommit=True) as server:
        server.execute(f'DROP DATABASE "{name}" WITH (FORCE)')


@contextmanager
def own_queues():
    """Yield a prefix of queue names of our own, removed from the brokers afterwards."""
    prefix = f"test-{uuid.uuid4().hex[:8]}."
    yield prefix
    with Connection(RABBITMQ) as connection:
        for lane in ("local", "remote"):
            connection.default_channel.queue_delete(f"{prefix}{lane}")
    with redis.Redis.from_url(REDIS) as server:
        for key in server.scan_iter(match=f"{prefix}*"):
            server.delete(key)


@pytest.fixture(scope="module")
def site(request, tmp_path_factory):
    """The site of a broker's name: files, redis or rabbitmq."""
    home = tmp_path_factory.mktemp(request.param)
    if request.param == "files":
        yield Site(home)
        return
    url = {"redis": REDIS, "rabbitmq": RABBITMQ}[request.param]
    with own_database() as database, own_queues() as prefix:
        yield Site(home, BROKER_URL=url, DATABASE_URL=database, QUEUE_PREFIX=prefix)


@pytest.fixture(scope="module")
def forgotten(site):
    """Jobs of the site whose messages were lost before any worker was there."""
    script = (
        "import django; django.setup()\n"
        "from tests import factories\n"
        "person = factories.make_person('early')\n"
        "from generators import wake\n"
        "wake.ring = lambda lane, **_: False\n"
        "print(*[factories.make_job(person).pk for _ in range(5)])\n"
    )
    return site.run("-c", script).split()


@pytest.fixture(scope="module")
def workers(site, forgotten):
    """The site's workers and its beat, started after those jobs were forgotten."""
    with site.workers() as children:
        yield children


pytestmark = pytest.mark.long
brokers = pytest.mark.parametrize(
    "site",
    [
        "files",
        pytest.param("redis", marks=pytest.mark.services),
        pytest.param("rabbitmq", marks=pytest.mark.services),
    ],
    indirect=True,
    scope="module",
)


@brokers
def test_jobs_submitted_without_any_worker_are_found_when_one_comes(
    site, forgotten, workers
):
    script = (
        "import django, time; django.setup()\n"
        "from generators.models import GenerationJob\n"
        f"jobs = GenerationJob.objects.filter(pk__in={forgotten})\n"
        "end = time.monotonic() + 60\n"
        "while jobs.filter(finished_at=None).exists() and time.monotonic() < end:\n"
        "    time.sleep(0.1)\n"
        "print(*jobs.values_list('status', flat=True))\n"
    )
    log = site.home / "workers.log"
    assert site.run("-c", script).split() == ["succeeded"] * 5, log.read_text()


@brokers
def test_jobs_go_from_submit_to_done_through_a_real_worker(site, workers):
    before = len(site.call_log())
    _, paid, local, polled, failed, singles = site.press(
        (1,),  # the workers are up when this one is done
        (6,),
        (3, "fake-local"),
        (3, "fake-async", "an owl !polls=2"),
        (2, "fake", "!refuse"),
        (8, "fake", "an owl", 0.3),
    )
    for jobs, credits in ((paid, 2), (local, 1), (polled, 3)):
        assert {job["status"] for job in jobs} == {"succeeded"}
        assert {job["credits"] for job in jobs} == {credits}
        assert {job["pictures"] for job in jobs} == {1}
    assert {(job["status"], job["credits"]) for job in failed} == {("failed", 0)}
    calls = site.call_log()[before:]
    submits = [call["token"] for call in calls if call["action"] == "submit"]
    assert len(submits) == len(set(submits)) == 1 + 6 + 3 + 3 + 2 + 8
    starts = sorted(job["start_ms"] for job in singles)
    print(f"submit to start: {starts} ms")
    assert starts[len(starts) // 2] < 1000
    assert "Traceback" not in (site.home / "workers.log").read_text()
    broker = [path for path in (site.home / "broker").rglob("*") if path.is_file()]
    assert len(broker) <= 4, broker  # at most a message or two of beat


def press_and_lose_the_local_worker(site, workers, how):
    """Take the local worker away amid three slow jobs; return the jobs at their end."""
    before = len(site.call_log())
    lots = lots_of([(3, "fake-local", "an owl !steps=4 !step-seconds=0.3")])
    command = (sys.executable, "-m", "tests.fakes.press", lots)
    pressing = subprocess.Popen(
        command, cwd=ROOT, env=site.environment, stdout=subprocess.PIPE, text=True
    )
    end = time.monotonic() + 30
    while len(site.call_log()) < before + 2:
        assert time.monotonic() < end
        time.sleep(0.05)
    workers[0].send_signal(how)
    workers[0].wait(timeout=30)
    workers[0] = site.start_worker("local", 1)
    printed, _ = pressing.communicate(timeout=120)
    return json.loads(printed)


@brokers
def test_a_killed_worker_loses_no_job_and_no_credit(site, workers):
    jobs = press_and_lose_the_local_worker(site, workers, signal.SIGKILL)
    assert [(job["status"], job["credits"]) for job in jobs] == [("succeeded", 1)] * 3
    assert sum(job["attempts"] for job in jobs) == 1


@pytest.mark.parametrize("site", ["files"], indirect=True, scope="module")
def test_a_stopped_worker_hands_its_work_to_the_next(site, workers):
    jobs = press_and_lose_the_local_worker(site, workers, signal.SIGTERM)
    assert [(job["status"], job["credits"]) for job in jobs] == [("succeeded", 1)] * 3
    assert [job["attempts"] for job in jobs] == [0, 0, 0]
