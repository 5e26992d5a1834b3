"""What a picture costs by the terms of a price: a person credits, the operator dollars.

A rule of the price says what certain settings cost. All others cost the person as much
more or less than the usual settings as they cost the operator, rounded up to whole
credits; without costs, or with a price of 0, all the same. Several pictures cost so many
times as much: there is no discount.
"""

import math
from fractions import Fraction

from generators.capabilities import Capabilities, Operation, OptionValue
from generators.contracts import GenerationRequest
from generators.terms import MOST_CREDITS, Terms, rule_for

PIXELS_OF_A_MEGAPIXEL = 1024 * 1024
"""As providers count them: a square of 1024 is one."""


def credits_of(
    terms: Terms, able: Capabilities, request: GenerationRequest, *, num_inputs: int
) -> int:
    """Return the credits of one picture of a request with so many input pictures.

    Never more than ``MOST_CREDITS``.
    """
    rule = rule_for(terms.rules, request)
    if rule is not None:
        credits = (
            rule.credits
            + rule.credits_per_extra_megapixel * _extra_megapixels(request)
            + rule.credits_per_input_image * num_inputs
        )
    else:
        credits = _in_proportion(terms, able, request, num_inputs)
    return min(credits, MOST_CREDITS)


def usd_of(
    terms: Terms, request: GenerationRequest, *, num_inputs: int
) -> Fraction | None:
    """Return what one picture costs the operator; ``None`` where no cost rule says."""
    rule = rule_for(terms.costs, request)
    if rule is None:
        return None
    return (
        _dollars(rule.usd)
        + _dollars(rule.usd_per_extra_megapixel) * _extra_megapixels(request)
        + _dollars(rule.usd_per_input_image) * num_inputs
    )


def usual_request(
    able: Capabilities, operation: Operation | None = None
) -> GenerationRequest:
    """Return what is asked where nothing is chosen; of the first operation if not said."""
    operation = operation or able.operations[0]
    size = able.usual_size()
    side = math.isqrt(PIXELS_OF_A_MEGAPIXEL)
    return GenerationRequest(
        provider_model_id="",
        prompt="",
        operation=operation,
        width=size.width if size else side,
        height=size.height if size else side,
        options=defaults_of(able, operation),
    )


def defaults_of(able: Capabilities, operation: Operation) -> tuple[OptionValue, ...]:
    """Return the options that have a value when nothing is chosen."""
    return tuple(
        OptionValue(name=each.name, value=each.default)
        for each in able.options_of(operation)
        if each.default
    )


def depends_on_settings(terms: Terms) -> bool:
    """Say whether settings may change what a picture costs the person."""
    return bool(terms.rules) or (
        len(terms.costs) > 1
        or any(
            each.usd_per_extra_megapixel or each.usd_per_input_image
            for each in terms.costs
        )
    )


def _in_proportion(
    terms: Terms, able: Capabilities, request: GenerationRequest, num_inputs: int
) -> int:
    usual = usd_of(terms, usual_request(able), num_inputs=0)
    own = usd_of(terms, request, num_inputs=num_inputs)
    if not terms.credits or not usual or own is None:
        return terms.credits
    return math.ceil(terms.credits * own / usual)


def _extra_megapixels(request: GenerationRequest) -> int:
    pixels = request.width * request.height
    return max(0, math.ceil(pixels / PIXELS_OF_A_MEGAPIXEL) - 1)


def _dollars(amount: float) -> Fraction:
    return Fraction(str(amount))  # as it was written: 0.1 is a tenth
