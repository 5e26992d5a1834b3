"""What the Create page's form shows one person, and what they typed into it.

The form is drawn from the chosen model's capabilities and checked by
``generators.validation``; here are only the choices, the values and the errors.
"""

import math
import uuid
from collections.abc import Mapping
from dataclasses import dataclass, field, replace
from functools import cached_property
from typing import TYPE_CHECKING, Final, Self

from accounts.credit_words import price_words
from generators import catalog, estimates
from generators.capabilities import Capabilities, Size
from generators.models import GenerationJob, ImageModel

if TYPE_CHECKING:
    from accounts.models import User

REQUEST_FIELDS: Final = (
    "prompt",
    "num_images",
    "size",
    "seed",
    "num_inference_steps",
    "guidance_scale",
    "negative_prompt",
    "scheduler",
)
"""The fields of the form that ``validation.build_request`` takes, by its names."""

ADVANCED_FIELDS: Final = frozenset(REQUEST_FIELDS) - {"prompt", "num_images", "size"}
MAX_CHIP_SIDE = 18
COMMON_RATIOS: Final = ("1:1", "4:3", "3:2", "16:9", "21:9", "5:4", "7:4", "2:1", "3:1")


@dataclass(frozen=True, slots=True, kw_only=True)
class Shape:
    """One size drawn as a shape: ``drawn_width`` by ``drawn_height`` of 24 pixels."""

    size: Size
    label: str
    is_chosen: bool

    @property
    def drawn_width(self) -> float:
        """Return the width of its drawing, in pixels."""
        return self._scale * self.size.width

    @property
    def drawn_height(self) -> float:
        """Return the height of its drawing, in pixels."""
        return self._scale * self.size.height

    @property
    def left(self) -> float:
        """Return where its drawing starts from the left."""
        return 12 - self.drawn_width / 2

    @property
    def top(self) -> float:
        """Return where its drawing starts from the top."""
        return 12 - self.drawn_height / 2

    @property
    def _scale(self) -> float:
        return MAX_CHIP_SIDE / max(self.size.width, self.size.height)


@dataclass(frozen=True, slots=True, kw_only=True)
class PickerEntry:
    """One card of the model picker."""

    image_model: ImageModel
    is_usable: bool
    reason: str
    is_chosen: bool

    @property
    def good_at(self) -> list[str]:
        """Return the words it is good at."""
        return [word.strip() for word in self.image_model.good_at.split(",") if word]

    @property
    def price_words(self) -> str:
        """Return the price of one picture."""
        return price_words(self.image_model.price_credits or 0)

    @property
    def speed_words(self) -> str:
        """Return the seconds a picture usually takes here; empty if never measured."""
        seconds = estimates.usual_seconds(self.image_model)
        return "" if seconds is None else f"~{max(1, round(seconds))} s here"


@dataclass(frozen=True, kw_only=True)
class Composer:
    """The form for one person: what may be chosen, what was typed, what is wrong.

    ``values`` are raw strings by field name; ``errors`` messages by field name.
    """

    choices: tuple[catalog.Choice, ...]
    balance: int
    values: Mapping[str, str]
    errors: Mapping[str, str] = field(default_factory=dict)
    client_token: uuid.UUID = field(default_factory=uuid.uuid4)

    def with_errors(self, errors: Mapping[str, str]) -> Self:
        """Return the same form saying what is wrong, with a token of its own."""
        return replace(self, errors=errors)

    @cached_property
    def chosen(self) -> catalog.Choice | None:
        """Return the model that is chosen; the first usable one without a choice."""
        wanted = self.values.get("image_model", "")
        of_slug = {choice.image_model.slug: choice for choice in self.choices}
        usable = (choice for choice in self.choices if choice.is_usable)
        return of_slug.get(wanted) or next(usable, None)

    @cached_property
    def able(self) -> Capabilities:
        """Return what the chosen model can do."""
        return self.chosen.capabilities if self.chosen else Capabilities()

    @cached_property
    def entries(self) -> list[PickerEntry]:
        """Return the cards of the picker, in the catalogue's order."""
        return [
            PickerEntry(
                image_model=choice.image_model,
                is_usable=choice.is_usable,
                reason=choice.availability.reason,
                is_chosen=choice is self.chosen,
            )
            for choice in self.choices
        ]

    @cached_property
    def retired(self) -> list[ImageModel]:
        """Return the models that were retired, with their successors."""
        rows = ImageModel.objects.filter(retired=True, enabled=True)
        return list(rows.select_related("successor"))

    @cached_property
    def size(self) -> Size | None:
        """Return the chosen size, or the model's usual one."""
        wanted = self.values.get("size", "")
        listed = {str(size): size for size in self.able.sizes}
        return listed.get(wanted) or self.able.usual_size()

    @cached_property
    def shapes(self) -> list[Shape]:
        """Return the model's sizes as shapes, the widest ones last."""
        sizes = list(self.able.sizes)
        if self.size and self.size not in sizes:
            sizes.insert(0, self.size)
        labels = [ratio_words(size) for size in sizes]
        return [
            Shape(
                size=size,
                label=label if labels.count(label) == 1 else f"{size.width}",
                is_chosen=size == self.size and not self.own_size,
            )
            for size, label in zip(sizes, labels, strict=True)
        ]

    @property
    def own_size(self) -> str:
        """Return the size typed by hand, if it is none of the shapes; it goes first."""
        typed = self.values.get("own_size", "").strip()
        is_shape = typed in {str(size) for size in self.able.sizes}
        return typed if self.able.size_range and not is_shape else ""

    @cached_property
    def num_images(self) -> int:
        """Return how many pictures are asked for, within what the model draws."""
        typed = self.values.get("num_images", "")
        count = int(typed) if typed.isdecimal() and len(typed) < 4 else 1
        return min(max(count, 1), self.able.max_images)

    @property
    def price(self) -> int:
        """Return the credits of one picture."""
        return (self.chosen.image_model.price_credits or 0) if self.chosen else 0

    @property
    def cost(self) -> int:
        """Return the credits of one press."""
        return self.price * self.num_images

    @property
    def cost_words(self) -> str:
        """Return the price of one press as the button says it."""
        return price_words(self.cost)

    @property
    def short_words(self) -> str:
        """Say what is missing to pay for one press."""
        return short_of_credits(self.cost, self.balance, num_images=self.num_images)

    @property
    def blocked_reason(self) -> str:
        """Say why Generate cannot be pressed; empty when it can."""
        if self.chosen is None:
            return "No model can be used right now. Ask your admin."
        if not self.chosen.is_usable:
            return self.chosen.availability.reason
        return ""

    @property
    def is_short_of_credits(self) -> bool:
        """Say whether the balance does not pay for one press."""
        return self.cost > self.balance

    @property
    def has_advanced(self) -> bool:
        """Say whether the model has any control beside prompt, shape and count."""
        able = self.able
        return bool(
            able.has_negative_prompt
            or able.has_seed
            or able.num_inference_steps
            or able.guidance_scale
            or able.schedulers
            or able.size_range
        )

    @property
    def is_advanced_open(self) -> bool:
        """Say whether an error hides under Advanced."""
        return bool(self.errors.keys() & (ADVANCED_FIELDS | {"own_size"}))

    def request_fields(self) -> dict[str, str]:
        """Return what ``validation.build_request`` checks, as typed."""
        typed = {name: self.values.get(name, "") for name in REQUEST_FIELDS}
        return typed | ({"size": self.own_size} if self.own_size else {})


def compose(user: "User", values: Mapping[str, str], *, balance: int) -> Composer:
    """Return the form for a person with what they typed, or their last choice."""
    typed = {name: values[name] for name in _FIELDS if name in values}
    if "image_model" not in typed:
        typed = _last_choice(user) | typed
    return Composer(choices=tuple(catalog.choices()), balance=balance, values=typed)


def ratio_words(size: Size) -> str:
    """Return the ratio as people say it: ``16:9``, also for 1344 by 768 or so."""
    divisor = math.gcd(size.width, size.height)
    width, height = size.width // divisor, size.height // divisor
    if max(width, height) <= 21:
        return f"{width}:{height}"
    wanted = max(size.width, size.height) / min(size.width, size.height)
    near = min(COMMON_RATIOS, key=lambda ratio: abs(_ratio(ratio) - wanted))
    return near if size.width >= size.height else ":".join(reversed(near.split(":")))


def short_of_credits(needed: int, available: int, *, num_images: int) -> str:
    """Say that the balance does not pay for a press, and what would."""
    way_out = "Ask for fewer pictures" if num_images > 1 else "Choose another model"
    return (
        f"This costs {price_words(needed)} and you have {available}. "
        f"{way_out}, or ask your admin for credits."
    )


def _ratio(words: str) -> float:
    long, short = words.split(":")
    return int(long) / int(short)


def _last_choice(user: "User") -> dict[str, str]:
    last = GenerationJob.objects.filter(owner=user).order_by("-id").first()
    if last is None:
        return {}
    return {
        "image_model": last.image_model_slug,
        "size": f"{last.width}x{last.height}",
    }


_FIELDS: Final = (*REQUEST_FIELDS, "image_model", "own_size")
