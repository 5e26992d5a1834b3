"""One image model's share of what was typed: what it is asked, and what that costs."""

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from functools import cached_property, partial
from typing import Final

from generators import (
    catalog,
    field_checks,
    operations,
    pricing,
    quotes,
    shapes,
    validation,
)
from generators.capabilities import Capabilities, Operation, OptionSpec, Size
from generators.contracts import GenerationRequest
from generators.field_checks import Refused
from generators.form_pictures import Picture
from generators.models import ImageModel
from generators.typed_values import read_size
from generators.validation import OPTION_PREFIX, Typed

PLAIN_FIELDS: Final = (
    "prompt",
    "num_images",
    "seed",
    "num_inference_steps",
    "guidance_scale",
    "strength",
    "negative_prompt",
    "scheduler",
    "operation",
)
"""The fields of the form that ``validation.Typed`` takes as they are, by its names."""

RESOLUTION: Final = "resolution"

_NUMBERS: Final[dict[str, Callable[[object, Capabilities], object]]] = {
    "seed": partial(field_checks.seed, num_images=1),
    "num_inference_steps": field_checks.num_inference_steps,
    "guidance_scale": field_checks.guidance_scale,
    "strength": partial(field_checks.strength, operation=Operation.IMAGE_TO_IMAGE),
}
"""The numbers whose range is each model's own, and how each is read."""


@dataclass(frozen=True, kw_only=True)
class Share:
    """What one of the chosen models makes of the form.

    ``beside`` is what the other chosen models can do: what this one has no use for is
    left to them, which the page says. Alone, everything typed is meant for it.
    """

    choice: catalog.Choice
    values: Mapping[str, str]
    pictures: Sequence[Picture]
    beside: Sequence[Capabilities] = ()

    @property
    def image_model(self) -> ImageModel:
        """Return the image model."""
        return self.choice.image_model

    @property
    def is_compared(self) -> bool:
        """Say whether it is one of several."""
        return bool(self.beside)

    @property
    def able(self) -> Capabilities:
        """Return what the model can do."""
        return self.choice.capabilities

    @cached_property
    def own_pictures(self) -> list[Picture]:
        """Return the pictures that it works on."""
        if not self.is_compared:
            return list(self.pictures)
        uses = operations.taken(self.able, [each.given for each in self.pictures])
        return [
            each for each, is_used in zip(self.pictures, uses, strict=True) if is_used
        ]

    @cached_property
    def operation(self) -> Operation:
        """Return what it is asked to do."""
        roles = [each.role for each in self.own_pictures]
        wanted = self.values.get("operation")
        found = operations.chosen(self.able, roles, wanted)
        return found or next(iter(self.able.operations), Operation.TEXT_TO_IMAGE)

    @cached_property
    def problem(self) -> str:
        """Say which picture is missing or too much; empty when it can begin."""
        roles = [each.role for each in self.own_pictures]
        found = operations.problem(self.able, roles)
        return "" if found is None else found[1]

    @property
    def is_sized_by_image(self) -> bool:
        """Say whether its picture follows the start picture, so that no size is chosen."""
        return self.operation in self.able.sized_by_image

    @property
    def reads_prompt(self) -> bool:
        """Say whether words steer what it is asked to do."""
        return self.able.reads_prompt(self.operation)

    @cached_property
    def typed(self) -> Typed:
        """Return what is checked for it."""
        plain = {name: self.values.get(name, "") for name in PLAIN_FIELDS}
        plain["operation"] = self._operation_typed
        if not self.reads_prompt:
            plain["prompt"] = ""  # kept as the picture's title; the page says so
        if self.is_compared:
            mute = {name for name in plain if not self.has(name)}
            plain |= dict.fromkeys({*mute, *self.others_numbers}, "")
        return Typed(
            **plain,
            size=self._size_typed,
            options=self._options_typed,
            pictures=[each.given for each in self.own_pictures],
        )

    @cached_property
    def request(self) -> GenerationRequest:
        """Return the request as far as what was typed makes sense."""
        return validation.draft(self.image_model, self.able, self.typed)

    @cached_property
    def price(self) -> int:
        """Return the credits of one picture by these settings."""
        if self.image_model.price is None:
            return 0
        num_inputs = len(self.own_pictures)
        quote = quotes.quote(
            self.image_model, self.able, self.request, num_inputs=num_inputs
        )
        return quote.credits

    @property
    def has_price_by_settings(self) -> bool:
        """Say whether settings change the price of a picture."""
        price = self.image_model.price
        return price is not None and pricing.depends_on_settings(price.terms)

    @cached_property
    def size(self) -> Size:
        """Return the size it draws, as far as is known."""
        return Size(width=self.request.width, height=self.request.height)

    def has(self, name: str) -> bool:
        """Say whether the model has the control of this field now."""
        able = self.able
        if name.startswith(OPTION_PREFIX):
            options = able.options_of(self.operation)
            return name.removeprefix(OPTION_PREFIX) in {each.name for each in options}
        controls: dict[str, object] = {
            "negative_prompt": able.has_negative_prompt,
            "seed": able.has_seed,
            "num_inference_steps": able.num_inference_steps,
            "guidance_scale": able.guidance_scale,
            "strength": able.strength and self.operation.needs_init_image,
            "scheduler": able.schedulers,
            RESOLUTION: not self.is_sized_by_image and shapes.resolutions(able),
            "own_size": not self.is_sized_by_image and able.size_range,
        }
        return bool(controls.get(name, True))

    @property
    def _operation_typed(self) -> str:
        """Return the operation that was chosen, if that is what it is asked."""
        wanted = self.values.get("operation", "")
        return wanted if wanted == self.operation or not self.is_compared else ""

    @property
    def _size_typed(self) -> object:
        if self.is_sized_by_image:
            return ""
        own = self.values.get("own_size", "").strip()
        if own and (self.able.size_range or self.is_compared):
            return self._nearest(own)
        typed = self.values.get("size", "")
        found = read_size(typed)
        if found is None or not (self.is_compared or self.able.takes(found)):
            return typed
        key = self.values.get(RESOLUTION, "")
        return shapes.in_resolution(self.able, shapes.nearest(self.able, found), key)

    def _nearest(self, typed: str) -> object:
        found = read_size(typed)
        if found is None or not self.is_compared:
            return typed
        return shapes.nearest(self.able, found)

    @property
    def _options_typed(self) -> dict[str, object]:
        given: dict[str, object] = {
            name.removeprefix(OPTION_PREFIX): value
            for name, value in self.values.items()
            if name.startswith(OPTION_PREFIX)
        }
        if not self.is_compared:
            return given
        return {
            name: value
            for name, value in given.items()
            if self.has(f"{OPTION_PREFIX}{name}") and not self._is_of_others(name)
        }

    @cached_property
    def others_numbers(self) -> list[str]:
        """Return the fields whose number is beyond its own range, but not all others'."""
        return [name for name, read in _NUMBERS.items() if self._is_beyond(name, read)]

    def _is_beyond(
        self, name: str, read: Callable[[object, Capabilities], object]
    ) -> bool:
        value = self.values.get(name, "")
        if not self.has(name) or _fits(read, value, self.able):
            return False
        return any(_fits(read, value, able) for able in self.beside)

    @cached_property
    def others_choices(self) -> list[OptionSpec]:
        """Return its options for which a value was chosen that only others take."""
        return [
            spec
            for spec in self.able.options_of(self.operation)
            if self._is_of_others(spec.name)
        ]

    def _is_of_others(self, name: str) -> bool:
        value = self.values.get(f"{OPTION_PREFIX}{name}", "")
        options = self.able.options_of(self.operation)
        own = next((each for each in options if each.name == name), None)
        if not value or own is None or own.allows(value):
            return False
        return any(
            each.name == name and each.allows(value)
            for able in self.beside
            for each in able.options
        )


def _fits(
    read: Callable[[object, Capabilities], object], value: object, able: Capabilities
) -> bool:
    try:
        read(value, able)
    except Refused:
        return False
    return True
