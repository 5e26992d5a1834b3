"""The FLUX models through the API of Black Forest Labs, which is always asynchronous."""

import functools
import hashlib
import hmac
import json
from collections.abc import Mapping
from dataclasses import replace
from typing import Final

from generators import errors
from generators.contracts import (
    Accepted,
    ConnectionReport,
    GenerationRequest,
    GenerationResult,
    JobHandle,
    OnProgress,
    Pending,
    ResultImage,
    WebhookNews,
)
from generators.providers import limits
from generators.providers.base import RemoteProvider
from generators.providers.black_forest_labs import answers, payloads
from generators.providers.black_forest_labs.answers import Look
from generators.providers.http import Http
from generators.spool import Spool

SUBMIT_SECONDS = 300.0
LOOK_SECONDS = 30.0
FETCH_SECONDS = 120.0
"""How long one call may take in all. The paid one takes eight pictures in, no more."""

PAUSE_SECONDS: Final = 1.0
"""Between polls: half a second to two are asked for."""

_HOSTS: Final = ("bfl.ai", ".bfl.ai")


class BlackForestLabsProvider(RemoteProvider):
    """Talks to the API at api.bfl.ai (sheet of 2026-11-23).

    Work that a region took is asked for in that region: at the polling URL of its
    answer. There is no cancel and no idempotency key.
    """

    slug = "black-forest-labs"
    label = "Black Forest Labs"
    base_urls = ("https://api.bfl.ai", "https://api.eu.bfl.ai", "https://api.us.bfl.ai")
    result_hosts = _HOSTS  # (?) "a delivery host"; an admin can add others
    has_webhooks = True
    max_concurrency = 24  # submitted and not finished; kontext-max perhaps 6 (?)

    @functools.cached_property
    def _http(self) -> Http:
        return Http(
            self.access.base_url,
            headers={"x-key": self.access.api_key},
            key=self.access.api_key,
            key_hosts=_HOSTS,
            result_hosts=(*self.result_hosts, *self.access.result_hosts),
        )

    def close(self) -> None:
        """Close the connections kept open."""
        if "_http" in vars(self):
            self._http.close()

    def submit(
        self, request: GenerationRequest, *, on_progress: OnProgress
    ) -> Accepted:
        """Hand in the work. The answer tells its exact cost, and where to ask for it."""
        spec = limits.spec_of(self, request)
        if spec.retired:
            raise errors.ModelUnavailable(detail=f"{spec.slug} is retired")
        able = spec.capabilities
        one_a_call = replace(able, max_images=able.images_per_job or able.max_images)
        limits.refuse_unsupported(one_a_call, request)
        self.refuse(request)
        answer = self._http.pay(
            f"v1/{spec.provider_model_id}",
            json=payloads.payload_of(request, spec, self.access),
            seconds=SUBMIT_SECONDS,
        )
        return answers.accepted_from(
            answer, provider=self.slug, base_url=self.access.base_url
        )

    def refuse(self, request: GenerationRequest) -> None:
        """Refuse an outpainting that adds nothing."""
        payloads.refuse_unsupported(request)

    def poll(self, handle: JobHandle) -> GenerationResult | Pending:
        """Ask for the work; once it is ready, fetch the picture while its URL holds."""
        look = self._look(handle)
        if not look.sample:
            return Pending(progress=look.progress, next_poll_seconds=PAUSE_SECONDS)
        look, content = self._fetched(handle, look)
        if not content.size:
            raise errors.UnexpectedResponse(detail="a picture without a byte")
        image = ResultImage(
            content=content, seed=look.seed, revised_prompt=look.revised_prompt
        )
        return GenerationResult(
            images=(image,), provider_request_id=handle.external_id, cost=look.cost
        )

    def check(self) -> ConnectionReport:
        """Ask for the balance."""
        answer = self._http.get("v1/credits", seconds=LOOK_SECONDS)
        return ConnectionReport(balance=answers.balance_from(answer))

    def read_webhook(self, headers: Mapping[str, str], body: bytes) -> WebhookNews:
        """Verify the signature over the raw body, and return the work it is about.

        The header is of one official page only (?): a service that signs otherwise is
        refused here, and its work is polled all the same. One that rings twice, or an
        old ring sent again, only makes a poll come sooner.
        """
        secret = self.access.webhook_secret.encode()
        told = headers.get("x-bfl-signature", "").encode()
        digest = hmac.new(secret, body, hashlib.sha256).hexdigest()
        if not secret or not hmac.compare_digest(told, f"sha256={digest}".encode()):
            raise errors.AuthenticationFailed(detail="a webhook that is not signed")
        try:
            said = json.loads(body)
        except (ValueError, RecursionError):
            said = None
        external_id = said.get("id") if isinstance(said, dict) else None
        if not isinstance(external_id, str) or not external_id:
            raise errors.UnexpectedResponse(detail="a webhook about no work")
        return WebhookNews(external_id=external_id)

    def _look(self, handle: JobHandle) -> Look:
        url = handle.poll_url or answers.result_path(handle.external_id)
        return answers.look_from(self._http.get(url, seconds=LOOK_SECONDS))

    def _fetched(self, handle: JobHandle, look: Look) -> tuple[Look, Spool]:
        """Fetch the picture; a URL that has expired is asked for anew, once."""
        try:
            return look, self._http.fetch(look.sample, seconds=FETCH_SECONDS)
        except errors.UnexpectedResponse:
            fresh = self._look(handle)
            if fresh.sample in {look.sample, ""}:
                raise
            return fresh, self._http.fetch(fresh.sample, seconds=FETCH_SECONDS)
