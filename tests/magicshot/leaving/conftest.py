"""A cache and a data folder of its own for each test, and no message that is left over."""

import pytest
from django.core.cache import cache
from django.test import Client

from accounts import sending
from generators import wake
from magicshot.leaving import building
from tests.accounts.test_sign_in import sign_in_freshly


@pytest.fixture(autouse=True)
def _own_home(settings, tmp_path):
    settings.MAGICSHOT_HOME = tmp_path / "home"
    settings.MAGICSHOT_HOME.mkdir()
    cache.clear()
    building._is_stopping.clear()


@pytest.fixture(autouse=True)
def sent(monkeypatch) -> list[str]:
    """The tasks that were sent: messages that no broker holds and no worker takes."""
    tasks: list[str] = []
    monkeypatch.setattr(sending, "send", lambda task, *_, **__: tasks.append(task))
    monkeypatch.setattr(wake, "num_waiting", lambda lane: 10**6)
    return tasks


@pytest.fixture
def fresh(alice) -> Client:
    """Alice's browser, a moment after she proved who she is."""
    client = Client()
    sign_in_freshly(client, "alice@example.org", "alice's password")
    return client


@pytest.fixture
def _mail(settings):
    """A site that can send mail."""
    settings.EMAIL_IS_SET = True
