"""Which providers there are: one line each, imported on first use."""

import threading

from django.conf import settings
from django.utils.module_loading import import_string

from generators.contracts import Access
from generators.errors import NotConfigured
from generators.providers.base import Provider, RemoteProvider

LOCAL = "local"
LOCAL_UPSCALE = "local-upscale"
LOCAL_STYLE = "local-style"
LOCAL_GATYS = "local-gatys"
FAKE = "fake"
FAKE_LOCAL = "fake-local"

_PATHS: dict[str, str] = {
    LOCAL: "generators.providers.local_diffusers.LocalDiffusersProvider",
    LOCAL_UPSCALE: "generators.providers.local_upscaling.LocalUpscalingProvider",
    LOCAL_STYLE: "generators.providers.local_styling.LocalStylingProvider",
    LOCAL_GATYS: "generators.providers.local_gatys.LocalGatysProvider",
    "ideogram": "generators.providers.ideogram.provider.IdeogramProvider",
    "black-forest-labs": "generators.providers.black_forest_labs.provider.BlackForestLabsProvider",
    "google": "generators.providers.google_images.provider.GoogleImagesProvider",
    "openai": "generators.providers.openai_images.provider.OpenAIProvider",
    "openai-compatible": "generators.providers.openai_images.compatible.CompatibleProvider",
    "stability": "generators.providers.stability.provider.StabilityProvider",
}
_TEST_PATHS = {
    FAKE: "generators.providers.fake.FakeProvider",
    FAKE_LOCAL: "generators.providers.fake.FakeLocalProvider",
}

_lock = threading.Lock()
_instances: dict[str, Provider] = {}
_bound: dict[tuple[str, Access], RemoteProvider] = {}
_MOST_BOUND = 64
"""Connections change seldom; when an old key is replaced, its provider is let go."""


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


def label_of(slug: str) -> str:
    """Return a provider's own name; the slug of one that this site no longer has."""
    try:
        return get(slug).label
    except NotConfigured:
        return slug


def remote_slugs() -> tuple[str, ...]:
    """List the providers of this site that are reached through connections."""
    return tuple(slug for slug in all_slugs() if isinstance(get(slug), RemoteProvider))


def bind(slug: str, access: Access) -> RemoteProvider:
    """Return this process's instance of a remote provider for one connection.

    Raises ``NotConfigured`` for a slug that no remote provider of this site has.
    """
    unbound = get(slug)
    if not isinstance(unbound, RemoteProvider):
        raise NotConfigured(detail=f"{slug!r} takes no connection")
    with _lock:
        if (slug, access) not in _bound:
            while len(_bound) >= _MOST_BOUND:  # those at work keep it until they end
                del _bound[next(iter(_bound))]
            _bound[slug, access] = type(unbound)(access)
        return _bound[slug, access]


def close_all() -> None:
    """Let every provider of this process go of what it holds; before it ends."""
    with _lock:
        for provider in (*_instances.values(), *_bound.values()):
            provider.close()
        _instances.clear()
        _bound.clear()
