"""What a start says when the disk or the database refuses."""

import resource
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
    ran = subprocess.run(
        [sys.executable, str(ROOT / "manage.py"), "run"],
        env=clean_environment(tmp_path, more),
        preexec_fn=lambda: resource.setrlimit(resource.RLIMIT_FSIZE, (0, 0)),
        capture_output=True,
        text=True,
        check=False,
    )
    assert_named(ran, tmp_path)
