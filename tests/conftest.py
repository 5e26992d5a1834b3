"""The fixture world: Alice owns things, Bob must be refused, Stan is staff."""

from collections.abc import Generator, Iterable, Iterator

import hypothesis
import pytest
from playwright.sync_api import Error
from pytest_socket import socket_allow_hosts

from accounts.models import User
from magicshot.celery import app

# How long an example takes says something of the machine, not of the code.
hypothesis.settings.register_profile("untimed", deadline=None)
hypothesis.settings.load_profile("untimed")


def pytest_runtest_setup(item: pytest.Item) -> None:
    """Block every socket but loopback and Unix ones, except for live tests."""
    if item.get_closest_marker("live"):
        return
    socket_allow_hosts(["127.0.0.1", "::1", "localhost"], allow_unix_socket=True)


def pytest_collection_modifyitems(items: list[pytest.Item]) -> None:
    """Begin with the long files, so that no worker is left with one at the end."""
    items.sort(key=lambda item: item.get_closest_marker("long") is None)


@pytest.hookimpl(wrapper=True)
def pytest_runtest_makereport(
    item: pytest.Item,
) -> Generator[None, pytest.TestReport, pytest.TestReport]:
    """Show what a failed test's browsers showed and its site's console said."""
    report = yield
    if report.failed:
        report.sections += _evidence(getattr(item, "funcargs", {}).values())
    return report


def _evidence(fixtures: Iterable[object]) -> Iterator[tuple[str, str]]:
    for fixture in fixtures:
        for context in getattr(fixture, "contexts", ()):
            for page in context.pages:
                try:
                    shown = page.locator("body").inner_text(timeout=2000)
                except Error as error:  # it is only evidence
                    shown = repr(error)
                yield f"page {page.url}", shown
        if console := getattr(fixture, "console", None):
            yield "console of the site, its end", console[-10_000:]


@pytest.fixture(autouse=True)
def _own_media(settings, tmp_path):
    settings.MEDIA_ROOT = tmp_path / "media"
    settings.STORAGES = settings.STORAGES | {
        "default": {
            "BACKEND": "gallery.disk.DurableFileSystemStorage",
            "OPTIONS": {
                "location": tmp_path / "media",
                "file_permissions_mode": 0o600,
            },
        }
    }


@pytest.fixture
def sent(monkeypatch) -> list[str]:
    """The tasks that Celery was told to send; no broker holds them, no worker comes."""
    tasks: list[str] = []
    monkeypatch.setattr(app, "send_task", lambda name, **_: tasks.append(name))
    return tasks


@pytest.fixture
def alice(db) -> User:
    """The owner of things."""
    return User.objects.create_user("alice@example.org", "alice's password")


@pytest.fixture
def bob(db) -> User:
    """Somebody else, who must be refused."""
    return User.objects.create_user("bob@example.org", "bob's password")


@pytest.fixture
def staff(db) -> User:
    """An admin."""
    return User.objects.create_superuser("stan@example.org", "stan's password")
