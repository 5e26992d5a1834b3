"""What crosses the border between the site and a provider: plain frozen records.

Nothing here knows the database, a queue or torch, so an adapter can be read, tested
and reused by itself.
"""

import enum
from collections.abc import Callable
from dataclasses import dataclass, field, replace
from typing import Any, Self

from generators import record_json

MAX_SEED = 2**63 - 1


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


class Lane(enum.StrEnum):
    """Which kind of worker runs a provider's jobs."""

    LOCAL = "local"
    REMOTE = "remote"


class ImageRole(enum.StrEnum):
    """What an input picture is for."""

    INIT = "init"
    REFERENCE = "reference"
    STYLE = "style"
    MASK = "mask"


@dataclass(frozen=True, slots=True, kw_only=True)
class InputImage:
    """A picture handed to a provider.

    A mask is canonical: 8-bit greyscale PNG, **white is repainted**, the size of the
    init image. Adapters convert to their provider's polarity.
    """

    content: bytes = field(repr=False)
    mime_type: str
    role: ImageRole


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
class Capabilities:
    """What one image model can do. The form is drawn from it, the request checked.

    A field that is ``None`` (or empty) means the model has no such control, and a
    request that sets it is refused by name, never dropped silently.
    """

    operations: tuple[Operation, ...] = (Operation.TEXT_TO_IMAGE,)
    sizes: tuple[Size, ...] = ()
    size_range: SizeRange | None = None
    default_size: Size | None = None
    max_images: int = 1
    native_batch: int = 1
    has_seed: bool = False
    has_negative_prompt: bool = False
    num_inference_steps: NumberRange | None = None
    guidance_scale: NumberRange | None = None
    strength: NumberRange | None = None
    schedulers: tuple[str, ...] = ()
    max_reference_images: int = 0
    has_mask: bool = False
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


@dataclass(frozen=True, slots=True, kw_only=True)
class ModelSpec:
    """One reviewed catalogue entry of a provider: what a dropdown row starts as."""

    provider: str
    provider_model_id: str
    slug: str
    label: str
    description: str
    family: str
    capabilities: Capabilities
    good_at: tuple[str, ...] = ()
    price_credits: int | None = None
    enabled: bool = True
    order: int = 100
    sunset_date: str | None = None
    successor: str | None = None
    retired: bool = False
    aliases: tuple[str, ...] = ()

    @classmethod
    def from_json(cls, value: object) -> Self:
        """Read one entry of a catalogue file; ``ValueError`` names what is wrong."""
        return record_json.from_json(cls, value)


@dataclass(frozen=True, slots=True, kw_only=True)
class GenerationRequest:
    """One image model's share of a press of the button, complete and checked.

    ``seed`` is 0..``MAX_SEED`` or ``None`` for random; ``client_token`` is the job's
    own UUID, sent to providers that accept an id of ours. The k-th picture of a job
    uses ``seed + k``, which is at most ``MAX_SEED`` too.
    """

    provider_model_id: str
    prompt: str
    width: int
    height: int
    operation: Operation = Operation.TEXT_TO_IMAGE
    negative_prompt: str = ""
    num_images: int = 1
    seed: int | None = None
    num_inference_steps: int | None = None
    guidance_scale: float | None = None
    strength: float | None = None
    scheduler: str | None = None
    images: tuple[InputImage, ...] = ()
    client_token: str = ""

    def to_json(self) -> dict[str, Any]:
        """Return the recipe as a job keeps it: everything but the input pictures."""
        recipe = record_json.to_json(replace(self, images=()))
        del recipe["images"]
        return recipe

    @classmethod
    def from_json(cls, value: object) -> Self:
        """Read what ``to_json`` made; ``ValueError`` names what is wrong in it."""
        return record_json.from_json(cls, value)


@dataclass(frozen=True, slots=True, kw_only=True)
class Progress:
    """News of a running job: ``fraction`` is 0..1, ``preview`` a small WebP or JPEG."""

    fraction: float
    step: int = 0
    steps: int = 0
    preview: bytes | None = field(default=None, repr=False)


OnProgress = Callable[[Progress], bool]
"""Told of progress; answers whether to go on. ``False`` asks for a cancel."""


@dataclass(frozen=True, slots=True, kw_only=True)
class ResultImage:
    """One delivered picture, as the provider sent it: bytes not yet trusted."""

    content: bytes = field(repr=False)
    seed: int | None = None
    revised_prompt: str = ""


@dataclass(frozen=True, slots=True, kw_only=True)
class GenerationResult:
    """A finished job. Fewer ``images`` than asked is a partial success.

    ``refused`` counts pictures that the provider's moderation withheld;
    ``model_seconds`` is the time the model itself worked (``None`` if not known).
    """

    images: tuple[ResultImage, ...]
    refused: int = 0
    model_seconds: float | None = None
    provider_request_id: str = ""


@dataclass(frozen=True, slots=True, kw_only=True)
class JobHandle:
    """How to ask again for work that the provider accepted. Plain JSON.

    Saved on the job before any waiting, so that a restarted worker goes on polling and
    nobody pays twice.
    """

    provider: str
    external_id: str
    poll_url: str = ""
    next_poll_seconds: float = 1.0

    def to_json(self) -> dict[str, Any]:
        """Return it as a job keeps it."""
        return record_json.to_json(self)

    @classmethod
    def from_json(cls, value: object) -> Self:
        """Read what ``to_json`` made; ``ValueError`` names what is wrong in it."""
        return record_json.from_json(cls, value)


@dataclass(frozen=True, slots=True, kw_only=True)
class Accepted:
    """The provider took the work and will be polled."""

    handle: JobHandle


@dataclass(frozen=True, slots=True, kw_only=True)
class Pending:
    """Polled, and not done yet."""

    progress: Progress | None = None
    next_poll_seconds: float = 1.0


@dataclass(frozen=True, slots=True, kw_only=True)
class Availability:
    """Whether a provider can be used now, and if not, why (shown to people)."""

    is_available: bool
    reason: str = ""
