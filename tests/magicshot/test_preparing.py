"""What a start says when the disk or the database refuses, and whom it leaves alone."""

import resource
import sqlite3
import subprocess
import sys
from pathlib import Path

import pytest

from tests.e2e.site import ROOT, clean_environment, free_port, manage


def assert_named(ran: subprocess.CompletedProcess[str], home: Path) -> None:
    assert ran.returncode == 1
    assert "Traceback" not in ran.stderr
    (sentence,) = ran.stderr.splitlines()
    assert sentence.startswith("magicshot: The da")
    assert str(home) in sentence


@pytest.mark.parametrize(
    "name", ["secret_key", "broker", "run.lock", "db.sqlite3", "static"]
)
def test_when_something_lies_in_the_way_then_the_folder_is_named(
    tmp_path: Path, name: str
):
    if name in ("broker", "static"):
        (tmp_path / name).touch()
    else:
        (tmp_path / name).mkdir()
    assert_named(manage("run", home=tmp_path, PORT=str(free_port())), tmp_path)


@pytest.mark.parametrize("secret_key", ["", "x" * 50], ids=["key", "lock"])
def test_when_the_disk_takes_nothing_more_then_the_folder_is_named(
    tmp_path: Path, secret_key: str
):
    more = {"PORT": str(free_port())} | (
        {"SECRET_KEY": secret_key} if secret_key else {}
    )
    environment = clean_environment(tmp_path, more)
    # Coverage could not write either, and would say so.
    environment.pop("COVERAGE_PROCESS_CONFIG", None)
    environment.pop("COVERAGE_PROCESS_START", None)
    ran = subprocess.run(
        [sys.executable, str(ROOT / "manage.py"), "run"],
        env=environment,
        preexec_fn=lambda: resource.setrlimit(resource.RLIMIT_FSIZE, (0, 0)),
        capture_output=True,
        text=True,
        check=False,
    )
    assert_named(ran, tmp_path)


@pytest.mark.parametrize("command", ["run", "models"])
def test_when_the_database_is_garbage_then_it_is_named(tmp_path: Path, command: str):
    (tmp_path / "db.sqlite3").write_bytes(b"no database" * 1000)
    assert_named(manage(command, home=tmp_path, PORT=str(free_port())), tmp_path)


GARBAGE_FOUND = """
import django; django.setup()
from pathlib import Path
from django.conf import settings
from django.test import RequestFactory
from magicshot.health import health
Path(settings.DATABASES["default"]["NAME"]).write_bytes(b"no database" * 1000)
print(health(RequestFactory().get("/healthz")).status_code)
"""


def test_when_the_database_is_garbage_then_a_load_balancer_is_told(tmp_path: Path):
    settings = {"DJANGO_SETTINGS_MODULE": "magicshot.settings", "PYTHONPATH": str(ROOT)}
    ran = subprocess.run(
        [sys.executable, "-c", GARBAGE_FOUND],
        env=clean_environment(tmp_path, settings),
        capture_output=True,
        text=True,
        check=False,
    )
    assert ran.stdout == "503\n", ran.stderr


@pytest.mark.parametrize("command", ["models", "fill_catalog"])
def test_when_only_asked_then_an_older_database_is_left_alone(
    tmp_path: Path, command: str
):
    assert manage("migrate", "gallery", "0001_squashed", home=tmp_path).returncode == 0
    ran = manage(command, home=tmp_path)
    assert ran.returncode == 1
    assert "run `manage.py migrate`" in ran.stderr
    database = sqlite3.connect(tmp_path / "db.sqlite3")
    rows = "SELECT count(*) FROM django_migrations WHERE app = 'generators'"
    assert database.execute(rows).fetchone() == (0,)
    database.close()
    assert manage("migrate", home=tmp_path).returncode == 0
    assert manage(command, home=tmp_path).returncode == 0
