"""From what ``generateContent`` answers to pictures, costs and errors.

A refusal is HTTP 200, in two forms, and so is an answer without a picture.
"""

import re
from dataclasses import dataclass, field
from typing import Any, Final

from generators import errors
from generators.contracts import (
    Cost,
    GenerationRequest,
    GenerationResult,
    ModelSpec,
    ResultImage,
)
from generators.providers.bodies import Document
from generators.providers.google_images.costs import Usage, cost_of
from generators.providers.http import Answer, common_error
from generators.spool import Spool

REFUSALS: Final = frozenset(
    {"SAFETY", "PROHIBITED_CONTENT", "SPII", "RECITATION", "BLOCKLIST"}
    | {"IMAGE_SAFETY", "IMAGE_PROHIBITED_CONTENT", "IMAGE_RECITATION", "MODEL_ARMOR"}
)
"""Reasons to finish by which a moderation withholds the picture."""

NO_PICTURE: Final = {
    "NO_IMAGE": "The model found nothing to draw in these words. Describe a picture.",
    "IMAGE_OTHER": "The model could not draw this. Try again, or with other words.",
    "MAX_TOKENS": "The model had no room left to draw. Try a shorter description.",
    "STOP": "The model answered in words instead of a picture. Describe what to draw.",
}
_LONGEST_WORDS = 300


@dataclass(frozen=True, slots=True, kw_only=True)
class Reply:
    """What one call said: pictures, or why there are none."""

    blocked: str
    finished: str
    words: str
    request_id: str
    usage: Usage
    pictures: tuple[Spool, ...] = field(repr=False)


def result_of(
    answer: Answer, request: GenerationRequest, spec: ModelSpec
) -> GenerationResult:
    """Return the picture of an answer. Raises for a refusal and for no picture."""
    if not answer.is_good:
        raise error_of(answer)
    reply = _read(answer.document("data"))
    is_refused = bool(reply.blocked) or reply.finished in REFUSALS
    num_images = 0 if is_refused else len(reply.pictures)
    cost = cost_of(reply.usage, request, spec, num_images=num_images)
    detail = f"{reply.blocked or reply.finished}: {reply.words}"
    if is_refused:
        raise errors.ContentRejected(detail=detail, cost=cost)
    if not reply.pictures:
        raise _no_picture(reply, detail=f"no picture: {detail}", cost=cost)
    return GenerationResult(
        images=tuple(ResultImage(content=each) for each in reply.pictures),
        provider_request_id=reply.request_id,
        cost=cost,
    )


def error_of(answer: Answer) -> errors.ProviderError:
    """Return what an answer that is no success means.

    A 503 may have been accepted, for all that the sheet says.
    """
    told = _as_dict(_as_dict(answer.said()).get("error"))
    details = [_as_dict(each) for each in _as_list(told.get("details"))]
    if any(each.get("reason") == "API_KEY_INVALID" for each in details):  # a 400
        return errors.AuthenticationFailed(detail=answer.detail())
    if answer.status != 429:
        return common_error(answer)
    if _is_daily(details):
        return errors.QuotaExhausted(detail=answer.detail())
    delay = next(filter(None, map(_delay, details)), answer.retry_after)
    return errors.RateLimited(retry_after=delay, detail=answer.detail())


def models_in(answer: Answer) -> set[str]:
    """Return the ids of a list of models. Raises for a refusal."""
    if not answer.is_good:
        raise error_of(answer)
    listed = _as_dict(answer.document().value).get("models")
    if not isinstance(listed, list):
        raise errors.UnexpectedResponse(detail="no list of models")
    names = (str(_as_dict(each).get("name")) for each in listed)
    return {name.removeprefix("models/") for name in names}


def _no_picture(
    reply: Reply, *, detail: str, cost: Cost | None
) -> errors.ProviderError:
    """Return why nothing was drawn.

    What an odd prompt can bring about must not count as the service's trouble.
    """
    is_told = reply.finished in NO_PICTURE
    if not is_told or (reply.finished == "STOP" and not reply.words):
        return errors.UnexpectedResponse(detail=detail, cost=cost)
    words = NO_PICTURE[reply.finished]
    return errors.InvalidRequest(words, detail=detail, cost=cost)


def _read(document: Document) -> Reply:
    said = _as_dict(document.value)
    candidate = _as_dict(next(iter(_as_list(said.get("candidates"))), None))
    content = _as_dict(candidate.get("content"))
    parts = [_as_dict(each) for each in _as_list(content.get("parts"))]
    final = [each for each in parts if not each.get("thought")]  # interim ones
    words = " ".join(str(each["text"]) for each in final if "text" in each)
    told = words or str(candidate.get("finishMessage", ""))
    return Reply(
        blocked=str(_as_dict(said.get("promptFeedback")).get("blockReason", "")),
        finished=str(candidate.get("finishReason", "")),
        words=told[:_LONGEST_WORDS],
        request_id=str(said.get("responseId", "")),
        usage=Usage.read_from(_as_dict(said.get("usageMetadata"))),
        pictures=tuple(_pictures(document, final)),
    )


def _pictures(document: Document, parts: list[dict[str, Any]]) -> list[Spool]:
    places = (_as_dict(each.get("inlineData")).get("data") for each in parts)
    found = map(document.picture, places)
    return [each for each in found if each is not None and each.size]


def _is_daily(details: list[dict[str, Any]]) -> bool:
    """Say whether a quota of the day is used up (m): its id has ``PerDay`` in it."""
    violations = (
        _as_dict(each)
        for detail in details
        for each in _as_list(detail.get("violations"))
    )
    return any("PerDay" in str(each.get("quotaId")) for each in violations)


def _delay(detail: dict[str, Any]) -> float | None:
    """Return the seconds of a ``RetryInfo``, which writes them as ``23s``."""
    found = re.fullmatch(r"(\d+(?:\.\d+)?)s", str(detail.get("retryDelay")))
    return float(found[1]) if found else None


def _as_dict(value: object) -> dict[str, Any]:
    return value if isinstance(value, dict) else {}


def _as_list(value: object) -> list[Any]:
    return value if isinstance(value, list) else []
