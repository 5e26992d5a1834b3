"""Gets ready what a worker's first jobs need, while nobody waits for it yet."""

import logging
from typing import Any

from celery.signals import worker_ready
from django.conf import settings

from generators.contracts import Lane
from generators.errors import ProviderError
from generators.models import Connection
from generators.patience import let_go_of_database
from generators.providers import registry
from generators.providers.base import RemoteProvider
from generators.wake import queue_of

logger = logging.getLogger(__name__)


@worker_ready.connect
def warm_up(sender: Any, **_: Any) -> None:
    """Preload what serves this worker's lanes: local models, connected services."""
    if not settings.PRELOAD:
        return
    queues = {queue.name for queue in sender.task_consumer.queues}
    lanes = {lane for lane in Lane if queue_of(lane) in queues}
    connected = set(Connection.objects.values_list("provider", flat=True))
    let_go_of_database()
    for slug in registry.all_slugs():
        provider = registry.get(slug)
        is_used = slug in connected or not isinstance(provider, RemoteProvider)
        if provider.lane in lanes and is_used:
            try:
                provider.preload()
            except ProviderError as error:
                logger.warning("%s is not warm: %s", slug, error.detail or error)
