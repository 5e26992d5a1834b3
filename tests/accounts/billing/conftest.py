"""A fake of Stripe, and a site that its webhooks go to."""

import pytest

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
