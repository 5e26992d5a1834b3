"""The tests of jobs once more, in a process whose database is PostgreSQL."""

import os
import subprocess
import sys
import uuid
from pathlib import Path

import pytest

ROOT = Path(__file__).parents[2]
POSTGRES = "postgres://postgres@127.0.0.1:5432/postgres"

pytestmark = [pytest.mark.long, pytest.mark.services, pytest.mark.timeout(600)]


def test_every_job_test_holds_there_too():
    """Run the same tests again in a process whose database is PostgreSQL."""
    names = (
        "concurrency",
        "queue",
        "reconciler",
        "events",
        "prices",
        "pulse",
        "transitions",
    )
    files = [f"tests/generators/test_{name}.py" for name in names]
    url = POSTGRES.rpartition("/")[0] + f"/magicshot_{uuid.uuid4().hex[:12]}"
    done = subprocess.run(
        [sys.executable, "-m", "pytest", "-q", "-k", "not docs", *files],
        cwd=ROOT,
        env=os.environ | {"DATABASE_URL": url},
        capture_output=True,
        text=True,
        timeout=580,
    )
    assert done.returncode == 0, done.stdout[-5000:]
