"""The generators app: image models and jobs."""

from typing import Any

from django.apps import AppConfig
from django.db import connections
from django.db.models.signals import post_migrate


class GeneratorsConfig(AppConfig):
    """Names the app, registers its checks, fills the catalogue after each migration."""

    name = "generators"
    default_auto_field = "django.db.models.BigAutoField"

    def ready(self) -> None:
        """Register the system checks; fill the dropdown when the tables may be new."""
        from generators import checks  # noqa: F401 - registers itself

        post_migrate.connect(_fill_catalog, sender=self)


def _fill_catalog(*, using: str, **_: Any) -> None:
    from generators import catalog  # models cannot be imported before the apps are up
    from generators.models import ImageModel

    connection = connections[using]
    table = ImageModel._meta.db_table
    with connection.cursor() as cursor:
        if table not in connection.introspection.table_names(cursor):
            return  # migrated back to nothing
        there = connection.introspection.get_table_description(cursor, table)
    wanted = {each.column for each in ImageModel._meta.local_concrete_fields}
    if using == "default" and wanted <= {column.name for column in there}:
        catalog.fill()
