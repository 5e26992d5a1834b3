"""What one call costs: by tokens where the price list has them, else a picture."""

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any, Final, Self

from generators.contracts import Cost, GenerationRequest, ModelSpec
from generators.terms import rule_for


@dataclass(frozen=True, slots=True, kw_only=True)
class TokenPrices:
    """Dollars of a million tokens, beside the price of the picture itself."""

    read: float
    thought: float


TOKEN_PRICES: Final = {
    # litellm 1.109.1, November 2026; (m) thoughts, Google's price page of 2026-10-07.
    "gemini-nano-banana-2.1": TokenPrices(read=1.5, thought=7.5),
}


_MOST_TOKENS: Final = 10**9


@dataclass(frozen=True, slots=True, kw_only=True)
class Usage:
    """The tokens a call says it used; ``None`` where it does not say."""

    read: int | None
    thought: int

    @classmethod
    def read_from(cls, told: Mapping[str, Any]) -> Self:
        """Read a ``usageMetadata``."""
        return cls(
            read=_count(told.get("promptTokenCount")),
            thought=_count(told.get("thoughtsTokenCount")) or 0,
        )


def cost_of(
    usage: Usage, request: GenerationRequest, spec: ModelSpec, *, num_images: int
) -> Cost | None:
    """Return what a call costs the operator, or ``None`` where no list says."""
    rule = rule_for(spec.costs, request)
    if rule is None:
        return None
    micros = rule.usd * num_images * 1_000_000
    prices = TOKEN_PRICES.get(spec.provider_model_id)
    if prices is None or usage.read is None:
        return Cost(usd_micros=round(micros), is_exact=False)
    # Dollars of a million tokens are millionths of a dollar each.
    tokens = usage.read * prices.read + usage.thought * prices.thought
    return Cost(usd_micros=round(micros + tokens), is_exact=True)


def _count(value: object) -> int | None:
    """Return a number of tokens that makes sense."""
    if not isinstance(value, int) or isinstance(value, bool):
        return None
    return value if 0 <= value <= _MOST_TOKENS else None
