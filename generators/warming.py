"""Gets ready what a worker's first jobs need, while nobody waits for it yet."""

import logging
from collections.abc import Mapping
from typing import Any

from celery.signals import celeryd_init, worker_ready
from django.conf import settings

from generators.contracts import Lane
from generators.errors import ProviderError
from generators.models import Connection
from generators.patience import let_go_of_database
from generators.providers import registry
from generators.providers.base import Provider, RemoteProvider
from generators.wake import queue_of

logger = logging.getLogger(__name__)


@celeryd_init.connect
def warm_engines(options: Mapping[str, Any], **_: Any) -> None:
    """Preload the local models of this worker's lanes, before it asks the database."""
    if not settings.PRELOAD:
        return
    queues = options.get("queues") or [queue_of(lane) for lane in Lane]
    for slug in registry.all_slugs():
        provider = registry.get(slug)
        is_local = not isinstance(provider, RemoteProvider)
        if is_local and queue_of(provider.lane) in queues:
            _preload(provider)


@worker_ready.connect
def warm_connections(sender: Any, **_: Any) -> None:
    """Preload the connected services of this worker's lanes."""
    if not settings.PRELOAD:
        return
    queues = {queue.name for queue in sender.task_consumer.queues}
    connected = set(Connection.objects.values_list("provider", flat=True))
    let_go_of_database()
    for slug in registry.all_slugs():
        provider = registry.get(slug)
        if slug in connected and queue_of(provider.lane) in queues:
            _preload(provider)


def _preload(provider: Provider) -> None:
    try:
        provider.preload()
    except ProviderError as error:
        logger.warning("%s is not warm: %s", provider.slug, error.detail or error)
