"""Which image models there are, and which of them may be chosen now."""

import datetime
import functools
import json
from collections.abc import Collection, Iterable
from dataclasses import dataclass

from django.utils import timezone

from generators import connections
from generators.capabilities import Capabilities
from generators.catalog_filling import FillReport, fill
from generators.contracts import Availability
from generators.errors import ProviderError
from generators.models import ImageModel, ImageModelAlias
from generators.providers import registry
from generators.providers.base import RemoteProvider

__all__ = [
    "Choice",
    "FillReport",
    "all_models",
    "availability_of",
    "capabilities_of",
    "choices",
    "fill",
    "find",
    "lifecycle_of",
    "slugs_of_aliases",
    "usable_models",
]


@dataclass(frozen=True, slots=True, kw_only=True)
class Choice:
    """One entry of the dropdown, as it is now."""

    image_model: ImageModel
    capabilities: Capabilities
    availability: Availability
    is_well: bool = False
    is_troubled: bool = False

    @property
    def is_usable(self) -> bool:
        """Say whether it can be pressed; if not, ``availability.reason`` says why."""
        return self.availability.is_available


def choices(slugs: Collection[str] | None = None) -> list[Choice]:
    """List the image models people may see: enabled, not retired, in order.

    Those that cannot be used now are listed too, with the reason. With ``slugs`` only
    those of these names.
    """
    rows = ImageModel.objects.filter(enabled=True, retired=False)
    if slugs is not None:
        rows = rows.filter(slug__in=[each for each in slugs if _is_plausible(each)])
    ways, of_provider = connections.Overview(), dict[str, Availability]()
    return [
        _choice(row, ways, of_provider)
        for row in rows.select_related("successor", "price")
    ]


def usable_models() -> list[ImageModel]:
    """List the image models that can be used now, in the dropdown's order."""
    return [choice.image_model for choice in choices() if choice.is_usable]


def all_models() -> Iterable[ImageModel]:
    """List every row, disabled and retired ones included, in the dropdown's order."""
    rows = ImageModel.objects.select_related("successor", "price")
    return rows.prefetch_related("aliases")


def find(name: str) -> ImageModel:
    """Return the image model with this slug or alias, whatever its state.

    Raises ``ImageModel.DoesNotExist``, also for names no model can have.
    """
    if not _is_plausible(name):
        raise ImageModel.DoesNotExist
    rows = ImageModel.objects.select_related("price")
    return rows.filter(slug=name).first() or rows.get(aliases__name=name)


def _is_plausible(name: str) -> bool:
    """Say whether a model can have a name; of some, PostgreSQL would make an error."""
    return 0 < len(name) <= 100 and name.isprintable()


def slugs_of_aliases(names: Collection[str]) -> dict[str, str]:
    """Return the slugs of the image models that have these names as aliases."""
    plausible = [each for each in names if _is_plausible(each)]
    if not plausible:
        return {}
    rows = ImageModelAlias.objects.filter(name__in=plausible)
    return dict(rows.values_list("name", "image_model__slug"))


def capabilities_of(image_model: ImageModel) -> Capabilities:
    """Return what an image model can do, typed.

    Raises ``ValueError`` naming the field if an admin left them malformed.
    """
    return _read_capabilities(json.dumps(image_model.capabilities, default=repr))


def availability_of(image_model: ImageModel) -> Availability:
    """Say whether an image model can be used now; if not, why, in words for people.

    Looks at the row, its provider, its connections and its capabilities, without
    network.
    """
    return _availability(image_model, connections.Overview(), {})


def lifecycle_of(image_model: ImageModel, today: datetime.date | None = None) -> str:
    """Return ``live``, ``sunset`` (a date is set), ``ended`` (it passed) or ``retired``."""
    if image_model.retired:
        return "retired"
    if image_model.sunset_date is None:
        return "live"
    today = today or timezone.localdate()
    return "sunset" if image_model.sunset_date > today else "ended"


def _choice(
    row: ImageModel,
    ways: connections.Overview,
    of_provider: dict[str, Availability],
) -> Choice:
    try:
        capabilities = capabilities_of(row)
    except ValueError:
        capabilities = Capabilities()
    return Choice(
        image_model=row,
        capabilities=capabilities,
        availability=_availability(row, ways, of_provider),
        is_well=ways.is_well(row),
        is_troubled=ways.is_troubled(row),
    )


def _availability(
    row: ImageModel,
    ways: connections.Overview,
    of_provider: dict[str, Availability],
) -> Availability:
    if problem := _lifecycle_problem(row):
        return Availability(is_available=False, reason=problem)
    try:
        provider = registry.get(row.provider)
        if isinstance(provider, RemoteProvider):
            return ways.availability_of(row)
        if row.provider not in of_provider:
            of_provider[row.provider] = provider.availability()
        return of_provider[row.provider]
    except ProviderError as error:
        return Availability(is_available=False, reason=error.user_message)


def _lifecycle_problem(image_model: ImageModel) -> str:
    instead = (
        f" Choose {image_model.successor.label} instead."
        if image_model.successor is not None
        else " Choose another model."
    )
    state = lifecycle_of(image_model)
    if state == "retired":
        return f"{image_model.label} has been retired.{instead}"
    if state == "ended":
        return (
            f"{image_model.label} ended on {image_model.sunset_date:%d %B %Y}.{instead}"
        )
    if not image_model.enabled:
        return f"{image_model.label} is switched off on this site.{instead}"
    return _settings_problem(image_model)


@functools.lru_cache(maxsize=512)
def _read_capabilities(text: str) -> Capabilities:
    """Read each model's once: a page shows all of them, and they seldom change."""
    return Capabilities.from_json(json.loads(text))


def _settings_problem(image_model: ImageModel) -> str:
    try:
        able = capabilities_of(image_model)
        is_drawable = able.usual_size() is not None or set(able.operations) <= set(
            able.sized_by_image
        )
    except ValueError:
        is_drawable = False
    return "" if is_drawable else "Its settings on this site are not complete."
