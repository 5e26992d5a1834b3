"""The run command as people meet it: a console, signals, a second start."""

import contextlib
import re
import signal
import socket
import sqlite3
import urllib.request
from collections.abc import Iterator
from pathlib import Path

import psutil
import pytest

from tests.e2e.site import Site, all_gone, manage

pytestmark = [pytest.mark.whole_site, pytest.mark.timeout(240)]
NAMES = ("web", "local", "remote", "beat")


@pytest.fixture
def home(tmp_path: Path) -> Path:
    return tmp_path / "home"


@pytest.fixture
def site(home: Path) -> Iterator[Site]:
    site = Site(home, FAKE_PROVIDER="1").ready()
    yield site
    site.stop()


def status_of(url: str) -> int:
    with urllib.request.urlopen(url, timeout=30) as answer:  # noqa: S310 (our own site)
        status: int = answer.status
        return status


def test_it_starts_everything_and_ctrl_c_ends_everything(site: Site, home: Path):
    assert status_of(f"{site.url}/healthz") == 200
    assert site.setup_url.startswith(f"{site.url}/setup/?token=")
    for name in NAMES:
        assert site.child(name).is_running()
    listening = {
        connection.laddr.ip
        for connection in site.child("web").net_connections()
        if connection.status == psutil.CONN_LISTEN
    }
    assert listening <= {"127.0.0.1", "::1"}
    family = site.family()
    assert len(family) >= len(NAMES)
    assert site.stop() < 12
    assert site.process.returncode == 0
    assert all_gone(family)
    assert "Magicshot has stopped." in site.console
    assert "Traceback" not in site.console


def test_a_first_start_serves_what_its_pages_are_styled_with(site: Site):
    with urllib.request.urlopen(site.url, timeout=30) as answer:  # noqa: S310
        sheets = re.findall(r'href="(/static/[^"]+)"', answer.read().decode())
    assert sheets
    assert {status_of(f"{site.url}{sheet}") for sheet in sheets} == {200}


def test_when_a_child_is_killed_then_it_is_started_again(site: Site):
    for name in NAMES:
        first = site.child(name)
        first.kill()
        psutil.wait_procs([first], timeout=5)
        site.wait_for(rf"{name} +\| killed by SIGKILL; starting it again")
        assert site.child(name).pid != first.pid
        assert status_of(f"{site.url}/healthz") == 200


def test_when_the_run_command_is_killed_then_nothing_is_left_and_it_starts_again(
    site: Site, home: Path
):
    family = site.family()
    site.stop(signal.SIGKILL)
    assert all_gone(family)
    again = Site(home, FAKE_PROVIDER="1").ready()
    assert again.stop(signal.SIGTERM) < 12


def test_when_it_runs_already_then_a_second_on_the_same_folder_is_refused(
    site: Site, home: Path
):
    second = manage("run", home=home, PORT="1")
    assert second.returncode == 1
    assert f"already runs on {home}" in second.stderr
    assert f"process {site.process.pid}" in second.stderr
    assert "MAGICSHOT_HOME" in second.stderr
    assert "Traceback" not in second.stderr
    assert status_of(f"{site.url}/healthz") == 200


def test_when_the_port_is_taken_then_it_says_so_and_names_port(home: Path):
    with socket.create_server(("127.0.0.1", 0)) as other:
        port = other.getsockname()[1]
        refused = manage("run", home=home, PORT=str(port))
    assert refused.returncode == 1
    assert f"Port {port} on localhost cannot be used: Address already in use" in (
        refused.stderr
    )
    assert f"PORT={port + 1}" in refused.stderr
    assert "Traceback" not in refused.stderr


@pytest.mark.parametrize("port", ["banana", "70000", "-1"])
def test_when_the_port_is_no_port_then_it_is_named(home: Path, port: str):
    refused = manage("run", home=home, PORT=port)
    assert refused.returncode == 1
    assert "PORT" in refused.stderr
    assert "Traceback" not in refused.stderr


def test_a_second_start_has_nothing_to_prepare(home: Path):
    Site(home, FAKE_PROVIDER="1").ready().stop()
    key = (home / "secret_key").read_text()
    stamp = (home / "static" / ".stamp").stat()
    again = Site(home, FAKE_PROVIDER="1").ready()
    again.stop()
    assert (home / "secret_key").read_text() == key
    assert (home / "static" / ".stamp").stat().st_mtime_ns == stamp.st_mtime_ns


@pytest.mark.parametrize("number", [signal.SIGINT, signal.SIGTERM])
def test_when_told_to_stop_while_it_prepares_then_it_waits_for_nothing(
    home: Path, number: signal.Signals
):
    assert manage("migrate", "contenttypes", home=home).returncode == 0
    with contextlib.closing(sqlite3.connect(home / "db.sqlite3")) as database:
        database.execute("BEGIN EXCLUSIVE")  # the next table has to wait
        site = Site(home, FAKE_PROVIDER="1")
        site.wait_for("Preparing the site")
        family = [site.child(name) for name in NAMES]
        assert site.stop(number) < 8
    assert all_gone(family)
    assert "Traceback" not in site.console


def test_two_sites_on_one_machine_do_not_know_each_other(tmp_path: Path):
    one = Site(tmp_path / "one", FAKE_PROVIDER="1")
    two = Site(tmp_path / "two", FAKE_PROVIDER="1")
    try:
        assert one.ready().setup_url != two.ready().setup_url
    finally:
        one.stop()
        two.stop()


def test_when_the_data_folder_cannot_be_made_then_it_is_named(tmp_path: Path):
    (tmp_path / "a file").touch()
    refused = manage("run", home=tmp_path / "a file" / "home")
    assert refused.returncode == 1
    assert f"MAGICSHOT_HOME={tmp_path / 'a file' / 'home'}" in refused.stderr
    assert "Traceback" not in refused.stderr
