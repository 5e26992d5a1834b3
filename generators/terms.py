"""The terms of a price: what a picture costs a person in credits, the operator in dollars.

Plain frozen records, kept as JSON in a ``Price``; nothing here knows the database.
"""

from collections.abc import Iterable, Sequence
from dataclasses import dataclass, fields
from typing import TYPE_CHECKING, Any, ClassVar, Final, Self, TypeVar

from generators import record_json
from generators.capabilities import Capabilities, Operation, OptionValue

if TYPE_CHECKING:
    from generators.contracts import GenerationRequest

MOST_CREDITS: Final = 10**9
"""No picture costs more, whatever its settings: the columns hold it, and sums of it."""

MOST_USD: Final = 10_000
"""More for one picture is a slip of the pen."""

MOST_RULES: Final = 100


@dataclass(frozen=True, slots=True, kw_only=True)
class SettingsRule:
    """For which settings a rule counts: where all its conditions hold.

    An empty condition always does. Of a list the first rule that holds counts.
    """

    most: ClassVar[int]

    operations: tuple[Operation, ...] = ()
    options: tuple[OptionValue, ...] = ()
    max_pixels: int | None = None

    def holds(self, request: "GenerationRequest") -> bool:
        """Say whether all its conditions hold for a request."""
        pixels = request.width * request.height
        return (
            (not self.operations or request.operation in self.operations)
            and (self.max_pixels is None or pixels <= self.max_pixels)
            and all(request.option(each.name) == each.value for each in self.options)
        )

    def covers(self, other: "SettingsRule", able: Capabilities) -> bool:
        """Say whether it holds wherever another does: behind it that never counts."""
        asked = set(other.operations or able.operations)
        return (
            (not self.operations or asked <= set(self.operations))
            and set(self.options) <= set(other.options)
            and (
                self.max_pixels is None
                or (
                    other.max_pixels is not None and other.max_pixels <= self.max_pixels
                )
            )
        )

    @classmethod
    def amounts(cls) -> tuple[str, ...]:
        """Return the fields that are amounts, none of which is above ``most``."""
        conditions = {each.name for each in fields(SettingsRule)}
        return tuple(each.name for each in fields(cls) if each.name not in conditions)

    def to_json(self) -> dict[str, Any]:
        """Return it as a ``Price`` keeps it."""
        return record_json.to_json(self)

    @classmethod
    def from_json(cls, value: object) -> Self:
        """Read what ``to_json`` made; ``ValueError`` names what is wrong in it."""
        return record_json.from_json(cls, value)


@dataclass(frozen=True, slots=True, kw_only=True)
class CostRule(SettingsRule):
    """What the operator pays for one picture, in US dollars, by certain settings.

    ``usd`` covers the first megapixel and no input picture; each further megapixel begun
    and each input picture add their part.
    """

    most: ClassVar[int] = MOST_USD

    usd: float
    usd_per_extra_megapixel: float = 0
    usd_per_input_image: float = 0


@dataclass(frozen=True, slots=True, kw_only=True)
class PriceRule(SettingsRule):
    """What a person pays for one picture, in whole credits, by certain settings.

    The parts are as those of a ``CostRule``.
    """

    most: ClassVar[int] = MOST_CREDITS

    credits: int
    credits_per_extra_megapixel: int = 0
    credits_per_input_image: int = 0


RuleT = TypeVar("RuleT", bound=SettingsRule)


@dataclass(frozen=True, slots=True, kw_only=True)
class Terms:
    """What one version of a price says.

    ``credits`` are of a picture by the model's usual settings. What a rule says of other
    settings counts; all else costs as much more or less as it costs the operator.
    """

    credits: int
    rules: tuple[PriceRule, ...] = ()
    costs: tuple[CostRule, ...] = ()


def rule_for(rules: Iterable[RuleT], request: "GenerationRequest") -> RuleT | None:
    """Return the rule that counts for a request, if any holds."""
    return next((rule for rule in rules if rule.holds(request)), None)


def checked_rules(
    kind: type[RuleT], value: object, *, able: Capabilities, path: str
) -> tuple[RuleT, ...]:
    """Return the rules that somebody typed for a model that can do this.

    Raises ``ValueError`` naming the field at fault; also where a rule could never count.
    """
    if not isinstance(value, list):
        raise ValueError(f"{path}: expected a list of rules")
    if len(value) > MOST_RULES:
        raise ValueError(f"{path}: expected at most {MOST_RULES} rules")
    rules = tuple(
        record_json.from_json(kind, each, path=f"{path}[{place}]")
        for place, each in enumerate(value)
    )
    for place, rule in enumerate(rules):
        _refuse_amounts(rule, f"{path}[{place}]")
        _refuse_conditions(rule, able, f"{path}[{place}]")
        _refuse_covered(rules, place, able, path)
    return rules


def _refuse_amounts(rule: SettingsRule, path: str) -> None:
    for name in rule.amounts():
        if not 0 <= getattr(rule, name) <= rule.most:
            raise ValueError(f"{path}.{name}: expected 0 to {rule.most}")


def _refuse_conditions(rule: SettingsRule, able: Capabilities, path: str) -> None:
    """Refuse conditions that no request to the model could meet."""
    for operation in rule.operations:
        if operation not in able.operations:
            does = ", ".join(able.operations)
            raise ValueError(f"{path}.operations: it does no {operation}, but {does}")
    if rule.max_pixels is not None and rule.max_pixels < 1:
        raise ValueError(f"{path}.max_pixels: expected 1 or more")
    if len({each.name for each in rule.options}) < len(rule.options):
        raise ValueError(f"{path}.options: asks for two values of one option")
    for option in rule.options:
        _refuse_option(option, able, f"{path}.options")
    if not any(
        all(_has(able, operation, option) for option in rule.options)
        for operation in rule.operations or able.operations
    ):
        raise ValueError(f"{path}: no operation has all these options")


def _refuse_option(option: OptionValue, able: Capabilities, path: str) -> None:
    values = [
        value
        for spec in able.options
        if spec.name == option.name
        for value in spec.values
    ]
    if not values:
        raise ValueError(f"{path}: the model lets nobody choose a {option.name!r:.80}")
    if option.value not in values:
        raise ValueError(
            f"{path}: {option.name} is never {option.value!r:.80}, but one of "
            f"{', '.join(dict.fromkeys(values))}"
        )


def _has(able: Capabilities, operation: Operation, option: OptionValue) -> bool:
    return any(
        spec.name == option.name and option.value in spec.values
        for spec in able.options_of(operation)
    )


def _refuse_covered(
    rules: Sequence[SettingsRule], place: int, able: Capabilities, path: str
) -> None:
    for earlier, rule in enumerate(rules[:place]):
        if rule.covers(rules[place], able):
            raise ValueError(
                f"{path}[{place}]: never counts, for {path}[{earlier}] holds wherever it "
                "does and comes first; move it up or remove it"
            )
