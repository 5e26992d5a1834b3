"""Brings a data folder up to date before the site starts; quick when it already is."""

import hashlib
from collections.abc import Iterator

from django.conf import settings
from django.contrib.staticfiles.finders import get_finders
from django.core.exceptions import ImproperlyConfigured
from django.core.management import call_command
from django.db import OperationalError, connection
from django.db.migrations.executor import MigrationExecutor

from generators import catalog
from magicshot.env import in_plain_words


def prepare(*, static: bool) -> None:
    """Migrate, fill the catalogue, and gather the static files, as far as needed.

    Raises ``ImproperlyConfigured`` when the data folder or the database refuses.
    """
    with in_plain_words(settings.MAGICSHOT_HOME):
        migrate()
        catalog.fill()
        if static and not settings.DEBUG:
            collect_static()


def migrate() -> bool:
    """Bring the database up to date; say whether there was anything to do.

    Raises ``ImproperlyConfigured`` when the database cannot be read or written.
    """
    try:
        executor = MigrationExecutor(connection)
        if not executor.migration_plan(executor.loader.graph.leaf_nodes()):
            return False
        call_command("migrate", interactive=False, verbosity=0)
    except OperationalError as error:
        raise ImproperlyConfigured(
            f"The database {settings.DATABASES['default']['NAME']} cannot be used: "
            f"{str(error).strip()}."
        ) from error
    return True


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
