"""A cache and a data folder of its own for each test, so that no limit carries over."""

import pytest
from django.core.cache import cache


@pytest.fixture(autouse=True)
def _fresh_limits(settings, tmp_path):
    settings.MAGICSHOT_HOME = tmp_path / "home"
    settings.MAGICSHOT_HOME.mkdir()
    cache.clear()


@pytest.fixture
def _mail(settings):
    """A site that can send mail, and so asks to confirm addresses."""
    settings.EMAIL_IS_SET = True
    settings.ACCOUNT_EMAIL_VERIFICATION = "mandatory"
    settings.ACCOUNT_EMAIL_NOTIFICATIONS = True
