"""Brings a data folder up to date before the site starts; quick when it already is."""

import contextlib
import hashlib
from collections.abc import Iterator

from django.conf import settings
from django.contrib.staticfiles.finders import get_finders
from django.core.exceptions import ImproperlyConfigured
from django.core.management import call_command
from django.db import DatabaseError, InterfaceError, connection
from django.db.migrations.executor import MigrationExecutor

from generators import catalog
from magicshot.env import in_plain_words


def prepare(*, static: bool) -> None:
    """Migrate, fill the catalogue, and gather the static files, as far as needed.

    Raises ``ImproperlyConfigured`` when the data folder or the database refuses.
    """
    migrate()
    catalog.fill()
    if static and not settings.DEBUG:
        with in_plain_words(settings.MAGICSHOT_HOME):
            collect_static()


def migrate() -> None:
    """Bring the database up to date.

    Raises ``ImproperlyConfigured`` when it cannot be read or written.
    """
    with _database_in_plain_words():
        if _is_behind(MigrationExecutor(connection)):
            call_command("migrate", interactive=False, verbosity=0)


def make_tables() -> None:
    """Make the tables where there are none; a site that may be live is left alone.

    Raises ``ImproperlyConfigured`` when the database cannot be read or written, or has
    older tables.
    """
    with _database_in_plain_words():
        executor = MigrationExecutor(connection)
        if _is_behind(executor) and executor.loader.applied_migrations:
            raise ImproperlyConfigured(
                "The database is older than this version: stop the site, then run "
                "`manage.py migrate`."
            )
    migrate()


def _is_behind(executor: MigrationExecutor) -> bool:
    return bool(executor.migration_plan(executor.loader.graph.leaf_nodes()))


@contextlib.contextmanager
def _database_in_plain_words() -> Iterator[None]:
    try:
        yield
    except (DatabaseError, InterfaceError) as error:
        raise ImproperlyConfigured(
            f"The database {settings.DATABASES['default']['NAME']} cannot be used: "
            f"{str(error).strip()}."
        ) from error


def collect_static() -> bool:
    """Gather the static files if any changed; say whether there was anything to do."""
    stamp = settings.STATIC_ROOT / ".stamp"
    key = hashlib.sha256("\n".join(_static_files()).encode()).hexdigest()
    if stamp.exists() and stamp.read_text() == key:
        return False
    call_command("collectstatic", interactive=False, verbosity=0, clear=True)
    stamp.write_text(key)
    return True


def _static_files() -> Iterator[str]:
    for finder in get_finders():
        for path, storage in finder.list([]):
            source = storage.path(path)
            yield f"{source}:{storage.size(path)}:{storage.get_modified_time(path)}"
