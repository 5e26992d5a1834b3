"""The one engine of this process: all local providers share it and its memory."""

import functools

from django.conf import settings

from generators.providers.local.engine_client import EngineClient


@functools.cache
def get() -> EngineClient:
    """Return it. Nothing runs before the first order, nor after ``close``."""
    return EngineClient(
        limit_mb=settings.LOCAL_MEMORY_MB,
        idle_seconds=settings.LOCAL_IDLE_SECONDS,
    )
