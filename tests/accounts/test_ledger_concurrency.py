"""Many threads and processes on one wallet: real databases, real races."""

import os
import subprocess
import sys
import uuid
from contextlib import contextmanager
from pathlib import Path

import psycopg
import pytest

ROOT = Path(__file__).resolve().parents[2]
SERVER = os.environ.get(
    "TEST_POSTGRES_URL", "postgres://postgres@127.0.0.1:5432/postgres"
)

SETTLED = """
from django.db.models import Sum
from accounts.models import CreditEntry, User, Wallet
print(-CreditEntry.objects.filter(kind="settle").aggregate(s=Sum("reserved"))["s"])
print(Wallet.objects.count(), CreditEntry.objects.filter(
    reference__startswith="sign-up").count())
"""


@contextmanager
def own_database():
    """Yield the address of a PostgreSQL database that is dropped afterwards."""
    name = f"magicshot_test_{uuid.uuid4().hex[:12]}"
    with psycopg.connect(SERVER, autocommit=True) as server:
        server.execute(f"CREATE DATABASE {name}")
        try:
            yield SERVER.rpartition("/")[0] + f"/{name}"
        finally:
            server.execute(f"DROP DATABASE {name} WITH (FORCE)")


def manage(environment, *arguments):
    """Run a management command of the real site and return what it printed."""
    done = subprocess.run(
        [sys.executable, "manage.py", *arguments],
        cwd=ROOT,
        env=environment,
        text=True,
        capture_output=True,
        check=False,
    )
    assert done.returncode == 0, done.stdout + done.stderr
    return done.stdout


def race(environment, *, processes, threads, rounds):
    """Let them fight over one wallet, then check every invariant."""
    manage(environment, "migrate", "accounts", "-v0")
    wallet_id = manage(
        environment,
        "shell",
        "-v0",
        "-c",
        "from accounts import ledger; from accounts.models import User;"
        "User.objects.create_user('newcomer@example.org');"
        "print(ledger.wallet_of(User.objects.create_user('a@example.org')).pk)",
    ).strip()
    module = "tests.accounts.ledger_workload"
    arguments = [sys.executable, "-m", module, wallet_id, str(threads), str(rounds)]
    running = [
        subprocess.Popen(
            arguments, cwd=ROOT, env=environment, text=True, stdout=subprocess.PIPE
        )
        for _ in range(processes)
    ]
    taken = [int(child.communicate(timeout=200)[0]) for child in running]
    assert all(child.returncode == 0 for child in running)
    assert "adds up" in manage(environment, "audit_ledger")
    settled, counts = manage(environment, "shell", "-v0", "-c", SETTLED).splitlines()
    assert int(settled) == sum(taken) > 0
    assert counts == "2 2"


def environment_for(tmp_path, **more):
    """Return the environment of a site of its own."""
    kept = {k: v for k, v in os.environ.items() if k != "DJANGO_SETTINGS_MODULE"}
    return kept | {"MAGICSHOT_HOME": str(tmp_path / "home")} | more


def test_processes_on_sqlite_keep_the_books_straight(tmp_path):
    race(environment_for(tmp_path), processes=3, threads=2, rounds=25)


@pytest.mark.services
def test_threads_on_postgresql_keep_the_books_straight(tmp_path):
    with own_database() as url:
        environment = environment_for(tmp_path, DATABASE_URL=url)
        race(environment, processes=2, threads=8, rounds=40)
        with psycopg.connect(url, autocommit=True) as connection:
            for statement in (
                "UPDATE accounts_creditentry SET amount = amount + 1",
                "DELETE FROM accounts_creditentry",
            ):
                with pytest.raises(psycopg.errors.RaiseException, match="never"):
                    connection.execute(statement)
