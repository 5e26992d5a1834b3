"""SIGKILL at every kill point of an export and of a deletion: the next pass ends it."""

import signal
import sqlite3
import subprocess
import sys
from pathlib import Path

import pytest

from tests.e2e.site import clean_environment

ROOT = Path(__file__).parents[3]
MOST_POINTS = 90

pytestmark = [pytest.mark.chaos, pytest.mark.timeout(600)]

FILL = """
from accounts import deletions, ledger
from accounts.models import User
from django.utils import timezone
from gallery.models import Image
from magicshot.leaving import exports
from tests.gallery.making import make_image
from tests import factories
from generators import jobs
User.objects.filter(email="bob@example.org").exists() or make_image(
    User.objects.create_user("bob@example.org"), 1, prompt="his")
ann = User.objects.create_user("ann@example.org")
ledger.wallet_of(ann)
jobs.cancel_job(factories.make_job(ann, "a gazebo"))
for shade in range(3):
    make_image(ann, shade, prompt="gazebo")
exports.ask(ann)
"""
DUE = """
from accounts import deletions
from accounts.models import User
from django.utils import timezone
ann = User.objects.get(email="ann@example.org")
deletions.ask(ann, by=ann)
User.objects.filter(pk=ann.pk).update(deletion_due_at=timezone.now())
"""
LOOK = """
from accounts import ledger_audit
from accounts.models import Deletion, Export, User
from gallery.models import StoredFile
assert ledger_audit.audit() == []
for row in StoredFile.objects.all():
    assert row.ref_count == row.images.count(), row
"""


class Home:
    """A data folder that processes work on, one after the other."""

    def __init__(self, path: Path) -> None:
        self.path = path
        self._environment = clean_environment(
            path, {"FAKE_PROVIDER": "1", "DJANGO_SETTINGS_MODULE": "magicshot.settings"}
        )
        self.run("manage.py", "migrate", "-v0")

    def run(self, *arguments: str, may_die: bool = False) -> bool:
        """Run a process; say whether it was killed."""
        done = subprocess.run(
            [sys.executable, "-W", "ignore", *arguments],
            cwd=ROOT,
            env=self._environment,
            capture_output=True,
            text=True,
            check=False,
        )
        is_killed = done.returncode == -signal.SIGKILL
        assert done.returncode == 0 or (is_killed and may_die), done.stderr
        return is_killed

    def shell(self, program: str) -> None:
        """Run a program in the site's shell."""
        self.run("manage.py", "shell", "-v0", "-c", program)

    def doomed(self, what: str, number: int) -> bool:
        """Let a worker die at a kill point; say whether it came by so many."""
        name = "tests.magicshot.leaving.doomed"
        return self.run("-m", name, what, str(number), may_die=True)

    def bytes_of_database(self) -> bytes:
        """Return the files of the database, with what was not yet folded in."""
        return b"".join(path.read_bytes() for path in self.path.glob("db.sqlite3*"))

    def one(self, query: str) -> object:
        """Ask the database a question with one answer."""
        with sqlite3.connect(self.path / "db.sqlite3") as database:
            (answer,) = database.execute(query).fetchone()
        database.close()
        return answer

    def files(self, folder: str) -> list[str]:
        """Return the names of a folder's files, and of its folders' files."""
        found = (self.path / "media" / folder).rglob("*")
        return [path.name for path in found if path.is_file()]


@pytest.fixture(scope="module")
def home(tmp_path_factory: pytest.TempPathFactory) -> Home:
    """A site with Bob, whose one picture is also one of Ann's."""
    return Home(tmp_path_factory.mktemp("kills") / "home")


def kill_at_each_point(home: Home, what: str) -> int:
    """Let one worker after the other die, each a little further on; count them.

    Of points that were passed, the later ones come by again: so each kill but the first
    hits work that was broken off before.
    """
    for number in range(1, MOST_POINTS):
        if not home.doomed(what, number):
            return number - 1
    raise AssertionError("it never ended")


def test_wherever_workers_are_killed_the_export_is_whole_and_the_account_gone(
    home: Home,
):
    home.shell(FILL)
    assert kill_at_each_point(home, "export") == 4
    assert home.one("SELECT state FROM accounts_export") == "ready"
    assert home.one("SELECT num_troubled FROM accounts_export") == 0
    home.shell(DUE)
    assert kill_at_each_point(home, "delete") >= 10
    home.doomed("delete", 0)
    home.shell(LOOK)
    assert home.one("SELECT COUNT(*) FROM accounts_user") == 1
    assert home.one("SELECT COUNT(*) FROM accounts_deletion") == 0
    assert len(home.files("pictures")) == 3, "Bob's picture and its thumbnails"
    assert b"gazebo" not in home.bytes_of_database()
    assert b"ann@example.org" not in home.bytes_of_database()
