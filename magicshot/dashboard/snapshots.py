"""Figures that are kept for a while, so that looking at the page adds up nothing.

What took long is kept long: at most one part in ``SHARE`` of the time goes into it. Beat
makes everything anew each minute, so that nobody waits for it; without beat the first
who looks does, and whoever looks meanwhile gets the one before.
"""

import contextlib
import datetime as dt
import logging
import time
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from typing import Any, Final, Generic, TypeVar

from django.core.cache import cache
from django.utils import timezone
from redis.exceptions import RedisError

SHARE: Final = 2000
SHORTEST_SECONDS: Final = 2.0
LONGEST_SECONDS: Final = 3600.0
_MAKING_SECONDS: Final = 60.0
"""For how long at most one who makes it keeps others from it: they may have died."""
_VERSION: Final = 1  # raise it when what is kept gets other fields

T = TypeVar("T")
logger = logging.getLogger(__name__)


@dataclass(frozen=True, slots=True, kw_only=True)
class Snapshot(Generic[T]):
    """What was made, when, and for how many seconds it is good."""

    value: T
    made_at: dt.datetime
    seconds: float

    @property
    def is_half_over(self) -> bool:
        """Say whether it should be made anew before anybody needs it."""
        return self._age > self.seconds / 2

    @property
    def is_over(self) -> bool:
        """Say whether it is good only until another is there."""
        return self._age > self.seconds

    @property
    def _age(self) -> float:
        return (timezone.now() - self.made_at).total_seconds()


def kept(name: str, make: Callable[[], T]) -> Snapshot[T]:
    """Return what is kept under a name, made now if there is nothing good."""
    found: Snapshot[T] | None = _found(name)
    if found is not None and not found.is_over:
        return found
    return _made_alone(name, make) or found or _made(name, make)


def renew(name: str, make: Callable[[], T]) -> None:
    """Make it anew, if what is kept has seen half of its time."""
    found: Snapshot[T] | None = _found(name)
    if found is None or found.is_half_over:
        _made_alone(name, make)


def forget(names: list[str]) -> None:
    """Let what is kept under these names be made anew at the next look."""
    with _even_without_cache():
        cache.delete_many([_key(name) for name in names])


@contextlib.contextmanager
def _even_without_cache() -> Iterator[None]:
    """Go on while the cache is away: an admin looks here when something is."""
    try:
        yield
    except (OSError, RedisError) as error:
        logger.warning("The dashboard's figures are not kept: %s", error)


def _found(name: str) -> Any:
    with _even_without_cache():
        return cache.get(_key(name))
    return None


def _made_alone(name: str, make: Callable[[], T]) -> Snapshot[T] | None:
    """Make it, unless another does just now."""
    mark = f"{_key(name)}:being-made"
    with _even_without_cache():
        if not cache.add(mark, True, timeout=_MAKING_SECONDS):
            return None
    try:
        return _made(name, make)
    finally:
        with _even_without_cache():
            cache.delete(mark)


def _made(name: str, make: Callable[[], T]) -> Snapshot[T]:
    began = time.perf_counter()
    value = make()
    seconds = min(
        max(SHARE * (time.perf_counter() - began), SHORTEST_SECONDS), LONGEST_SECONDS
    )
    snapshot = Snapshot(value=value, made_at=timezone.now(), seconds=seconds)
    with _even_without_cache():
        cache.set(_key(name), snapshot, timeout=seconds + LONGEST_SECONDS)
    return snapshot


def _key(name: str) -> str:
    return f"dashboard:{_VERSION}:{name}"
