"""Many threads and processes keep and delete the same picture: real databases, races."""

import os
import subprocess
import sys
from pathlib import Path

import pytest

from tests.accounts.test_ledger_concurrency import ROOT, manage, own_database

CHECK = """
from collections import Counter
from pathlib import Path
from django.conf import settings
from gallery.models import Image, StoredFile
held = Counter(Image.objects.values_list("file_id", flat=True))
rows = list(StoredFile.objects.all())
assert {row.pk: row.ref_count for row in rows} == dict(held), (rows, held)
known = {p for row in rows for p in (row.path, row.small_path, row.large_path)}
root = Path(settings.MEDIA_ROOT)
there = {str(p.relative_to(root)) for p in root.rglob("*") if p.is_file()}
assert known == there, (known - there, there - known)
print(Image.objects.filter(job_id=None).count(), Image.objects.exclude(job_id=None).count())
"""

RESTORED_MEANWHILE = """
import threading, time
from django.db import connection, transaction
from accounts.models import User
from gallery.models import Image
from gallery.storage import delete_forever
from tests.gallery.making import make_image
def is_somebody_waiting():
    with connection.cursor() as cursor:
        cursor.execute("SELECT 1 FROM pg_locks WHERE NOT granted")
        return cursor.fetchone()
def delete():
    deleted.append(delete_forever(Image.objects.all()))
    connection.close()
owner, deleted = User.objects.create_user("a@example.org"), []
make_image(owner)
Image.objects.trash()
deleter = threading.Thread(target=delete)
with transaction.atomic():
    Image.objects.restore()
    deleter.start()
    until = time.monotonic() + 20
    while not is_somebody_waiting():
        assert time.monotonic() < until
        time.sleep(0.02)
deleter.join()
print(deleted, Image.objects.kept().count())
"""


def race(environment: dict[str, str], *, processes: int, rounds: int) -> None:
    """Let them fight over two pictures, then check rows against files."""
    manage(environment, "migrate", "-v0")
    owner_id = manage(
        environment,
        "shell",
        "-v0",
        "-c",
        "from accounts.models import User;"
        "print(User.objects.create_user('a@example.org').pk)",
    ).strip()
    module = "tests.gallery.keeping_workload"
    running = [
        subprocess.Popen(
            [sys.executable, "-m", module, owner_id, str(rounds), "2"],
            cwd=ROOT,
            env=environment,
            text=True,
            stdout=subprocess.PIPE,
        )
        for _ in range(processes)
    ]
    left = sum(int(child.communicate(timeout=200)[0]) for child in running)
    assert manage(environment, "shell", "-v0", "-c", CHECK).split() == [
        str(left),
        str(rounds),
    ]


def surroundings(home: Path) -> dict[str, str]:
    return os.environ | {
        "MAGICSHOT_HOME": str(home),
        "DJANGO_SETTINGS_MODULE": "magicshot.settings",
    }


def test_equal_content_under_races_on_sqlite(tmp_path):
    race(surroundings(tmp_path), processes=2, rounds=5)


@pytest.mark.services
def test_equal_content_under_races_on_postgresql(tmp_path):
    with own_database() as address:
        environment = surroundings(tmp_path) | {"DATABASE_URL": address}
        race(environment, processes=3, rounds=8)


@pytest.mark.services
def test_a_picture_restored_while_it_is_deleted_stays(tmp_path):
    with own_database() as address:
        environment = surroundings(tmp_path) | {"DATABASE_URL": address}
        manage(environment, "migrate", "-v0")
        said = manage(environment, "shell", "-v0", "-c", RESTORED_MEANWHILE)
        assert said.split() == ["[0]", "1"]
