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

    def press(self, count, model, prompt="an owl", pause=0.0):
        printed = self.run(
            "-m", "tests.fakes.press", str(count), model, prompt, str(pause)
        )
        return [json.loads(line) for line in printed.splitlines()]

    def call_log(self):
        path = self.home / "fake-provider" / "calls.jsonl"
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


@pytest.fixture
def postgres():
    """A database of our own on the server that is there."""
    name = f"magicshot_{uuid.uuid4().hex[:12]}"
    with psycopg.connect(POSTGRES, autocommit=True) as server:
        server.execute(f'CREATE DATABASE "{name}"')
    yield POSTGRES.rpartition("/")[0] + "/" + name
    with psycopg.connect(POSTGRES, autocommit=True) as server:
        server.execute(f'DROP DATABASE "{name}" WITH (FORCE)')


@pytest.fixture
def queue_prefix():
    """Queue names of our own, removed from the brokers afterwards."""
    prefix = f"test-{uuid.uuid4().hex[:8]}."
    yield prefix
    with Connection(RABBITMQ) as connection:
        for lane in ("local", "remote"):
            connection.default_channel.queue_delete(f"{prefix}{lane}")
    with redis.Redis.from_url(REDIS) as server:
        for key in server.scan_iter(match=f"{prefix}*"):
            server.delete(key)


@pytest.fixture
def site(request, tmp_path):
    """The site of a broker's name: files, redis or rabbitmq."""
    if request.param == "files":
        return Site(tmp_path)
    prefix = request.getfixturevalue("queue_prefix")
    database = request.getfixturevalue("postgres")
    url = {"redis": REDIS, "rabbitmq": RABBITMQ}[request.param]
    return Site(tmp_path, BROKER_URL=url, DATABASE_URL=database, QUEUE_PREFIX=prefix)


pytestmark = pytest.mark.long
brokers = pytest.mark.parametrize(
    "site",
    [
        "files",
        pytest.param("redis", marks=pytest.mark.services),
        pytest.param("rabbitmq", marks=pytest.mark.services),
    ],
    indirect=True,
)


@brokers
def test_jobs_go_from_submit_to_done_through_a_real_worker(site):
    with site.workers():
        site.press(1, "fake")  # the workers are up when this one is done
        paid = site.press(6, "fake")
        local = site.press(3, "fake-local")
        polled = site.press(3, "fake-async", "an owl !polls=2")
        failed = site.press(2, "fake", "!refuse")
        singles = site.press(8, "fake", "an owl", pause=0.3)
    for jobs, credits in ((paid, 2), (local, 1), (polled, 3)):
        assert {job["status"] for job in jobs} == {"succeeded"}
        assert {job["credits"] for job in jobs} == {credits}
        assert {job["pictures"] for job in jobs} == {1}
    assert {(job["status"], job["credits"]) for job in failed} == {("failed", 0)}
    submits = [call["token"] for call in site.call_log() if call["action"] == "submit"]
    assert len(submits) == len(set(submits)) == 1 + 6 + 3 + 3 + 2 + 8
    starts = sorted(job["start_ms"] for job in singles)
    print(f"submit to start: {starts} ms")
    assert starts[len(starts) // 2] < 1000
    assert "Traceback" not in (site.home / "workers.log").read_text()
    broker = [path for path in (site.home / "broker").rglob("*") if path.is_file()]
    assert len(broker) <= 4, broker  # at most a message or two of beat


@brokers
def test_jobs_submitted_without_any_worker_are_found_when_one_comes(site, tmp_path):
    script = (
        "import django; django.setup()\n"
        "from tests import factories\n"
        "person = factories.make_person('early')\n"
        "from generators import wake\n"
        "wake.ring = lambda lane, **_: False\n"  # every message is lost
        "[factories.make_job(person) for _ in range(5)]\n"
    )
    site.run("-c", script)
    with site.workers():
        count = (
            "import django; django.setup()\n"
            "from generators.models import GenerationJob\n"
            "print(GenerationJob.objects.filter(status='succeeded').count())\n"
        )
        end = time.monotonic() + 60
        while site.run("-c", count).strip() != "5":
            assert time.monotonic() < end, (tmp_path / "workers.log").read_text()
            time.sleep(0.5)


def press_and_lose_the_local_worker(site, how):
    """Take the local worker away amid three slow jobs; return the jobs at their end."""
    prompt = "an owl !steps=4 !step-seconds=0.3"
    command = (sys.executable, "-m", "tests.fakes.press", "3", "fake-local", prompt)
    with site.workers() as (local, _remote, _beat):
        site.press(1, "fake-local")  # the workers are up when this one is done
        pressing = subprocess.Popen(
            command, cwd=ROOT, env=site.environment, stdout=subprocess.PIPE, text=True
        )
        end = time.monotonic() + 30
        while len(site.call_log()) < 2:
            assert time.monotonic() < end
            time.sleep(0.05)
        local.send_signal(how)
        local.wait(timeout=30)
        again = site.start_worker("local", 1)
        printed, _ = pressing.communicate(timeout=120)
        again.terminate()
        again.wait(timeout=15)
    return [json.loads(line) for line in printed.splitlines()]


@brokers
def test_a_killed_worker_loses_no_job_and_no_credit(site):
    jobs = press_and_lose_the_local_worker(site, signal.SIGKILL)
    assert [(job["status"], job["credits"]) for job in jobs] == [("succeeded", 1)] * 3
    assert sum(job["attempts"] for job in jobs) == 1


def test_a_stopped_worker_hands_its_work_to_the_next(tmp_path):
    jobs = press_and_lose_the_local_worker(Site(tmp_path), signal.SIGTERM)
    assert [(job["status"], job["credits"]) for job in jobs] == [("succeeded", 1)] * 3
    assert [job["attempts"] for job in jobs] == [0, 0, 0]
