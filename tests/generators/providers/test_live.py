"""The real services, where a key is given: ``.venv/bin/pytest -m live``.

``LIVE_OPENAI_KEY``, ``LIVE_GOOGLE_KEY``, ``LIVE_IDEOGRAM_KEY``,
``LIVE_BLACK_FOREST_LABS_KEY``, ``LIVE_STABILITY_KEY``; for a server of your own
``LIVE_OPENAI_COMPATIBLE_URL`` and, if it wants one, its key. Each draws one picture with
the provider's cheapest model, which costs a few cents. Never part of ``make test``.
"""

import io
import os
import time
from dataclasses import replace

import pytest
from PIL import Image

from generators import errors
from generators.capabilities import Operation
from generators.contracts import (
    Accepted,
    Access,
    GenerationRequest,
    GenerationResult,
    Pending,
)
from generators.providers import registry
from generators.providers.base import RemoteProvider

pytestmark = [pytest.mark.live, pytest.mark.timeout(600)]
LONGEST_SECONDS = 300


def setting(slug: str, name: str) -> str:
    return os.environ.get(f"LIVE_{slug.replace('-', '_').upper()}_{name}", "")


def access_to(slug: str) -> Access:
    unbound = registry.get(slug)
    assert isinstance(unbound, RemoteProvider)
    usual = next(iter(unbound.base_urls), "")
    access = Access(
        base_url=setting(slug, "URL") or usual, api_key=setting(slug, "KEY")
    )
    if not access.base_url or (unbound.needs_key and not access.api_key):
        pytest.skip(f"no key or address for {slug}")
    return access


@pytest.fixture(params=registry.remote_slugs())
def provider(request, settings):
    """The adapter, bound to what the environment names."""
    settings.SITE_URL = "http://localhost"
    made = registry.bind(request.param, access_to(request.param))
    yield made
    made.close()


def cheapest(provider: RemoteProvider):
    specs = provider.catalog() or provider.check().models
    able = [
        each
        for each in specs
        if not each.retired and Operation.TEXT_TO_IMAGE in each.capabilities.operations
    ]
    return min(able, key=lambda each: each.price_credits or 1000)


def drawn(provider: RemoteProvider, request: GenerationRequest) -> GenerationResult:
    outcome: GenerationResult | Accepted | Pending
    outcome = provider.submit(request, on_progress=lambda _: True)
    end = time.monotonic() + LONGEST_SECONDS
    while not isinstance(outcome, GenerationResult):
        assert time.monotonic() < end, "it took too long"
        if isinstance(outcome, Accepted):
            handle, pause = outcome.handle, outcome.handle.next_poll_seconds
        else:
            pause = outcome.next_poll_seconds
        time.sleep(pause)
        outcome = provider.poll(handle)
    return outcome


def test_when_the_service_is_asked_then_the_key_works_and_a_picture_comes(provider):
    provider.check()
    spec = cheapest(provider)
    size = spec.capabilities.usual_size()
    assert size is not None
    request = GenerationRequest(
        provider_model_id=spec.provider_model_id,
        prompt="a red apple on a white table",
        width=size.width,
        height=size.height,
    )
    result = drawn(provider, request)
    picture = Image.open(io.BytesIO(result.images[0].content.read()))
    picture.load()
    assert min(picture.size) >= 256
    print(provider.slug, spec.slug, picture.size, result.cost)


def test_when_the_key_is_wrong_then_it_is_told_apart(provider):
    if not provider.needs_key:
        pytest.skip("it wants no key")
    access = replace(provider.access, api_key="not-a-key-0123456789abcdef")
    wrong = registry.bind(provider.slug, access)
    with pytest.raises(errors.AuthenticationFailed):
        wrong.check()
