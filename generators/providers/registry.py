"""Which providers there are: one line each, imported on first use."""

import threading

from django.conf import settings
from django.utils.module_loading import import_string

from generators.errors import NotConfigured
from generators.providers.base import Provider

LOCAL = "local"
FAKE = "fake"
FAKE_LOCAL = "fake-local"

_PATHS: dict[str, str] = {
    LOCAL: "generators.providers.local_diffusers.LocalDiffusersProvider",
}
_TEST_PATHS = {
    FAKE: "generators.providers.fake.FakeProvider",
    FAKE_LOCAL: "generators.providers.fake.FakeLocalProvider",
}

_lock = threading.Lock()
_instances: dict[str, Provider] = {}


def _paths() -> dict[str, str]:
    return _PATHS | (_TEST_PATHS if settings.FAKE_PROVIDER else {})


def all_slugs() -> tuple[str, ...]:
    """List the providers of this site; the fake ones only where a setting asks."""
    return tuple(_paths())


def get(slug: str) -> Provider:
    """Return this process's one instance of a provider.

    Raises ``NotConfigured`` for a slug that no provider of this site has.
    """
    path = _paths().get(slug)
    if path is None:
        raise NotConfigured(
            "This model's provider is not part of this site.",
            detail=f"no provider is registered as {slug!r}",
        )
    with _lock:
        if slug not in _instances:
            _instances[slug] = import_string(path)()
        return _instances[slug]


def close_all() -> None:
    """Let every provider of this process go of what it holds; before it ends."""
    with _lock:
        for provider in _instances.values():
            provider.close()
        _instances.clear()
