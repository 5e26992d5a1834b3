"""How a worker with a result in its hands waits for a database that is away."""

import logging
import time
from collections.abc import Callable

from django.db import InterfaceError, OperationalError, connection, connections

DATABASE_AWAY = (OperationalError, InterfaceError)
DATABASE_PAUSES = (0.2, 0.5, 1, 2, 5, 10, 20, 30, 30)
"""Seconds between the tries, about a minute and a half in all."""

logger = logging.getLogger(__name__)


def patiently(write: Callable[[], bool]) -> bool:
    """Write, and write again while the database is away; raise one of its errors last."""
    for pause in DATABASE_PAUSES:
        try:
            return write()
        except DATABASE_AWAY as error:
            logger.warning("The database is away, trying again: %s", error)
            connections.close_all()
            time.sleep(pause)
    return write()


def let_go_of_database() -> None:
    """Hold no connection during a long wait; the next query opens one again."""
    if not connection.in_atomic_block:
        connection.close()
