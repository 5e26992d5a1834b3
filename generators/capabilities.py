"""What one image model can do: plain frozen records, kept as JSON in its row.

The form is drawn from them and every request is checked against them.
"""

import enum
import math
import re
from dataclasses import dataclass, replace
from typing import Any, Self

from generators import record_json

MAX_SEED = 2**63 - 1
"""The largest seed any model takes: it fills a 64-bit column."""


class Operation(enum.StrEnum):
    """What is asked of an image model."""

    TEXT_TO_IMAGE = "text-to-image"
    IMAGE_TO_IMAGE = "image-to-image"
    INPAINT = "inpaint"
    OUTPAINT = "outpaint"
    VARIATION = "variation"
    ERASE = "erase"
    UPSCALE = "upscale"
    REMOVE_BACKGROUND = "remove-background"
    REPLACE_BACKGROUND = "replace-background"
    STYLE_TRANSFER = "style-transfer"
    INTERPOLATE = "interpolate"
    SAMPLE = "sample"

    @property
    def needs_init_image(self) -> bool:
        """Say whether it starts from a picture; if not, it takes none to start from."""
        return self not in _WITHOUT_INIT_IMAGE

    @property
    def needs_mask(self) -> bool:
        """Say whether a mask must mark where it works."""
        return self in _WITH_MASK

    @property
    def takes_mask(self) -> bool:
        """Say whether a mask may mark where it works."""
        return self.needs_mask or self is Operation.REPLACE_BACKGROUND


_WITHOUT_INIT_IMAGE = frozenset(
    {Operation.TEXT_TO_IMAGE, Operation.SAMPLE, Operation.INTERPOLATE}
)
_WITH_MASK = frozenset({Operation.INPAINT, Operation.ERASE})


class ImageRole(enum.StrEnum):
    """What an input picture is for."""

    INIT = "init"
    REFERENCE = "reference"
    STYLE = "style"
    MASK = "mask"


@dataclass(frozen=True, slots=True, kw_only=True)
class NumberRange:
    """An inclusive range a number may lie in, and the step of its control."""

    minimum: float
    maximum: float
    default: float
    step: float = 1


@dataclass(frozen=True, slots=True, kw_only=True)
class Size:
    """Width and height of a picture in pixels."""

    width: int
    height: int

    def __str__(self) -> str:
        return f"{self.width}x{self.height}"


@dataclass(frozen=True, slots=True, kw_only=True)
class SizeRange:
    """Sizes a model takes beside its listed ones.

    Both sides lie in ``minimum..maximum`` pixels, are multiples of ``step``, and
    together hold at most ``max_pixels``.
    """

    minimum: int
    maximum: int
    step: int
    max_pixels: int

    def __str__(self) -> str:
        return (
            f"each side {self.minimum} to {self.maximum} in steps of {self.step}, "
            f"at most {self.max_pixels} pixels in all"
        )

    def allows(self, size: Size) -> bool:
        """Say whether a size fits."""
        sides = (size.width, size.height)
        return (
            all(self.minimum <= side <= self.maximum for side in sides)
            and all(side % self.step == 0 for side in sides)
            and size.width * size.height <= self.max_pixels
        )


@dataclass(frozen=True, slots=True, kw_only=True)
class OptionSpec:
    """One more control of a model, under a name of ours: a choice, a number or a text.

    Exactly one of ``values`` (a choice of these), ``numbers`` (a range) and
    ``max_chars`` (a text, which ``pattern`` must match as a whole) says which. Left
    blank it takes ``default``; without one nothing is sent. It is there only for
    ``operations``, where these are named. ``pictures`` is the folder of ``static`` with
    a small picture of each value, ``VALUE.webp``: then it is chosen by these.
    """

    name: str
    label: str
    hint: str = ""
    values: tuple[str, ...] = ()
    pictures: str = ""
    numbers: NumberRange | None = None
    max_chars: int = 0
    pattern: str = ""
    default: str = ""
    is_required: bool = False
    operations: tuple[Operation, ...] = ()

    def is_for(self, operation: Operation) -> bool:
        """Say whether this operation has the control."""
        return not self.operations or operation in self.operations

    def allows(self, value: str) -> bool:
        """Say whether a value, as text, is one it may take. Blank is none."""
        if self.values:
            return value in self.values
        if self.numbers is not None:
            number = _number(value)
            return (
                number is not None
                and self.numbers.minimum <= number <= self.numbers.maximum
            )
        fits = re.fullmatch(self.pattern, value) if self.pattern else True
        return 0 < len(value) <= self.max_chars and bool(fits)


@dataclass(frozen=True, slots=True, kw_only=True)
class OptionValue:
    """What was chosen for one of a model's own options, as text."""

    name: str
    value: str


@dataclass(frozen=True, slots=True, kw_only=True)
class InputLimits:
    """What a model takes as input pictures. Bytes and pixels are of each picture.

    ``max_total_bytes`` is what all of them but the mask may have together.
    """

    mime_types: tuple[str, ...] = ("image/png", "image/jpeg", "image/webp")
    max_bytes: int = 20_000_000
    max_total_bytes: int | None = None
    min_side: int = 1
    max_pixels: int = 25_000_000

    def shared_by(self, num_images: int) -> Self:
        """Return the limits of each of so many pictures that are sent together."""
        if self.max_total_bytes is None or not num_images:
            return self
        share = self.max_total_bytes // num_images
        return replace(self, max_bytes=min(self.max_bytes, share))


@dataclass(frozen=True, slots=True, kw_only=True)
class Capabilities:
    """What one image model can do. The form is drawn from it, the request checked.

    A field that is ``None`` (or empty) means the model has no such control, and a
    request that sets it is refused by name, never dropped silently.
    ``sized_by_image`` are the operations whose picture follows the input picture, so
    that no size is chosen; ``prompted`` are those that read words, where it is ``None``
    all of them. More pictures than ``images_per_job`` become several jobs, so that each
    paid call is a job of its own.
    """

    operations: tuple[Operation, ...] = (Operation.TEXT_TO_IMAGE,)
    prompted: tuple[Operation, ...] | None = None
    sizes: tuple[Size, ...] = ()
    size_range: SizeRange | None = None
    default_size: Size | None = None
    sized_by_image: tuple[Operation, ...] = ()
    max_images: int = 1
    native_batch: int = 1
    images_per_job: int | None = None
    has_seed: bool = False
    max_seed: int = MAX_SEED
    has_negative_prompt: bool = False
    num_inference_steps: NumberRange | None = None
    guidance_scale: NumberRange | None = None
    strength: NumberRange | None = None
    schedulers: tuple[str, ...] = ()
    options: tuple[OptionSpec, ...] = ()
    max_reference_images: int = 0
    max_style_images: int = 0
    has_mask: bool = False
    inputs: InputLimits = InputLimits()
    max_prompt_chars: int = 4000

    def to_json(self) -> dict[str, Any]:
        """Return it as ``ImageModel.capabilities`` keeps it."""
        return record_json.to_json(self)

    @classmethod
    def from_json(cls, value: object) -> Self:
        """Read what ``to_json`` made; ``ValueError`` names what is wrong in it."""
        return record_json.from_json(cls, value)

    def takes(self, size: Size) -> bool:
        """Say whether the model draws this size."""
        in_range = self.size_range is not None and self.size_range.allows(size)
        return size in self.sizes or in_range

    def usual_size(self) -> Size | None:
        """Return the size to start from: the default, else the first listed."""
        return self.default_size or next(iter(self.sizes), None)

    def reads_prompt(self, operation: Operation) -> bool:
        """Say whether words steer this operation."""
        return self.prompted is None or operation in self.prompted

    def options_of(self, operation: Operation) -> tuple[OptionSpec, ...]:
        """Return the further controls that an operation has."""
        return tuple(each for each in self.options if each.is_for(operation))


def _number(text: str) -> float | None:
    try:
        number = float(text)
    except ValueError:
        return None
    return number if math.isfinite(number) else None
