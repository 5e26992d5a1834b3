"""A cache and a data folder of its own for each test, and no message that is left over."""

import pytest
from django.core.cache import cache
from django.test import Client

from magicshot.leaving import building
from tests.accounts.test_sign_in import sign_in_freshly


@pytest.fixture(autouse=True)
def _own_home(settings, tmp_path, sent):
    settings.MAGICSHOT_HOME = tmp_path / "home"
    settings.MAGICSHOT_HOME.mkdir()
    cache.clear()
    building._is_stopping.clear()


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
