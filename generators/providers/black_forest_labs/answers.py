"""From what the service answers to our records and our errors."""

import math
from dataclasses import dataclass
from typing import Any, Final
from urllib.parse import quote

from generators import errors
from generators.capabilities import MAX_SEED
from generators.contracts import Accepted, Cost, JobHandle, Progress
from generators.providers.http import Answer, common_error

CREDIT_MICROS: Final = 10_000
"""A credit is one US cent."""

FIRST_PAUSE_SECONDS: Final = 1.0

# Refusals are no HTTP errors: work is accepted, and the poll says so.
_ENDS: Final[dict[str, tuple[type[errors.ProviderError], str]]] = {
    "Request Moderated": (errors.ContentRejected, ""),
    "Content Moderated": (
        errors.ContentRejected,
        "The model drew a picture and withheld it. Try different words.",
    ),
    "Error": (errors.ProviderFailed, ""),
    # A wrong id, one too old, or one of another region.
    "Task not found": (errors.UnexpectedResponse, "The model lost this picture."),
}


@dataclass(frozen=True, slots=True, kw_only=True)
class Look:
    """What one poll told. ``sample`` is where the picture lies, once it is ready."""

    progress: Progress | None = None
    sample: str = ""
    seed: int | None = None
    revised_prompt: str = ""
    cost: Cost | None = None


def accepted_from(answer: Answer, *, provider: str, base_url: str) -> Accepted:
    """Read what answers a paid call. Raises what a refusal means."""
    if not answer.is_good:
        raise _refusal(answer)
    told = _object(answer)
    external_id, poll_url = told.get("id"), told.get("polling_url")
    if not isinstance(external_id, str) or not external_id:
        raise errors.UnexpectedResponse(detail=f"no id: {answer.detail()}")
    if not isinstance(poll_url, str) or not poll_url:
        # With a webhook none is told; the region that took the work knows it.
        poll_url = f"{base_url.rstrip('/')}/{result_path(external_id)}"
    handle = JobHandle(
        provider=provider,
        external_id=external_id,
        poll_url=poll_url,
        next_poll_seconds=FIRST_PAUSE_SECONDS,
    )
    return Accepted(handle=handle, cost=_cost(told.get("cost")))


def result_path(external_id: str) -> str:
    """Return where a result is asked for, below the base URL."""
    return f"v1/get_result?id={quote(external_id, safe='')}"


def look_from(answer: Answer) -> Look:
    """Read what answers a poll. Raises what a bad end of the work means."""
    if not answer.is_good:
        raise _trouble(answer)
    if answer.said() is None:  # a gateway's page: the work is paid for, so ask again
        raise errors.ProviderUnavailable(detail=answer.detail())
    told = _object(answer)
    status = told.get("status")
    if not isinstance(status, str):
        raise errors.UnexpectedResponse(detail=f"no status: {answer.detail()}")
    if status in _ENDS:
        kind, words = _ENDS[status]
        raise kind(words, detail=answer.detail())
    if status != "Ready":  # what we do not know is not the end either
        return Look(progress=_progress(told.get("progress")))
    result = told.get("result")
    result = result if isinstance(result, dict) else {}
    sample, prompt = result.get("sample"), result.get("prompt")
    if not isinstance(sample, str) or not sample:
        raise errors.UnexpectedResponse(detail=f"no picture: {answer.detail()}")
    return Look(
        sample=sample,
        seed=_seed(result.get("seed")),
        revised_prompt=prompt if isinstance(prompt, str) else "",
        # (?) the settled cost: not in the sheet, but in clients generated in 2026-09.
        cost=_cost(told.get("cost")),
    )


def balance_from(answer: Answer) -> str:
    """Read the account's balance, in words. Raises what a refusal means."""
    if not answer.is_good:
        raise _trouble(answer)
    credit = _number(_object(answer).get("credits"))
    if credit is None:
        raise errors.UnexpectedResponse(detail=f"no balance: {answer.detail()}")
    amount = f"{credit:,.2f}".removesuffix("0").removesuffix(".0")
    return f"{amount} credits, 1 credit is $0.01"


def _trouble(answer: Answer) -> errors.ProviderError:
    """Return what a refusal of a call means that costs nothing and may be repeated."""
    if answer.status >= 500:
        return errors.ProviderUnavailable(detail=answer.detail())
    if answer.status in {401, 402, 403, 429}:
        return common_error(answer)
    # Such as 404 or 422: it is about the address or the id, not the person's settings.
    return errors.UnexpectedResponse(detail=answer.detail())


def _refusal(answer: Answer) -> errors.ProviderError:
    """Return what a refusal of the paid call means; 422 names the fields at fault."""
    if answer.status != 422:
        return common_error(answer)
    said = answer.said()
    faults = said.get("detail") if isinstance(said, dict) else None
    places = [
        ".".join(map(str, fault["loc"]))
        for fault in (faults if isinstance(faults, list) else [])
        if isinstance(fault, dict) and isinstance(fault.get("loc"), list)
    ]
    return errors.InvalidRequest(detail=f"{', '.join(places)}: {answer.detail()}")


def _object(answer: Answer) -> dict[str, Any]:
    told = answer.document().value
    if not isinstance(told, dict):
        raise errors.UnexpectedResponse(detail=f"no object: {answer.detail()}")
    return told


def _cost(credit: object) -> Cost | None:
    number = _number(credit)
    if number is None or number < 0:
        return None
    return Cost(usd_micros=round(number * CREDIT_MICROS), is_exact=True)


def _progress(told: object) -> Progress | None:
    number = _number(told)
    if number is None:
        return None
    return Progress(fraction=min(max(number, 0.0), 1.0))


def _seed(told: object) -> int | None:
    if not isinstance(told, int) or isinstance(told, bool):
        return None
    return told if 0 <= told <= MAX_SEED else None


def _number(told: object) -> float | None:
    """Return a number that arithmetic may be done with."""
    if isinstance(told, bool) or not isinstance(told, int | float):
        return None
    return float(told) if math.isfinite(told) and abs(told) < 1e12 else None
