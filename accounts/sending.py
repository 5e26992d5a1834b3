"""Sends the messages that make workers look. One that is lost is only late."""

import logging
from typing import Any

from celery import current_app
from kombu.exceptions import KombuError

STRIPE_EVENTS = "accounts.follow_stripe"

logger = logging.getLogger(__name__)


def send(task: str, *arguments: str, **options: Any) -> bool:
    """Send a task's message; say whether the broker took it. Failures are logged."""
    try:
        current_app.send_task(
            task,
            args=arguments,
            retry=True,
            retry_policy={"max_retries": 1, "interval_start": 0, "interval_max": 0},
            **options,
        )
    except broker_errors() as error:
        logger.warning("Could not send %s: %s", task, error)
        return False
    return True


def broker_errors() -> tuple[type[Exception], ...]:
    """Return what sending may raise; looked up when it did, for the imports are slow."""
    import amqp.exceptions
    import redis.exceptions

    return (
        KombuError,
        amqp.exceptions.AMQPError,
        redis.exceptions.RedisError,
        OSError,
    )
