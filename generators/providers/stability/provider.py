"""The adapter of Stability AI's Stable Image services (v2beta)."""

import functools
from urllib.parse import quote

from generators.contracts import (
    Accepted,
    ConnectionReport,
    GenerationRequest,
    GenerationResult,
    JobHandle,
    OnProgress,
    Pending,
)
from generators.errors import ModelUnavailable
from generators.providers import limits
from generators.providers.base import RemoteProvider
from generators.providers.http import Http
from generators.providers.stability import answers, forms

PAID_SECONDS = 300.0
"""How long one call that draws may take; the services answer when the picture is done."""

LOOK_SECONDS = 30.0
POLL_EVERY_SECONDS = 10.0
"""Results may be asked for every 10 seconds, not more often."""


class StabilityProvider(RemoteProvider):
    """Talks to the Stable Image services, an image model of ours for each.

    Facts from the API reference at platform.stability.ai by way of its reconstructions,
    read 2026-11-23; never run live. (m) marks what one source alone says, (?) what none
    says. Of the catalogue file:

    - ``provider_model_id`` is the path under ``/v2beta/stable-image/``, or the value of
      the field ``model`` for the four that share ``generate/sd3``.
    - Sizes are nominal, those of a megapixel: the service takes a ratio, and Core and
      Ultra may answer larger (?).
    - Costs are the price list of 2025-08-01, 0.01 dollars a credit. No answer says what
      a call cost, so no result has a cost.
    - Pictures to work on: 64 pixels a side at least, at most 9.4 megapixels (3072
      squared), 4.19 (2048 squared) to remove a background. A whole body holds 10 MiB,
      so each of two pictures gets less.
    - Defaults of ``strength`` and of the pixels to grow by are ours (?); guidance begins
      at 4, and at 1 for the two distilled models (?).
    - ``creativity`` of the two upscalers, the further options of relighting and of style
      transfer, and the defaults of all of these (m): Comfy's reference of the same
      services, read 2026-11-26. It says that the light cannot come from the left.
    - SDXL 1.0 is served by the old v1 interface alone, which this adapter does not
      speak; Stable Diffusion 1.6 ended 2025-07-24; (m) sd3-* are served by 3.5.
    """

    slug = "stability"
    label = "Stability AI"
    base_urls = ("https://api.stability.ai",)
    # (m) 150 requests in 10 seconds, then a block of 60: Core takes about 3 seconds (?).
    max_concurrency = 40

    @functools.cached_property
    def _http(self) -> Http:
        key = self.access.api_key
        headers = {
            "Authorization": f"Bearer {key}",
            "Accept": "application/json",
            "stability-client-id": "Magicshot",
        }
        return Http(self.access.base_url, headers=headers, key=key)

    def submit(
        self, request: GenerationRequest, *, on_progress: OnProgress
    ) -> GenerationResult | Accepted:
        """Send the one paid call; creative upscale and relighting answer a handle."""
        spec = limits.spec_of(self, request)
        if spec.retired:
            raise ModelUnavailable(detail=f"{spec.provider_model_id} is retired")
        limits.refuse_unsupported(spec.capabilities, request)
        self.refuse(request)
        answer = self._http.pay(
            forms.path_of(request),
            files=forms.parts_of(spec.capabilities, request),
            headers=forms.headers_of(request),
            seconds=PAID_SECONDS,
        )
        document = answers.opened(answer)
        if external_id := answers.accepted_id(document):
            handle = JobHandle(
                provider=self.slug,
                external_id=external_id,
                next_poll_seconds=POLL_EVERY_SECONDS,
            )
            return Accepted(handle=handle)
        return answers.finished(answer, document)

    def refuse(self, request: GenerationRequest) -> None:
        """Refuse what the services do and no capability says."""
        forms.refuse_unsupported(limits.spec_of(self, request).capabilities, request)

    def poll(self, handle: JobHandle) -> GenerationResult | Pending:
        """Ask for accepted work; results are kept for 24 hours."""
        name = quote(handle.external_id, safe="")
        answer = self._http.get(f"v2beta/results/{name}", seconds=LOOK_SECONDS)
        if answer.status == 202:
            return Pending(next_poll_seconds=POLL_EVERY_SECONDS)
        answers.raise_for_poll(answer)
        document = answers.opened(answer)
        return answers.finished(answer, document, request_id=handle.external_id)

    def check(self) -> ConnectionReport:
        """Ask for the balance; which models a key may use the service does not tell."""
        answer = self._http.get("v1/user/balance", seconds=LOOK_SECONDS)
        return ConnectionReport(balance=answers.balance(answer))

    def close(self) -> None:
        """Close the connections that are kept open."""
        if "_http" in vars(self):
            self._http.close()
