"""OpenAI's images API (sheet of 2026-11-23, package 3.54.0)."""

from collections.abc import Mapping
from dataclasses import replace

from generators import errors
from generators.contracts import (
    ConnectionReport,
    GenerationRequest,
    GenerationResult,
    OnProgress,
)
from generators.providers import limits
from generators.providers.bodies import Document
from generators.providers.http import Answer
from generators.providers.openai_images import answers, payload, refusals
from generators.providers.openai_images.answers import PICTURE_KEY
from generators.providers.openai_images.protocol import ImagesProtocol
from generators.providers.openai_images.streams import Stream

NUM_PREVIEWS = 2
"""Of 0 to 3. Each costs some tokens (m), so the cheapest quality goes without."""


class OpenAIProvider(ImagesProtocol):
    """Draws and edits with the GPT image models.

    They answer at once, with base64; nothing can be resumed or canceled, and no call
    has an idempotency key, so none is ever sent again.
    """

    slug = "openai"
    label = "OpenAI"
    base_urls = ("https://api.openai.com/v1",)
    account_words = "Organisation and project, as org-.../proj_..."

    def submit(
        self, request: GenerationRequest, *, on_progress: OnProgress
    ) -> GenerationResult:
        """Draw, with previews where one picture is asked for."""
        spec = limits.spec_of(self, request)
        self._begin(spec.capabilities, request, on_progress)
        num_previews = _num_previews(request)
        fields = payload.openai_fields(request, num_previews=num_previews)
        if not num_previews:
            answer = self._checked(self._send(fields))
            return self._result(request, answer.document(PICTURE_KEY), answer)
        stream = Stream(on_progress, num_previews=num_previews)
        try:
            answer = self._checked(self._send(fields, on_chunk=stream.feed))
        except errors.OutcomeUnknown:
            stream.end()
            if stream.finished is None:
                raise
            return self._result(request, stream.finished)  # it broke off after that
        return self._result(request, _finished(answer, stream), answer)

    def check(self) -> ConnectionReport:
        """Ask for the list of models; count those of ours that the key may use."""
        live = {each.provider_model_id for each in self.catalog() if not each.retired}
        return ConnectionReport(num_models=len(live.intersection(self._listed())))

    def _headers(self) -> Mapping[str, str]:
        organisation, _, project = self.access.account.partition("/")
        account = {
            "OpenAI-Organization": organisation.strip(),
            "OpenAI-Project": project.strip(),
        }
        return {
            **super()._headers(),
            **{name: text for name, text in account.items() if text},
        }

    def _checked(self, answer: Answer) -> Answer:
        if not answer.is_good:
            raise self._refusal(answer)
        return answer

    def _result(
        self,
        request: GenerationRequest,
        document: Document,
        answer: Answer | None = None,
    ) -> GenerationResult:
        headers = {} if answer is None else answer.headers
        cost = answers.cost_of(document, request.provider_model_id)
        try:
            images = answers.pictures_of(
                document, at_most=request.num_images, fetch=self._http.fetch
            )
        except errors.ProviderError as error:
            error.cost = cost  # drawn and billed, though no picture can be had
            raise
        return GenerationResult(
            images=images,
            provider_request_id=headers.get("x-request-id", ""),
            cost=cost,
        )


def _num_previews(request: GenerationRequest) -> int:
    """Return how many to ask for: nothing tells the previews of several pictures apart."""
    if request.num_images > 1 or request.option("quality") == "low":
        return 0
    return NUM_PREVIEWS


def _finished(answer: Answer, stream: Stream) -> Document:
    """Return the end of a stream that came whole."""
    stream.end()
    if stream.finished is not None:
        return stream.finished
    if stream.refused is not None:
        raise refusals.error_of(replace(answer, status=500, body=stream.refused))
    if not answer.headers.get("content-type", "").startswith("text/event-stream"):
        return answer.document(PICTURE_KEY)  # one in between does not stream
    raise errors.OutcomeUnknown(detail="the stream ended before the picture came")
