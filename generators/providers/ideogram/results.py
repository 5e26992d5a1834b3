"""From an answer to pictures."""

import re
from collections.abc import Callable
from dataclasses import dataclass
from typing import Any

from generators.capabilities import MAX_SEED
from generators.contracts import Cost, GenerationResult, ResultImage
from generators.errors import ContentRejected, ProviderFailed, UnexpectedResponse
from generators.providers.http import Answer, common_error
from generators.providers.ideogram import prices
from generators.spool import Spool

_GENERATION_ID = re.compile(r"[A-Za-z0-9_-]{1,200}")  # URL-safe base64 (d)

Fetch = Callable[[str], Spool]


@dataclass(frozen=True, slots=True, kw_only=True)
class Drawn:
    """One picture that an answer tells of. Withheld ones have no address."""

    url: str
    seed: int | None
    prompt: str
    is_withheld: bool


def good(answer: Answer) -> dict[str, Any]:
    """Return what a good answer says; raise what any other means.

    422 is a refusal of the words or a picture by the moderation, unbilled (s).
    """
    if answer.status == 422:
        raise ContentRejected(detail=answer.detail())
    if not answer.is_good:
        raise common_error(answer)
    value = answer.document().value
    if not isinstance(value, dict):
        raise UnexpectedResponse(detail=answer.detail())
    return value


def checked_id(generation_id: Any) -> str:
    """Return a generation's name, which becomes a part of addresses, if it is one."""
    if isinstance(generation_id, str) and _GENERATION_ID.fullmatch(generation_id):
        return generation_id
    raise UnexpectedResponse(detail="a generation without a proper name")


def read(value: dict[str, Any]) -> tuple[Drawn, ...]:
    """Return what was drawn. Raises ``UnexpectedResponse`` where nothing was."""
    items = value.get("data")
    if not isinstance(items, list) or not items:
        raise UnexpectedResponse(detail="an answer without pictures")
    return tuple(_read_one(each, seed=value.get("seed")) for each in items)


def _read_one(item: Any, *, seed: Any) -> Drawn:
    if not isinstance(item, dict):
        raise UnexpectedResponse(detail="a picture that is not told as one")
    url, own_seed, prompt = item.get("url"), item.get("seed"), item.get("prompt")
    return Drawn(
        url=url if isinstance(url, str) else "",
        seed=_seed(seed) if _seed(own_seed) is None else _seed(own_seed),
        prompt=prompt if isinstance(prompt, str) else "",
        is_withheld=item.get("is_image_safe") is False,
    )


def _seed(seed: Any) -> int | None:
    is_one = isinstance(seed, int) and 0 <= seed <= MAX_SEED
    return seed if is_one else None


def collect(
    value: dict[str, Any], *, fetch: Fetch, prompt: str = "", cost: Cost | None = None
) -> GenerationResult:
    """Fetch the pictures of a finished answer.

    One that is gone or broken does not cost the others: it raises only where no picture
    is left. ``prompt`` is what was sent, so that only a rewritten one is told;
    ``cost`` counts where the answer says none.
    """
    drawn = read(value)
    images: list[ResultImage] = []
    trouble: ProviderFailed | UnexpectedResponse | None = None
    for each in drawn:
        if each.is_withheld:
            continue
        try:
            content = _content(each, fetch)
        except (ProviderFailed, UnexpectedResponse) as error:
            trouble = error
            continue
        revised = "" if each.prompt == prompt else each.prompt
        images.append(
            ResultImage(content=content, seed=each.seed, revised_prompt=revised)
        )
    if trouble is not None and not images:
        raise trouble
    return GenerationResult(
        images=tuple(images),
        refused=sum(each.is_withheld for each in drawn),
        provider_request_id=str(value.get("generation_id") or ""),
        cost=prices.billed(value) or cost,
    )


def _content(drawn: Drawn, fetch: Fetch) -> Spool:
    if not drawn.url:
        raise UnexpectedResponse(detail="a picture without an address")
    content = fetch(drawn.url)
    if not content.size:
        raise UnexpectedResponse(detail="an empty picture")
    return content
