"""Wakes a lane: sends the message that makes a worker look for a due job.

A message carries no job. One that cannot be sent is only logged, because the
reconciler sends what is missing.
"""

import logging
from collections.abc import Sequence
from typing import Any

import amqp.exceptions
import redis.exceptions
from celery import current_app
from django.conf import settings
from kombu.exceptions import KombuError

TASK = "generators.wake_lane"
LONGEST_COUNTDOWN_SECONDS = 60.0
"""Redis gives later messages to a second worker; the reconciler wakes what is later."""

BROKER_ERRORS: tuple[type[Exception], ...] = (
    KombuError,
    amqp.exceptions.AMQPError,
    redis.exceptions.RedisError,
    OSError,
)

logger = logging.getLogger(__name__)


def queue_of(lane: str) -> str:
    """Return the name of a lane's queue at the broker."""
    return f"{settings.QUEUE_PREFIX}{lane}"


def ring(lane: str, *, in_seconds: float = 0) -> bool:
    """Make one worker of a lane look for a due job, now or in up to a minute."""
    if in_seconds > LONGEST_COUNTDOWN_SECONDS:
        return False
    return send(TASK, lane=lane, arguments=[lane], in_seconds=in_seconds)


def send(
    task: str, *, lane: str, arguments: Sequence[str] = (), in_seconds: float = 0
) -> bool:
    """Send a task to a lane's workers; False, with a word in the log, if it cannot be."""
    try:
        current_app.send_task(
            task,
            args=list(arguments),
            queue=queue_of(lane),
            countdown=in_seconds or None,
            retry=True,
            retry_policy={"max_retries": 1, "interval_start": 0, "interval_max": 0},
        )
    except BROKER_ERRORS as error:
        logger.warning("Could not wake the %s lane: %s", lane, error)
        return False
    return True


def num_waiting(lane: str) -> int:
    """Count a lane's messages at the broker that no worker has taken yet.

    Raises one of ``BROKER_ERRORS`` when the broker is not there.
    """
    queue = current_app.amqp.queues[queue_of(lane)]
    with current_app.connection_for_write() as connection:
        # Declared as Celery does, so that a queue nobody has used yet counts as empty.
        declared: Any = queue(connection.default_channel).queue_declare()
        return int(declared.message_count)
