"""The database's clock, which all workers share, so that a skewed one steals nothing.

On SQLite that clock is the machine's own, and so the worker's.
"""

import datetime

from django.db import connection
from django.db.models.expressions import Combinable
from django.db.models.functions import Now

__all__ = ["Now", "after", "before", "read"]


def after(seconds: float) -> Combinable:
    """Return an expression for the moment that many seconds from now."""
    return Now() + datetime.timedelta(seconds=seconds)


def before(seconds: float) -> Combinable:
    """Return an expression for the moment that many seconds ago."""
    return Now() - datetime.timedelta(seconds=seconds)


def read() -> datetime.datetime:
    """Ask the database what time it is."""
    with connection.cursor() as cursor:
        if connection.vendor == "sqlite":
            cursor.execute("SELECT STRFTIME('%Y-%m-%dT%H:%M:%f+00:00', 'now')")
            return datetime.datetime.fromisoformat(cursor.fetchone()[0])
        cursor.execute("SELECT STATEMENT_TIMESTAMP()")
        moment: datetime.datetime = cursor.fetchone()[0]
        return moment.astimezone(datetime.UTC)
