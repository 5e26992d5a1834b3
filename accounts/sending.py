"""Sends the messages that make workers look. One that is lost is only late."""

import logging
from typing import Any

import amqp.exceptions
import redis.exceptions
from celery import current_app
from kombu.exceptions import KombuError

STRIPE_EVENTS = "accounts.follow_stripe"

BROKER_ERRORS: tuple[type[Exception], ...] = (
    KombuError,
    amqp.exceptions.AMQPError,
    redis.exceptions.RedisError,
    OSError,
)

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
    except BROKER_ERRORS as error:
        logger.warning("Could not send %s: %s", task, error)
        return False
    return True
