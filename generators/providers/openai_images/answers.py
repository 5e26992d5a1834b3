"""From an answer of the images protocol to pictures, and what they cost."""

import binascii
from collections.abc import Callable
from dataclasses import dataclass
from typing import Any

from generators import errors
from generators.contracts import Cost, ResultImage
from generators.providers.bodies import Document
from generators.spool import Spool

Fetch = Callable[[str], Spool]

PICTURE_KEY = "b64_json"
FETCH_TRIES = 3


@dataclass(frozen=True, slots=True, kw_only=True)
class TokenPrices:
    """Dollars a million tokens, which is millionths of a dollar a token."""

    text_in: int
    image_in: int
    image_out: int


# LiteLLM's price list of 2026-11. None was found for 2.6, none by tokens for what ends.
_SECOND_GENERATION = TokenPrices(text_in=5, image_in=8, image_out=30)
PRICES = {
    "gpt-image-2": _SECOND_GENERATION,
    "gpt-image-2.5-flare": _SECOND_GENERATION,
    "gpt-image-2.5-sunburst": _SECOND_GENERATION,
}


def pictures_of(
    document: Document, *, at_most: int, fetch: Fetch
) -> tuple[ResultImage, ...]:
    """Return the pictures of an answer, or of the event that ends a stream.

    One that is missing does not harm the others. Raises ``UnexpectedResponse`` where
    there is none.
    """
    images: list[ResultImage] = []
    trouble: errors.ProviderError = errors.UnexpectedResponse(
        detail=f"no picture: {str(document.value)[:200]!r}"
    )
    for entry in _entries(document.value)[:at_most]:
        try:
            content = _content(document, entry, fetch)
        except (errors.UnexpectedResponse, errors.ProviderFailed) as error:
            trouble = error
            continue
        words = entry.get("revised_prompt")
        revised = words if isinstance(words, str) else ""
        images.append(ResultImage(content=content, revised_prompt=revised))
    if not images:
        raise trouble
    return tuple(images)


def cost_of(document: Document, model: str) -> Cost | None:
    """Return what the tokens of an answer cost; ``None`` where no price is known."""
    prices = PRICES.get(model)
    try:
        usage = document.value["usage"]
        details = usage["input_tokens_details"]
        counts = (
            details["text_tokens"],
            details["image_tokens"],
            usage["output_tokens"],
        )
    except (KeyError, TypeError):
        return None
    if prices is None or not all(isinstance(each, int) for each in counts):
        return None
    text_in, image_in, out = counts
    micros = (
        text_in * prices.text_in + image_in * prices.image_in + out * prices.image_out
    )
    # Words among what came out have a price of their own, which was not found.
    words_out = (usage.get("output_tokens_details") or {}).get("text_tokens")
    return Cost(usd_micros=micros, is_exact=not words_out)


def _entries(said: Any) -> list[dict[str, Any]]:
    if not isinstance(said, dict):
        return []
    entries = said.get("data", [said])
    if not isinstance(entries, list):
        return []
    return [each for each in entries if isinstance(each, dict)]


def _content(document: Document, entry: dict[str, Any], fetch: Fetch) -> Spool:
    text = entry.get(PICTURE_KEY)
    content = document.picture(text)
    if content is None and isinstance(text, str) and text:
        content = Spool(_decoded(text))
    url = entry.get("url")
    if content is None and isinstance(url, str) and url:
        content = _fetched(url, fetch)
    if content is None or not content.size:
        raise errors.UnexpectedResponse(detail=f"no picture: {str(entry)[:200]!r}")
    return content


def _decoded(text: str) -> bytes:
    """Decode base64 that is too short to be a picture taken out before."""
    try:
        return binascii.a2b_base64(text, strict_mode=True)
    except ValueError as error:
        raise errors.UnexpectedResponse(detail=f"damaged base64: {error}") from error


def _fetched(url: str, fetch: Fetch) -> Spool:
    """Download a picture that was paid for: never a reason to draw it again."""
    for _ in range(FETCH_TRIES):
        try:
            return fetch(url)
        except errors.ProviderUnavailable as error:
            detail = error.detail
    raise errors.ProviderFailed(detail=detail)
