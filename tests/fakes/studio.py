"""A small remote service and its provider, for tests of what all connections share."""

import base64
import functools
import hmac
import json
import uuid
from collections.abc import Mapping
from typing import ClassVar

from accounts.models import User
from generators import catalog, errors, jobs
from generators.capabilities import Capabilities, Size
from generators.connections import set_key
from generators.contracts import (
    Accepted,
    ConnectionReport,
    Cost,
    GenerationRequest,
    GenerationResult,
    JobHandle,
    ModelSpec,
    OnProgress,
    Pending,
    ResultImage,
    WebhookNews,
)
from generators.models import Connection, GenerationJob
from generators.providers.base import RemoteProvider
from generators.providers.http import Answer, Http, common_error
from generators.terms import CostRule
from tests.fakes.wire import Call, FakeService, Reply, picture

SYNCHRONOUS = "brush"
ASYNCHRONOUS = "letter"
ABLE = Capabilities(sizes=(Size(width=64, height=64),), max_images=4, has_seed=True)
USD = 0.05


class FakeStudio(FakeService):
    """Draws at once, or takes work in and draws it by the ``polls``-th look."""

    KEY = "studio-key-c4n4ry-81bd57"
    routes = (
        ("GET", r"/v1/account", "account"),
        ("POST", r"/v1/draw", "draw"),
        ("POST", r"/v1/letters", "letter"),
        ("GET", r"/v1/letters/(\d+)", "look"),
    )

    def __init__(self) -> None:
        super().__init__()
        self.models = [SYNCHRONOUS, ASYNCHRONOUS]
        self.own_models: list[str] = []
        self.own_price: int | None = 5
        self.usd: float = USD
        self.is_listed = False
        self.withholds = False
        self.picture = picture(64, 64)
        self.polls = 1
        self.looks: dict[str, int] = {}

    def account(self, call: Call) -> Reply:
        """Tell what the key may use."""
        own = [{"name": name, "price": self.own_price} for name in self.own_models]
        told = {"models": self.models, "own": own, "balance": "$12.40"}
        return Reply(json=told)

    def draw(self, call: Call) -> Reply:
        """Draw at once."""
        return Reply(json=self._drawn())

    def letter(self, call: Call) -> Reply:
        """Take work in."""
        number = str(len(self.looks) + 1)
        self.looks[number] = 0
        return Reply(status=202, json={"id": number, **self._costs()})

    def look(self, call: Call) -> Reply:
        """Say how it stands with work."""
        assert call.match
        number = call.match[1]
        self.looks[number] += 1
        is_done = self.looks[number] > self.polls
        return Reply(json=self._drawn() if is_done else {"image": None})

    def _drawn(self) -> dict[str, object]:
        content = base64.b64encode(self.picture).decode()
        if self.withholds:
            return {"image": None, "withheld": 1, **self._costs()}
        return {"image": content, **self._costs()}

    def _costs(self) -> dict[str, object]:
        return {"usd": self.usd, "listed": self.is_listed}


def spec(model_id: str, **fields) -> ModelSpec:
    """Return an entry of the studio's catalogue, with what is not given made up."""
    values = {
        "provider": "studio",
        "provider_model_id": model_id,
        "slug": f"studio-{model_id}",
        "label": f"Studio {model_id}",
        "description": "",
        "family": "remote",
        "capabilities": ABLE,
        "price_credits": 5,
        "costs": (CostRule(usd=USD),),
    }
    return ModelSpec(**(values | fields))


class StudioProvider(RemoteProvider):
    """Talks to the studio."""

    slug = "studio"
    label = "The studio"
    base_urls = ("https://api.studio.example",)
    account_words = "The number of your shelf."
    has_webhooks = True
    max_concurrency = 7
    shelf: ClassVar[tuple[ModelSpec, ...]] = (spec(SYNCHRONOUS), spec(ASYNCHRONOUS))

    def catalog(self) -> tuple[ModelSpec, ...]:
        """List what a test put there."""
        return self.shelf

    def submit(
        self, request: GenerationRequest, *, on_progress: OnProgress
    ) -> GenerationResult | Accepted:
        """Have it drawn, or taken in."""
        if request.provider_model_id == ASYNCHRONOUS:
            told = _good(self._http.pay("v1/letters", json={})).document().value
            handle = JobHandle(
                provider=self.slug, external_id=told["id"], next_poll_seconds=0.1
            )
            return Accepted(handle=handle, cost=_cost(told))
        return _result(_good(self._http.pay("v1/draw", json={})))

    def poll(self, handle: JobHandle) -> GenerationResult | Pending:
        """Look."""
        answer = _good(self._http.get(f"v1/letters/{handle.external_id}"))
        if answer.document("image").value["image"] is None:
            return Pending(next_poll_seconds=0.1)
        return _result(answer)

    def check(self) -> ConnectionReport:
        """Ask for the account."""
        told = _good(self._http.get("v1/account")).document().value
        own = tuple(
            spec(each["name"], slug=each["name"], price_credits=each["price"])
            for each in told["own"]
        )
        return ConnectionReport(
            num_models=len(told["models"]) + len(own),
            balance=told["balance"],
            models=own,
        )

    def read_webhook(self, headers: Mapping[str, str], body: bytes) -> WebhookNews:
        """Check the signature, which is over the body."""
        signed = signature(self.access.webhook_secret, body)
        if not hmac.compare_digest(headers.get("x-signature", ""), signed):
            raise errors.AuthenticationFailed(detail="a webhook of a forger")
        return WebhookNews(external_id=json.loads(body)["id"])

    def close(self) -> None:
        """Close what is kept open."""
        if "_http" in vars(self):
            self._http.close()

    @functools.cached_property
    def _http(self) -> Http:
        key = self.access.api_key
        headers = {"Authorization": f"Bearer {key}"}
        return Http(self.access.base_url, headers=headers, key=key)


def connect(service: FakeStudio, label: str = "Studio", **columns) -> Connection:
    """Make a connection to a service, as an admin would."""
    columns = {"base_url": service.url} | columns
    row = Connection(provider="studio", label=label, **columns)
    set_key(row, service.KEY)
    row.save()
    return row


def submit(
    user: User, model: str = "studio-letter", prompt: str = "an apple"
) -> GenerationJob:
    """Press the button once, for one of the studio's models."""
    image_model = catalog.find(model)
    request = GenerationRequest(
        provider_model_id=image_model.provider_model_id,
        prompt=prompt,
        width=64,
        height=64,
    )
    return jobs.submit_generation(
        user=user,
        prompt=prompt,
        requests=[(image_model, request)],
        client_token=uuid.uuid4(),
    ).jobs.get()


def signature(secret: str, body: bytes) -> str:
    """Sign a webhook as the studio does."""
    return hmac.new(secret.encode(), body, "sha256").hexdigest()


def _good(answer: Answer) -> Answer:
    if not answer.is_good:
        raise common_error(answer)
    return answer


def _result(answer: Answer) -> GenerationResult:
    document = answer.document("image")
    if withheld := document.value.get("withheld", 0):
        cost = _cost(document.value)
        return GenerationResult(images=(), refused=withheld, cost=cost)
    image = document.picture(document.value.get("image"))
    if image is None:
        raise errors.UnexpectedResponse(detail=f"no picture: {document.value}")
    return GenerationResult(
        images=(ResultImage(content=image),), cost=_cost(document.value)
    )


def _cost(told: Mapping[str, float]) -> Cost:
    micros = round(told["usd"] * 1_000_000)
    return Cost(usd_micros=micros, is_exact=not told["listed"])
