"""What crosses the border between the site and a provider: plain frozen records.

Nothing here knows the database, a queue or torch, so an adapter can be read, tested
and reused by itself.
"""

import enum
from collections.abc import Callable
from dataclasses import dataclass, field, replace
from typing import Any, Self

from generators import record_json
from generators.capabilities import Capabilities, ImageRole, Operation, OptionValue
from generators.spool import Spool
from generators.terms import CostRule


class Lane(enum.StrEnum):
    """Which kind of worker runs a provider's jobs."""

    LOCAL = "local"
    REMOTE = "remote"


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
class Cost:
    """What the operator pays for a whole job, in millionths of a US dollar.

    ``is_exact``: the provider told it, or told the usage (tokens) that its price list
    was applied to. Otherwise it only repeats the catalogue's costs: an estimate, which
    is never kept as what a job really cost.
    """

    usd_micros: int
    is_exact: bool


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
    costs: tuple[CostRule, ...] = ()
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
    uses ``seed + k``, which is at most ``MAX_SEED`` too. ``width`` and ``height`` are
    those of the init image where the operation follows it. ``options`` holds every
    option of the model that has a value. ``end_user`` is a hash that tells the
    provider's abuse control one person from another, and nothing else.
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
    options: tuple[OptionValue, ...] = ()
    images: tuple[InputImage, ...] = ()
    client_token: str = ""
    end_user: str = ""

    def option(self, name: str) -> str:
        """Return the value of one of the model's own options; empty if it has none."""
        return next((each.value for each in self.options if each.name == name), "")

    def images_of(self, *roles: ImageRole) -> tuple[InputImage, ...]:
        """Return the input pictures with one of these roles, in order."""
        return tuple(each for each in self.images if each.role in roles)

    def to_json(self) -> dict[str, Any]:
        """Return the recipe as a job keeps it: all but input pictures and the person."""
        recipe = record_json.to_json(replace(self, images=()))
        del recipe["images"], recipe["end_user"]
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
    """One delivered picture, as the provider sent it: bytes not yet trusted.

    ``losses`` are those before and after each step, where its pixels were optimised.
    """

    content: Spool = field(repr=False)
    seed: int | None = None
    revised_prompt: str = ""
    losses: tuple[float, ...] = ()


@dataclass(frozen=True, slots=True, kw_only=True)
class GenerationResult:
    """A finished job. Fewer ``images`` than asked is a partial success.

    ``refused`` counts pictures that the provider's moderation withheld;
    ``model_seconds`` is the time the model itself worked (``None`` if not known);
    ``cost`` what the provider charges, ``None`` where that is not known.
    """

    images: tuple[ResultImage, ...]
    refused: int = 0
    model_seconds: float | None = None
    provider_request_id: str = ""
    cost: Cost | None = None


@dataclass(frozen=True, slots=True, kw_only=True)
class JobHandle:
    """How to ask again for work that the provider accepted. Plain JSON, no secrets.

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
    """The provider took the work and will be polled; ``cost`` is what is known then."""

    handle: JobHandle
    cost: Cost | None = None


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


@dataclass(frozen=True, slots=True, kw_only=True)
class Access:
    """How to reach a service: one connection of the admin's, as its adapter needs it.

    ``account`` is what some services ask for beside the key (an organisation, a
    project), in the provider's own form. ``result_hosts`` are hosts that the admin lets
    finished pictures come from, beside those the provider names. ``webhook_url`` is where the service may ring
    when accepted work is done; empty where it cannot reach us. ``webhook_secret`` signs
    what it says there.
    """

    base_url: str
    api_key: str = field(default="", repr=False)
    account: str = ""
    result_hosts: tuple[str, ...] = ()
    webhook_url: str = ""
    webhook_secret: str = field(default="", repr=False)


@dataclass(frozen=True, slots=True, kw_only=True)
class ConnectionReport:
    """What a service said when a connection was tried: all of it is for the admin.

    ``models`` are discovered image models, where the provider's catalogue is the
    service's own list; ``num_models`` counts what the key may use, if known; ``balance``
    is the account's, in the service's words.
    """

    num_models: int | None = None
    balance: str = ""
    models: tuple[ModelSpec, ...] = ()


@dataclass(frozen=True, slots=True, kw_only=True)
class WebhookNews:
    """What a verified webhook is about. A hint to poll sooner, never the result."""

    external_id: str
