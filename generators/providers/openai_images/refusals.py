"""What the protocol's refusals mean (sheet of 2026-11).

OpenAI says ``{"error": {"message", "type", "param", "code"}}``, other servers that, or
FastAPI's ``{"detail": ...}``, or plain text.
"""

import re
from collections.abc import Mapping
from typing import Any

from generators import errors
from generators.providers.http import LONGEST_DETAIL, Answer, common_error

_KINDS: dict[str, type[errors.ProviderError]] = {
    "moderation_blocked": errors.ContentRejected,
    "content_policy_violation": errors.ContentRejected,  # older
    "insufficient_quota": errors.QuotaExhausted,  # a 429 that no waiting mends (m)
    "billing_hard_limit_reached": errors.QuotaExhausted,  # (m), not in the sheet
    "invalid_api_key": errors.AuthenticationFailed,  # (m)
    "model_not_found": errors.ModelUnavailable,
}
_UNIT_SECONDS = {"ms": 0.001, "s": 1.0, "m": 60.0, "h": 3600.0, "d": 86_400.0}


def error_of(answer: Answer) -> errors.ProviderError:
    """Return what a refusal of OpenAI's means."""
    kind = _KINDS.get(_code(answer.said()))
    error = common_error(answer) if kind is None else kind(detail=answer.detail())
    if isinstance(error, errors.RateLimited) and error.retry_after is None:
        error.retry_after = _until_reset(answer.headers)
    if request_id := answer.headers.get("x-request-id"):
        error.detail += f" (x-request-id {request_id})"
    return error


def compatible_error_of(answer: Answer, *, is_near: bool) -> errors.ProviderError:
    """Return what a refusal of another server means.

    Local ones draw one picture at a time and answer 503 while they do, so nothing was
    accepted. A gateway may pass on the 503 of a service that had accepted it; one that
    says when to come back had not. Out of memory is what torch says, in whichever form
    it is passed on (m).
    """
    if _says(answer, "out of memory"):
        return errors.ResourceExhausted(detail=answer.detail())
    if answer.status == 503 and (is_near or answer.retry_after is not None):
        return errors.RateLimited(
            retry_after=answer.retry_after, detail=answer.detail()
        )
    return error_of(answer)


def is_about_field(answer: Answer, field: str) -> bool:
    """Say whether the server found a field of ours wrong, so that nothing was drawn."""
    return answer.status in {400, 422} and _says(answer, field)


def _says(answer: Answer, words: str) -> bool:
    """Say whether a refusal holds these words near its beginning, in any of its forms."""
    return (
        words in answer.body.read(10 * LONGEST_DETAIL).decode(errors="replace").lower()
    )


def _code(said: Any) -> str:
    error = said.get("error") if isinstance(said, dict) else None
    code = error.get("code") if isinstance(error, dict) else None
    return code if isinstance(code, str) else ""


def _until_reset(headers: Mapping[str, str]) -> float | None:
    """Return the seconds until what is used up is given anew, from ``6m0s`` or ``20ms`` (m)."""
    waits = [
        sum(float(number) * _UNIT_SECONDS[unit] for number, unit in _parts(text))
        for kind in ("requests", "tokens")
        if headers.get(f"x-ratelimit-remaining-{kind}") == "0"
        and (text := headers.get(f"x-ratelimit-reset-{kind}", ""))
    ]
    return max(waits, default=0.0) or None


def _parts(text: str) -> list[tuple[str, str]]:
    return re.findall(r"(\d+(?:\.\d+)?)(ms|[smhd])", text)
