"""Small pictures of jobs that are being drawn, in the cache all processes share.

A preview may fail, a job may not: every error of the cache is logged and forgotten.
"""

import logging

from django.core.cache import cache

from generators.models import GenerationJob

SECONDS_KEPT = 600
MAX_BYTES = 256 * 1024

logger = logging.getLogger(__name__)


def show(job: GenerationJob, content: bytes) -> None:
    """Keep a preview (WebP or JPEG) where the page finds it."""
    if len(content) > MAX_BYTES:
        return
    try:
        cache.set(_key(job), content, SECONDS_KEPT)
    except _cache_errors() as error:
        logger.warning("No preview for job %s: %s", job, error)


def find(job: GenerationJob) -> bytes | None:
    """Return the latest preview of a job, if there is one."""
    try:
        content: bytes | None = cache.get(_key(job))
    except _cache_errors() as error:
        logger.warning("No preview of job %s: %s", job, error)
        return None
    return content


def forget(job: GenerationJob) -> None:
    """Drop the preview of a job that ended."""
    try:
        cache.delete(_key(job))
    except _cache_errors() as error:
        logger.warning("The preview of job %s stays a while: %s", job, error)


def _cache_errors() -> tuple[type[Exception], ...]:
    from redis.exceptions import RedisError  # slow, and most sites have no Redis

    return (OSError, RedisError)


def _key(job: GenerationJob) -> str:
    return f"preview:{job.public_id}"
