"""Gets a local worker's first model ready while nobody waits for it yet."""

import logging
from typing import Any

from celery.signals import worker_ready

from generators.contracts import Lane
from generators.errors import ProviderError
from generators.providers import registry
from generators.wake import queue_of

logger = logging.getLogger(__name__)


@worker_ready.connect
def warm_up(sender: Any, **_: Any) -> None:
    """Preload in a worker that serves the local lane, and only there."""
    queues = {queue.name for queue in sender.task_consumer.queues}
    if queue_of(Lane.LOCAL) not in queues:
        return
    for slug in registry.all_slugs():
        provider = registry.get(slug)
        if provider.lane is Lane.LOCAL:
            try:
                provider.preload()
            except ProviderError as error:
                logger.warning("%s is not warm: %s", slug, error.detail or error)
