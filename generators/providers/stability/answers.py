"""Reads what Stability AI answers: pictures, accepted work, refusals."""

from typing import Final

from generators import errors
from generators.contracts import GenerationResult, ResultImage
from generators.providers.bodies import Document
from generators.providers.http import Answer, common_error

BLOCKED_SECONDS: Final = 60.0
"""(m) For so long it answers nobody who asked too often."""

_PICTURES: Final = ("image", "result")
"""(m) Polled results come as ``result``; another source says ``image``."""

_MOST_CREDITS: Final = 1e12
_LARGEST_SEED: Final = 4_294_967_294
_LOST: Final = "The model lost this picture."


def opened(answer: Answer) -> Document:
    """Return what a success says, its picture taken out; raise what a refusal means."""
    if not answer.is_good:
        raise _refusal(answer)
    document = answer.document(*_PICTURES)
    if not isinstance(document.value, dict):
        raise errors.UnexpectedResponse(detail=answer.detail())
    if document.value.get("finish_reason") == "CONTENT_FILTERED":
        raise errors.ContentRejected(detail="HTTP 200: CONTENT_FILTERED")
    return document


def raise_for_poll(answer: Answer) -> None:
    """Raise what only the answer to a poll can mean."""
    if answer.status == 404:  # never accepted, or older than 24 hours
        raise errors.UnexpectedResponse(_LOST, detail=answer.detail())
    is_json = answer.headers.get("content-type", "").startswith("application/json")
    if answer.status >= 500 or (answer.is_good and not is_json):
        # A gateway's page: the work is paid for, and to ask again costs nothing.
        raise errors.ProviderUnavailable(detail=answer.detail())


def accepted_id(document: Document) -> str:
    """Return the id of work that was accepted; empty where the answer is none."""
    found = document.value.get("id")
    is_picture = _place(document) is not None
    return found if isinstance(found, str) and not is_picture else ""


def finished(
    answer: Answer, document: Document, *, request_id: str = ""
) -> GenerationResult:
    """Return the one picture of a success."""
    picture = document.picture(_place(document))
    if picture is None:
        raise errors.UnexpectedResponse(detail=answer.detail())
    return GenerationResult(
        images=(ResultImage(content=picture, seed=_seed(document)),),
        provider_request_id=request_id or answer.headers.get("x-request-id", ""),
    )


def balance(answer: Answer) -> str:
    """Return what the account holds, in words for the admin."""
    held = opened(answer).value.get("credits")
    is_number = isinstance(held, int | float) and not isinstance(held, bool)
    if not is_number or not abs(held) < _MOST_CREDITS:  # NaN is not less either
        raise errors.UnexpectedResponse(detail=answer.detail())
    return f"{held:,.2f} credits, 1 credit is $0.01"


def _refusal(answer: Answer) -> errors.ProviderError:
    # (m) The name tells a refusal from a key that lacks a permission.
    if answer.status == 403 and _name(answer) == "content_moderation":
        return errors.ContentRejected(detail=answer.detail())
    error = common_error(answer)
    if isinstance(error, errors.RateLimited) and error.retry_after is None:
        error.retry_after = BLOCKED_SECONDS
    return error


def _name(answer: Answer) -> object:
    said = answer.said()
    return said.get("name") if isinstance(said, dict) else None


def _place(document: Document) -> object:
    said = document.value
    return next((said[name] for name in _PICTURES if said.get(name)), None)


def _seed(document: Document) -> int | None:
    seed = document.value.get("seed")
    is_one = type(seed) is int and 0 <= seed <= _LARGEST_SEED
    return seed if is_one else None
