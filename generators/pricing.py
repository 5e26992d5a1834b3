"""What a request costs: the operator in dollars, the person in credits.

An image model has one price, a picture by its usual settings. Other settings cost the
person as much more or less as they cost the operator, by the model's cost rules, rounded
up to whole credits. Without rules, or with a price of 0, every picture costs the same.
"""

import math
from fractions import Fraction
from typing import Any

from generators import record_json
from generators.capabilities import Capabilities, Operation
from generators.contracts import CostRule, GenerationRequest, OptionValue, rule_for
from generators.models import ImageModel

PIXELS_OF_A_MEGAPIXEL = 1024 * 1024
"""As providers count them: a square of 1024 is one."""

MICROS = 1_000_000
MOST_USD = 10_000
"""More for one picture is a slip of the pen."""


def price_of(
    image_model: ImageModel, request: GenerationRequest, *, num_inputs: int = 0
) -> int:
    """Return the credits of one picture of a request with so many input pictures.

    Raises ``ValueError`` for a model without a price, or with malformed cost rules.
    """
    base = image_model.price_credits
    if base is None:
        raise ValueError(f"{image_model} has no price")
    rules = rules_of(image_model)
    usual = _usual_cost(rules, Capabilities.from_json(image_model.capabilities))
    own = _cost(rules, request, num_inputs)
    if not base or not usual or own is None:
        return base
    return math.ceil(base * own / usual)


def estimate_of(
    image_model: ImageModel, request: GenerationRequest, *, num_inputs: int = 0
) -> int | None:
    """Return what all pictures of a request should cost the operator.

    In millionths of a dollar; ``None`` where no rule says.
    """
    cost = _cost(rules_of(image_model), request, num_inputs)
    return None if cost is None else round(cost * request.num_images * MICROS)


def rules_of(image_model: ImageModel) -> list[CostRule]:
    """Return a model's cost rules. Raises ``ValueError`` naming what is wrong in them."""
    return [record_json.from_json(CostRule, each) for each in image_model.costs]


def checked_rules(value: object) -> list[dict[str, Any]]:
    """Return cost rules that somebody typed, as a row keeps them.

    Raises ``ValueError`` naming the field at fault.
    """
    if not isinstance(value, list):
        raise ValueError("costs: expected a list of rules")
    rules = [
        record_json.from_json(CostRule, each, path=f"costs[{place}]")
        for place, each in enumerate(value)
    ]
    for place, rule in enumerate(rules):
        for name in ("usd", "usd_per_extra_megapixel", "usd_per_input_image"):
            if not 0 <= getattr(rule, name) <= MOST_USD:
                raise ValueError(f"costs[{place}].{name}: expected 0 to {MOST_USD}")
    return [rule.to_json() for rule in rules]


def _usual_cost(rules: list[CostRule], able: Capabilities) -> Fraction | None:
    operation = able.operations[0]
    size = able.usual_size()
    side = math.isqrt(PIXELS_OF_A_MEGAPIXEL)
    usual = GenerationRequest(
        provider_model_id="",
        prompt="",
        operation=operation,
        width=size.width if size else side,
        height=size.height if size else side,
        options=defaults_of(able, operation),
    )
    return _cost(rules, usual, 0)


def defaults_of(able: Capabilities, operation: Operation) -> tuple[OptionValue, ...]:
    """Return the options that have a value when nothing is chosen."""
    return tuple(
        OptionValue(name=each.name, value=each.default)
        for each in able.options_of(operation)
        if each.default
    )


def _cost(
    rules: list[CostRule], request: GenerationRequest, num_inputs: int
) -> Fraction | None:
    """Return the dollars of one picture by the first rule that holds."""
    rule = rule_for(rules, request)
    if rule is None:
        return None
    pixels = request.width * request.height
    extra = max(0, math.ceil(pixels / PIXELS_OF_A_MEGAPIXEL) - 1)
    return (
        _dollars(rule.usd)
        + _dollars(rule.usd_per_extra_megapixel) * extra
        + _dollars(rule.usd_per_input_image) * num_inputs
    )


def _dollars(amount: float) -> Fraction:
    return Fraction(str(amount))  # as it was written: 0.1 is a tenth
