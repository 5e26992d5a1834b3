"""Wakes a lane: sends the message that makes a worker look for a due job.

A message carries no job. One that cannot be sent is only logged, because the
reconciler sends what is missing.
"""

from typing import Any

from celery import current_app
from django.conf import settings

from accounts import sending

TASK = "generators.wake_lane"
LONGEST_COUNTDOWN_SECONDS = 60.0
"""Redis gives later messages to a second worker; the reconciler wakes what is later."""


def queue_of(lane: str) -> str:
    """Return the name of a lane's queue at the broker."""
    return f"{settings.QUEUE_PREFIX}{lane}"


def ring(lane: str, *, in_seconds: float = 0) -> bool:
    """Make one worker of a lane look for a due job, now or in up to a minute."""
    if in_seconds > LONGEST_COUNTDOWN_SECONDS:
        return False
    return sending.send(TASK, lane, queue=queue_of(lane), countdown=in_seconds or None)


def num_waiting(lane: str) -> int:
    """Count a lane's messages at the broker that no worker has taken yet.

    Raises one of ``sending.broker_errors()`` when the broker is not there.
    """
    queue = current_app.amqp.queues[queue_of(lane)]
    with current_app.connection_for_write() as connection:
        # Declared as Celery does, so that a queue nobody has used yet counts as empty.
        declared: Any = queue(connection.default_channel).queue_declare()
        return int(declared.message_count)
