"""What a call costs: by the price list, or as the service says."""

from typing import Any

from generators.contracts import Cost, GenerationRequest, ModelSpec
from generators.errors import UnexpectedResponse
from generators.terms import rule_for

_MICROS = 1_000_000


def listed(
    spec: ModelSpec, request: GenerationRequest, *, num_images: int
) -> Cost | None:
    """Return what so many pictures cost by the catalogue; ``None`` where it is silent.

    Ideogram bills what it drew, pictures that its moderation withholds too (s). Its
    prices depend on neither the size nor the pictures given.
    """
    rule = rule_for(spec.costs, request)
    if rule is None:
        return None
    return Cost(usd_micros=round(rule.usd * _MICROS) * num_images, is_exact=False)


def quoted(value: dict[str, Any]) -> Cost:
    """Read a price quote (fields: d). Raises ``UnexpectedResponse`` for anything else."""
    micros = _amount(value.get("usd_micros"))
    if micros is None or value.get("object") != "price_quote":
        raise UnexpectedResponse(detail="an answer that is no price quote")
    return Cost(usd_micros=micros, is_exact=value.get("qualifier") == "exact")


def billed(value: dict[str, Any]) -> Cost | None:
    """Return what a finished generation says it cost, if it does (d)."""
    micros = _amount(value.get("usage_cost_usd_micros"))
    return None if micros is None else Cost(usd_micros=micros, is_exact=True)


def _amount(micros: Any) -> int | None:
    is_one = isinstance(micros, int) and not isinstance(micros, bool) and micros >= 0
    return micros if is_one else None
