"""The adapter: v2 calls are accepted and polled, v1 calls answer with pictures."""

import functools
import time
from collections.abc import Mapping
from typing import Any

from generators import errors
from generators.capabilities import ImageRole, Operation
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
    WebhookNews,
)
from generators.providers import limits
from generators.providers.base import RemoteProvider
from generators.providers.http import Http
from generators.providers.ideogram import prices, results, v1, v2
from generators.providers.ideogram.parts import Part, texts
from generators.providers.ideogram.webhooks import KEYS_PATH, Webhooks
from generators.spool import Spool

ACCEPT_SECONDS = 120.0
DRAW_SECONDS = 300.0
FETCH_SECONDS = 60.0
FETCH_PAUSES = (0.5, 2.0, 5.0)
POLL_PAUSE_SECONDS = 2.5  # "2-3 s" (s)

_CHECK_PATH = "v2/image/generate/ideogram-4-5"


class IdeogramProvider(RemoteProvider):
    """Talks to api.ideogram.ai. Accepted work cannot be canceled: no call for it is known."""

    slug = "ideogram"
    label = "Ideogram"
    base_urls = ("https://api.ideogram.ai",)
    # Not stated (?); the documentation's examples lie on ideogram.ai itself (d).
    result_hosts = ("ideogram.ai", ".ideogram.ai")
    has_webhooks = True
    max_concurrency = 10  # requests in flight an account may have by default (s)

    @functools.cached_property
    def _http(self) -> Http:
        key = self.access.api_key
        return Http(
            self.access.base_url,
            headers={"Api-Key": key},
            key=key,
            result_hosts=(*self.result_hosts, *self.access.result_hosts),
        )

    @functools.cached_property
    def _webhooks(self) -> Webhooks:
        return Webhooks(lambda: results.good(self._http.get(KEYS_PATH)))

    def submit(
        self, request: GenerationRequest, *, on_progress: OnProgress
    ) -> GenerationResult | Accepted:
        """Start the work on v2; draw at once on v1."""
        spec, form = self._prepared(request)
        cost = prices.listed(spec, request, num_images=request.num_images)
        if v2.is_v2(spec.provider_model_id):
            path = v2.path(spec.provider_model_id)
            answer = self._http.pay(path, files=form, seconds=ACCEPT_SECONDS)
            value = results.good(answer)
            if value.get("data") is None:
                return Accepted(handle=self._handle(value), cost=cost)
        else:
            path = spec.provider_model_id
            answer = self._http.pay(path, files=form, seconds=DRAW_SECONDS)
            value = results.good(answer)
        num_drawn = len(results.read(value))
        return results.collect(
            value,
            fetch=self._fetch_or_lose,
            prompt=request.prompt,
            cost=prices.listed(spec, request, num_images=num_drawn),
        )

    def refuse(self, request: GenerationRequest) -> None:
        """Refuse what excludes itself, and pictures of a shape that is not taken."""
        version = v2 if v2.is_v2(request.provider_model_id) else v1
        version.refuse_unsupported(request)

    def poll(self, handle: JobHandle) -> GenerationResult | Pending:
        """Ask for accepted work."""
        path = f"v2/generations/{results.checked_id(handle.external_id)}"
        answer = self._http.get(path)
        if answer.status >= 500:  # asking again costs nothing
            raise errors.ProviderUnavailable(detail=answer.detail())
        if answer.status == 404:
            raise errors.UnexpectedResponse(detail=answer.detail())
        value = results.good(answer)
        if value.get("status") == "pending":
            return Pending(next_poll_seconds=POLL_PAUSE_SECONDS)
        if value.get("status") == "failed":  # and is not billed (s)
            raise errors.ProviderFailed(detail=answer.detail())
        if value.get("status") != "completed":
            raise errors.UnexpectedResponse(detail=answer.detail())
        return results.collect(value, fetch=self._fetch)

    def check(self) -> ConnectionReport:
        """Ask for a price, which costs nothing. The service tells no balance."""
        self._quote(_CHECK_PATH, texts(prompt="A blue circle", num_images=1))
        return ConnectionReport()

    def quote(self, request: GenerationRequest) -> Cost:
        """Return what a request will cost; nothing is drawn and nothing billed.

        v2 says so exactly; v1 gives no quotes, so it is the price list's. Raises what
        ``submit`` would for a request that is not valid.
        """
        spec, form = self._prepared(request)
        if v2.is_v2(spec.provider_model_id):
            return self._quote(v2.path(spec.provider_model_id), form)
        cost = prices.listed(spec, request, num_images=request.num_images)
        if cost is None:
            raise errors.NotConfigured(detail=f"{spec.slug} has no listed price")
        return cost

    def read_webhook(self, headers: Mapping[str, str], body: bytes) -> WebhookNews:
        """Return which generation a webhook is about, once its signature is checked."""
        return self._webhooks.read(headers, body)

    def close(self) -> None:
        """Close what is kept open."""
        if "_http" in vars(self):
            self._http.close()

    def _prepared(self, request: GenerationRequest) -> tuple[ModelSpec, list[Part]]:
        spec = limits.spec_of(self, request)
        limits.refuse_unsupported(spec.capabilities, request)
        _refuse_unused(spec, request)
        self.refuse(request)
        if v2.is_v2(spec.provider_model_id):
            return spec, v2.form(request, webhook_url=self.access.webhook_url)
        return spec, v1.form(request)

    def _quote(self, path: str, form: list[Part]) -> Cost:
        answer = self._http.post(
            path, params={"dry_run": "true"}, files=form, seconds=ACCEPT_SECONDS
        )
        return prices.quoted(results.good(answer))

    def _handle(self, value: dict[str, Any]) -> JobHandle:
        return JobHandle(
            provider=self.slug,
            external_id=results.checked_id(value.get("generation_id")),
            next_poll_seconds=POLL_PAUSE_SECONDS,
        )

    def _fetch(self, url: str) -> Spool:
        return self._http.fetch(url, seconds=FETCH_SECONDS)

    def _fetch_or_lose(self, url: str) -> Spool:
        """Fetch a picture whose address only this answer holds.

        A failure must not look as if the paid call may be sent again.
        """
        for pause in FETCH_PAUSES:
            try:
                return self._fetch(url)
            except errors.ProviderUnavailable:
                time.sleep(pause)
        try:
            return self._fetch(url)
        except errors.ProviderUnavailable as error:
            raise errors.ProviderFailed(detail=error.detail) from None


def _refuse_unused(spec: ModelSpec, request: GenerationRequest) -> None:
    """Refuse what this model takes elsewhere, but not for this operation."""
    if request.prompt.strip() and not spec.capabilities.reads_prompt(request.operation):
        raise errors.UnsupportedRequest(
            "This model reads no prompt. Leave it empty.", field="prompt"
        )
    is_masked = request.operation is Operation.INPAINT
    if request.images_of(ImageRole.MASK) and not is_masked:
        raise errors.UnsupportedRequest(
            "A mask is only for repainting a part of a picture.", field="mask_image"
        )
