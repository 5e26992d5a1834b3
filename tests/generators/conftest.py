"""Tiny models, a shared engine, services, a quiet broker, and a live site's pages."""

import os
import re
import uuid

import pytest
from playwright.sync_api import sync_playwright

from generators import catalog, wake
from generators.models import ImageModel
from generators.providers import registry
from generators.providers.local.engine_client import EngineClient
from generators.providers.local_diffusers import LocalDiffusersProvider
from tests.accounts.chromium import ARGUMENTS
from tests.fakes.shared_engine import SharedEngine
from tests.fakes.shop import ShopProvider, spec
from tests.fakes.studio import FakeStudio, StudioProvider
from tests.generators.live_site import PASSWORD, LiveSite
from tests.generators.pressing import WAIT_MS

_CHROMIUM = "/usr/bin/chromium"

# One thread in the engines and in bare pipelines: tiny tensors gain nothing from more,
# and threads that wait for each other crawl on a busy machine. Read when torch starts.
os.environ.setdefault("OMP_NUM_THREADS", "1")


@pytest.fixture(scope="session")
def tiny_models(tmp_path_factory):
    """A models folder: one tiny pipeline a family, and two single files."""
    from tests.fakes import tiny_pipelines

    root = tmp_path_factory.mktemp("models")
    tiny_pipelines.save_all(root)
    tiny_pipelines.save_single_file(root / "tiny-single.safetensors")
    tiny_pipelines.save_single_file(root / "tiny-single-xl.safetensors", family="sdxl")
    return root


@pytest.fixture(scope="session")
def shared_engine():
    """An engine that outlives its providers: starting one costs seconds."""
    engine = SharedEngine(limit_mb=0, idle_seconds=600)
    yield engine
    EngineClient.close(engine)


@pytest.fixture
def models_folder(settings, tmp_path):
    """An empty models folder of the site's own, and no built-in models."""
    settings.BUILT_IN_MODELS_DIR = tmp_path / "built-in"
    settings.MODELS_DIR = tmp_path / "models"
    settings.MODELS_DIR.mkdir()
    return settings.MODELS_DIR


@pytest.fixture
def local(settings, models_folder, tiny_models, shared_engine):
    """The local provider with the tiny models."""
    settings.MODELS_DIR = tiny_models
    return LocalDiffusersProvider(engine=shared_engine)


@pytest.fixture
def shop(settings, monkeypatch) -> type[ShopProvider]:
    """The shop, as the only provider."""
    settings.FAKE_PROVIDER = False
    path = f"{ShopProvider.__module__}.ShopProvider"
    monkeypatch.setattr(registry, "_PATHS", {"shop": path})
    monkeypatch.setattr(ShopProvider, "shelf", (spec("brush"),))
    monkeypatch.setattr(ShopProvider, "is_open", True)
    ImageModel.objects.all().delete()
    return ShopProvider


@pytest.fixture
def bell(monkeypatch) -> list[str]:
    """The lanes that were woken: messages that no broker holds and no worker takes."""
    lanes: list[str] = []
    monkeypatch.setattr(wake, "ring", lambda lane, **_: lanes.append(str(lane)))
    monkeypatch.setattr(wake, "num_waiting", lambda lane: lanes.count(str(lane)))
    return lanes


@pytest.fixture
def studio(db, settings, monkeypatch):
    """The studio's service, its provider as the only one, and no connection yet."""
    settings.FAKE_PROVIDER = False
    path = f"{StudioProvider.__module__}.StudioProvider"
    for name, value in (
        ("_PATHS", {"studio": path}),
        ("_instances", {}),
        ("_bound", {}),
    ):
        monkeypatch.setattr(registry, name, value)
    ImageModel.objects.all().delete()
    catalog.fill()
    with FakeStudio() as service:
        yield service
        registry.close_all()


@pytest.fixture(scope="module")
def site(tmp_path_factory):
    """The whole site, with its workers."""
    site = LiveSite(tmp_path_factory.mktemp("site"))
    yield site
    site.stop()


@pytest.fixture(scope="module")
def chromium():
    """Debian's Chromium."""
    with sync_playwright() as playwright:
        browser = playwright.chromium.launch(executable_path=_CHROMIUM, args=ARGUMENTS)
        yield browser
        browser.close()


@pytest.fixture
def complaints():
    """What the browser's console complained about; must be empty in the end."""
    heard: list[str] = []
    yield heard
    expected = re.compile("status of [45]|net::ERR_|Failed to fetch")  # of our making
    assert [each for each in heard if not expected.search(each)] == []


@pytest.fixture
def new_page(site, chromium, complaints):
    """Opens the Create page of a new person, in a browser profile of its own."""
    contexts = []

    def open_page(**options):
        context = chromium.new_context(**options)
        contexts.append(context)
        context.set_default_timeout(WAIT_MS)
        page = context.new_page()
        page.on("console", lambda said: _note(said, complaints))
        page.on("pageerror", lambda error: complaints.append(str(error)))
        page.goto(f"{site.url}/accounts/signup/")
        page.fill("[name=email]", f"p-{uuid.uuid4().hex[:8]}@example.org")
        page.fill("[name=password1]", PASSWORD)
        page.click("main button[type=submit]")
        page.wait_for_url(f"{site.url}/")
        page.goto(f"{site.url}/?image_model=fake")  # the first may be a real one
        return page

    yield open_page
    for context in contexts:
        context.close()


def _note(said, complaints):
    if said.type in {"error", "warning"}:
        complaints.append(said.text)
