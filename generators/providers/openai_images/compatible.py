"""Other servers that speak OpenAI's images protocol (sheet of 2026-11-23).

vLLM-Omni, SGLang, LocalAI, sd-server, Xinference, Lemonade, gateways. What differs
from one to the next is found out or put up with here, never set.
"""

import re
from collections.abc import Iterable, Iterator, Mapping

from generators import errors
from generators.capabilities import Capabilities, Size, SizeRange
from generators.contracts import (
    ConnectionReport,
    GenerationRequest,
    GenerationResult,
    ModelSpec,
    OnProgress,
)
from generators.hosts import is_private, origin
from generators.providers.http import Answer
from generators.providers.openai_images import answers, payload, refusals
from generators.providers.openai_images.answers import PICTURE_KEY
from generators.providers.openai_images.protocol import ImagesProtocol

ABLE = Capabilities(
    sizes=(Size(width=512, height=512), Size(width=1024, height=1024)),
    size_range=SizeRange(minimum=256, maximum=2048, step=64, max_pixels=2_097_152),
    max_images=4,
    images_per_job=1,
)
"""What is safe everywhere. Many servers draw one picture a call."""

MOST_MODELS = 500
_ORDER = 149


class CompatibleProvider(ImagesProtocol):
    """Draws with whatever models a server lists."""

    slug = "openai-compatible"
    label = "OpenAI-compatible server"
    needs_key = False
    max_concurrency = 1  # most draw one picture at a time
    seconds = 600.0  # they queue, and some draw on a CPU
    _refuses_format = False

    def catalog(self) -> tuple[ModelSpec, ...]:
        """List what the server offers now; nothing without a connection."""
        if not self.availability().is_available:
            return ()
        return self.check().models

    def submit(
        self, request: GenerationRequest, *, on_progress: OnProgress
    ) -> GenerationResult:
        """Draw one picture, or as many as the server does in a call."""
        self._begin(ABLE, request, on_progress)
        answer = self._draw(request)
        if not answer.is_good:
            raise self._refusal(answer)
        return GenerationResult(
            images=answers.pictures_of(
                answer.document(PICTURE_KEY),
                at_most=request.num_images,
                fetch=self._http.fetch,
            ),
            provider_request_id=answer.headers.get("x-request-id", ""),
        )

    def check(self) -> ConnectionReport:
        """Ask for the list of models, which is what the server offers."""
        models = tuple(_specs(self._listed()))
        return ConnectionReport(num_models=len(models), models=models)

    def _draw(self, request: GenerationRequest) -> Answer:
        """Ask for base64; where that field is refused, ask once more without it.

        Some servers answer with an address unless told, GPT image models behind a
        gateway take no such field. A refusal of a field costs nothing.
        """
        fields = payload.plain_fields(request)
        if not self._refuses_format:
            answer = self._send(fields | {"response_format": PICTURE_KEY})
            if not refusals.is_about_field(answer, "response_format"):
                return answer
            self._refuses_format = True
        return self._send(fields)

    def _headers(self) -> Mapping[str, str]:
        # Some want a key, whichever it is.
        return {"Authorization": f"Bearer {self.access.api_key or 'none'}"}

    def _refusal(self, answer: Answer) -> errors.ProviderError:
        is_near = is_private(origin(self._base_url)[1])
        return refusals.compatible_error_of(answer, is_near=is_near)


def _specs(ids: Iterable[str]) -> Iterator[ModelSpec]:
    taken: set[str] = set()
    for model in list(dict.fromkeys(ids))[:MOST_MODELS]:
        if len(model) > 255:  # as ImageModel.provider_model_id
            continue
        slug = _free_slug(model, taken)
        taken.add(slug)
        yield ModelSpec(
            provider=CompatibleProvider.slug,
            provider_model_id=model,
            slug=slug,
            label=model.rstrip("/").rpartition("/")[2][:100] or slug,
            description=f"{model} on a server of this site."[:200],
            family="remote",
            capabilities=ABLE,
            enabled=False,
            order=_ORDER,
        )


def _free_slug(model: str, taken: set[str]) -> str:
    plain = re.sub(r"[^a-z0-9]+", "-", model.lower()).strip("-")[:90] or "model"
    slug, number = plain, 1
    while slug in taken:
        number += 1
        slug = f"{plain}-{number}"
    return slug
