"""Google's Gemini image models: by an API key, or on Vertex by a service account.

Written from google-genai 3.4.0, litellm 1.109.1 and Google's page on the end of Imagen,
read 2026-11-23. What they leave open is marked (?), what is known from elsewhere (m).
Imagen itself answers 404 since 2026-08-17; its catalogue entries name who took over.
"""

import functools

from generators.contracts import (
    ConnectionReport,
    GenerationRequest,
    GenerationResult,
    OnProgress,
)
from generators.errors import UnsupportedRequest
from generators.providers import limits
from generators.providers.base import RemoteProvider
from generators.providers.google_images import answers, payload
from generators.providers.google_images.vertex import Vertex, is_service_account
from generators.providers.http import Http

DRAW_SECONDS = 300.0
"""How long one picture may take; thinking and 4K make it minutes."""


class GoogleImagesProvider(RemoteProvider):
    """Talks to ``generateContent``, which draws one picture a call and keeps nothing.

    There is no handle, no cancel and no way to ask again: a call without a whole answer
    stays unknown.
    """

    slug = "google"
    label = "Google"
    base_urls = (
        "https://generativelanguage.googleapis.com",
        "https://aiplatform.googleapis.com",
    )
    account_words = "project/location, only if the key is a service account's JSON"

    def submit(
        self, request: GenerationRequest, *, on_progress: OnProgress
    ) -> GenerationResult:
        """Draw one picture, in one paid call."""
        spec = limits.spec_of(self, request)
        limits.refuse_unsupported(spec.capabilities, request)
        if request.num_images > 1:  # there is no n; the site makes a job of each
            raise UnsupportedRequest(
                "This model draws one picture at a time.", field="num_images"
            )
        body = payload.body_of(request, spec.capabilities)
        http, path = self._way_to(spec.provider_model_id)
        answer = http.pay(
            f"{path}:generateContent",
            data=body,
            headers={"Content-Type": "application/json"},
            seconds=DRAW_SECONDS,
        )
        return answers.result_of(answer, request, spec)

    def check(self) -> ConnectionReport:
        """Count our models that the key may use; of a service account, get a token."""
        if is_service_account(self.access.api_key):
            # The sheet knows no list of models on Vertex, so the project and the
            # location are first tried by a job. An old token would prove nothing.
            self._vertex.close()
            self._vertex.http()
            return ConnectionReport()
        answer = self._gemini.get("v1beta/models", params={"pageSize": "1000"})
        ours = {each.provider_model_id for each in self.catalog()}
        return ConnectionReport(num_models=len(ours & answers.models_in(answer)))

    def close(self) -> None:
        """Close what is kept open."""
        for way in ("_gemini", "_vertex"):
            if way in vars(self):
                getattr(self, way).close()

    def _way_to(self, model: str) -> tuple[Http, str]:
        """Return the client for this connection, and the path of a model in it."""
        if is_service_account(self.access.api_key):
            return self._vertex.http(), self._vertex.path_of(model)
        return self._gemini, f"v1beta/models/{model}"

    @functools.cached_property
    def _gemini(self) -> Http:
        key = self.access.api_key
        # Never ?key=: addresses end in logs.
        return Http(self.access.base_url, headers={"x-goog-api-key": key}, key=key)

    @functools.cached_property
    def _vertex(self) -> Vertex:
        return Vertex(self.access)
