"""A fake of Stripe, and a site that its webhooks go to."""

import pytest
from django.core.cache import cache

from accounts import sending
from tests.accounts.billing.shopping import Shop
from tests.fakes.stripe import StripeFake
from tests.fakes.wire import Call, FakeService, Reply


class Endpoint(FakeService):
    """Takes webhooks in; ``answers`` are the statuses of the next ones, then 200."""

    routes = (("POST", r"/hook", "hook"),)

    def __init__(self) -> None:
        super().__init__()
        self.answers: list[int] = []

    def is_open(self, call: Call) -> bool:
        return True

    def hook(self, call: Call) -> Reply:
        """Take one in."""
        status = self.answers.pop(0) if self.answers else 200
        return Reply(status=status, json={})

    @property
    def types(self) -> list[str]:
        """Return the types of the events that came, in order."""
        return [call.json["type"] for call in self.calls]


@pytest.fixture
def stripe_fake():
    """An account of Stripe's, on loopback."""
    with StripeFake() as stripe:
        yield stripe


@pytest.fixture
def endpoint(stripe_fake):
    """Where the fake sends its webhooks."""
    with Endpoint() as endpoint:
        stripe_fake.webhooks.url = f"{endpoint.url}/hook"
        yield endpoint
        stripe_fake.webhooks.url = None


@pytest.fixture
def shop(settings, stripe_fake, alice):
    """A site with the fake's keys, and Alice before it."""
    settings.STRIPE_API_URL = stripe_fake.url
    settings.STRIPE_SECRET_KEY = stripe_fake.KEY
    settings.STRIPE_WEBHOOK_SECRET = stripe_fake.WEBHOOK_SECRET
    settings.SIGN_UP_CREDITS = 0
    cache.clear()
    return Shop(stripe_fake, alice)


@pytest.fixture(autouse=True)
def _hushed_bell(monkeypatch):
    """Tests handle news themselves; no worker listens."""
    monkeypatch.setattr(sending, "send", lambda *arguments, **options: True)
