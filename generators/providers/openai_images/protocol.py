"""What OpenAI and the servers that speak its images protocol have in common."""

import functools
import importlib
import re
from collections.abc import Mapping
from typing import Any, ClassVar
from urllib.parse import urlsplit

from generators import errors
from generators.capabilities import Capabilities
from generators.contracts import GenerationRequest, OnProgress, Progress
from generators.providers import limits
from generators.providers.base import RemoteProvider
from generators.providers.http import PAID_SECONDS, Answer, Http, OnChunk
from generators.providers.openai_images import refusals
from generators.providers.openai_images.payload import Fields

_VERSIONED = re.compile(r"/v\d")


class ImagesProtocol(RemoteProvider):
    """Sends to one server; subclasses say what, and what its refusals mean."""

    seconds: ClassVar[float] = PAID_SECONDS
    """OpenAI draws for up to two minutes (sheet of 2026-11), many pictures for longer."""

    @functools.cached_property
    def _http(self) -> Http:
        key = self.access.api_key
        return Http(
            self._base_url,
            headers=self._headers(),
            key=key,
            result_hosts=(*self.result_hosts, *self.access.result_hosts),
        )

    @functools.cached_property
    def _base_url(self) -> str:
        """Return the server's address with the version of its interface, if not there."""
        url = self.access.base_url.rstrip("/")
        if not url:
            raise errors.NotConfigured(detail=f"{self.slug} has no address")
        return url if _VERSIONED.search(urlsplit(url).path) else f"{url}/v1"

    def _headers(self) -> Mapping[str, str]:
        return {"Authorization": f"Bearer {self.access.api_key}"}

    def preload(self) -> None:
        """Import the slow package before hundreds of threads want it at once."""
        importlib.import_module("generators.providers.openai_images.sdk")

    def close(self) -> None:
        """Close the lines that are kept open."""
        if "_http" in vars(self):
            self._http.close()

    def _begin(
        self, able: Capabilities, request: GenerationRequest, on_progress: OnProgress
    ) -> None:
        """Refuse what cannot be, and ask once more before money is spent.

        Nothing stops a call that was sent.
        """
        limits.refuse_unsupported(able, request)
        if not on_progress(Progress(fraction=0.0)):
            raise errors.GenerationCanceled

    def _send(self, fields: Fields, *, on_chunk: OnChunk | None = None) -> Answer:
        """Send one paid call, to draw or to edit."""
        # Slow to import, and the web process never draws.
        from generators.providers.openai_images import sdk

        return sdk.send(
            self._http,
            fields,
            base_url=self._base_url,
            seconds=self.seconds,
            on_chunk=on_chunk,
        )

    def _listed(self) -> list[str]:
        """Return the ids of the models that the server names, at no cost."""
        answer = self._http.get("models")
        if answer.status in {404, 405}:
            raise errors.NotConfigured(
                "Nothing at this address lists models as OpenAI does.",
                detail=answer.detail(),
            )
        if not answer.is_good:
            raise self._refusal(answer)
        said: Any = answer.document().value
        entries = said.get("data") if isinstance(said, dict) else None
        if not isinstance(entries, list):
            raise errors.UnexpectedResponse(detail=f"no list: {answer.detail()}")
        ids = (each.get("id") for each in entries if isinstance(each, dict))
        return [each for each in ids if isinstance(each, str) and each]

    def _refusal(self, answer: Answer) -> errors.ProviderError:
        return refusals.error_of(answer)
