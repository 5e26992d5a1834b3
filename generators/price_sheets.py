"""What settings cost by the terms of a price: the usual ones, each choice, the dearest.

For staff, before and after a price is set. Only the choices that its rules and costs
tell apart are looked at.
"""

import functools
import itertools
import math
from collections.abc import Collection, Iterator, Mapping
from dataclasses import dataclass, replace
from fractions import Fraction
from typing import Final

from generators import pricing
from generators.capabilities import Capabilities, Operation, OptionValue, Size
from generators.contracts import GenerationRequest
from generators.cost_words import MICROS, usd_words
from generators.margins import Margin, margin_of, worth_words
from generators.terms import SettingsRule, Terms

MOST_LOOKED_AT: Final = 3000
"""Combinations of settings: more than any reviewed model has, less than is felt."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Line:
    """What a picture by some settings costs; ``usd`` is ``None`` where no rule says."""

    words: str
    request: GenerationRequest
    num_inputs: int
    credits: int
    usd: Fraction | None

    @property
    def worth_words(self) -> str:
        """Return what its credits are worth in dollars."""
        return worth_words(self.credits)

    @property
    def usd_words(self) -> str:
        """Return what it costs the operator."""
        return usd_words(None if self.usd is None else round(self.usd * MICROS))

    @property
    def margin(self) -> Margin | None:
        """Return what is left of its credits, if that is known."""
        return margin_of(self.credits, self.usd)


@dataclass(frozen=True, slots=True, kw_only=True)
class Sheet:
    """What typical settings cost.

    ``choices`` are those that cost otherwise than the usual ones. ``dearest`` cost the
    operator most (or, with no cost known, the person), of ``worst`` least is left.
    """

    usual: Line
    choices: tuple[Line, ...]
    dearest: Line
    worst: Line

    @property
    def lines(self) -> tuple[Line, ...]:
        """Return all of them, each once."""
        told = (self.usual, *self.choices, self.dearest, self.worst)
        return tuple({each.words: each for each in told}.values())


@functools.lru_cache(maxsize=512)
def sheet_of(able: Capabilities, terms: Terms) -> Sheet:
    """Return what settings of a model cost by these terms."""
    table = _Table(able=able, terms=terms)
    usual = table.line(able.operations[0])
    # The usual ones first, so that they are told where others cost the same.
    every = [usual, *itertools.islice(table.combinations(), MOST_LOOKED_AT)]
    return Sheet(
        usual=usual,
        choices=tuple(
            each
            for each in table.single_choices()
            if (each.credits, each.usd) != (usual.credits, usual.usd)
        ),
        dearest=max(every, key=lambda each: (each.usd or 0, each.credits)),
        worst=max(every, key=_share_of_cost),
    )


@dataclass(frozen=True, slots=True, kw_only=True)
class _Table:
    """Reckons with what the rules of some terms tell apart of a model's settings."""

    able: Capabilities
    terms: Terms

    def line(
        self,
        operation: Operation,
        *,
        options: Mapping[str, str] | None = None,
        size: Size | None = None,
        num_inputs: int | None = None,
    ) -> Line:
        """Return what one picture costs; what is not said is as usual."""
        usual, given = pricing.usual_request(self.able, operation), options or {}
        chosen = {each.name: each.value for each in usual.options} | dict(given)
        request = replace(
            usual,
            options=tuple(OptionValue(name=k, value=v) for k, v in chosen.items()),
            width=size.width if size else usual.width,
            height=size.height if size else usual.height,
        )
        least = _fewest_inputs(operation)
        number = least if num_inputs is None else num_inputs
        credits = pricing.credits_of(self.terms, self.able, request, num_inputs=number)
        return Line(
            words=self._words(usual, request, number - least),
            request=request,
            num_inputs=number,
            credits=credits,
            usd=pricing.usd_of(self.terms, request, num_inputs=number),
        )

    def combinations(self) -> Iterator[Line]:
        """Yield every combination of choices that the rules tell apart."""
        for operation in self.able.operations:
            choices = self._option_choices(operation)
            for values in itertools.product(*choices.values()):
                options = dict(zip(choices, values, strict=True))
                for size in self._sizes(operation):
                    for number in self._numbers_of_inputs(operation):
                        yield self.line(
                            operation, options=options, size=size, num_inputs=number
                        )

    def single_choices(self) -> Iterator[Line]:
        """Yield each choice alone, all else as usual."""
        first, *others = self.able.operations
        for name, values in self._option_choices(first).items():
            for value in values:
                yield self.line(first, options={name: value})
        sizes = self._sizes(first)
        yield self.line(first, size=max(sizes, key=_pixels))
        yield self.line(first, num_inputs=max(self._numbers_of_inputs(first)))
        for operation in others:
            yield self.line(operation)

    def _words(
        self, usual: GenerationRequest, request: GenerationRequest, more_inputs: int
    ) -> str:
        words = []
        if usual.operation != self.able.operations[0]:
            words.append(usual.operation.replace("-", " "))
        words += (
            f"{each.name.replace('_', ' ')} {each.value}"
            for each in request.options
            if each not in usual.options
        )
        if (request.width, request.height) != (usual.width, usual.height):
            words.append(f"{request.width} × {request.height}")  # noqa: RUF001
        if more_inputs:
            words.append(f"{more_inputs} more picture{'s' * (more_inputs > 1)} to use")
        told = ", ".join(words) or "usual settings"
        return told[0].upper() + told[1:]

    def _option_choices(self, operation: Operation) -> dict[str, tuple[str, ...]]:
        rules: tuple[SettingsRule, ...] = (*self.terms.rules, *self.terms.costs)
        named = {option.name for rule in rules for option in rule.options}
        options = self.able.options_of(operation)
        return {
            each.name: each.values
            for each in options
            if each.name in named and each.values
        }

    def _numbers_of_inputs(self, operation: Operation) -> list[int]:
        able, least = self.able, _fewest_inputs(operation)
        has_free_mask = able.has_mask and operation.takes_mask > operation.needs_mask
        more = has_free_mask + able.max_reference_images + able.max_style_images
        return [least, least + more] if more else [least]

    def _sizes(self, operation: Operation) -> list[Size]:
        """Return the smallest and the largest size between the rules' bounds."""
        rules: tuple[SettingsRule, ...] = (*self.terms.rules, *self.terms.costs)
        bounds = {each.max_pixels for each in rules if each.max_pixels is not None}
        usual = pricing.usual_request(self.able, operation)
        found = [Size(width=usual.width, height=usual.height)]
        if operation in self.able.sized_by_image:
            most = self.able.inputs.max_pixels
            found += map(_square, {most, *(each for each in bounds if each < most)})
        else:
            found += [*self.able.sizes, *self._sizes_of_range(bounds)]
        found.sort(key=_pixels)
        between: dict[int, list[Size]] = {}
        for size in found:
            number = sum(_pixels(size) <= bound for bound in bounds)
            between.setdefault(number, []).append(size)
        return [size for group in between.values() for size in {group[0], group[-1]}]

    def _sizes_of_range(self, bounds: Collection[int]) -> Iterator[Size]:
        limits = self.able.size_range
        if limits is None:
            return
        for pixels in (limits.minimum**2, limits.max_pixels, *bounds):
            side = min(math.isqrt(pixels), limits.maximum) // limits.step * limits.step
            size = Size(width=side, height=side)
            if limits.allows(size):
                yield size


def _fewest_inputs(operation: Operation) -> int:
    return operation.needs_init_image + operation.needs_mask


def _pixels(size: Size) -> int:
    return size.width * size.height


def _square(pixels: int) -> Size:
    return Size(width=math.isqrt(pixels), height=math.isqrt(pixels))


def _share_of_cost(line: Line) -> Fraction | float:
    """Return how much of its credits a line costs, whatever a credit is worth."""
    if line.usd is None:
        return -1
    if not line.credits:
        return math.inf if line.usd else 0
    return line.usd / line.credits
