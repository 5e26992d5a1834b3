"""Which image models there are, and which of them may be chosen now."""

import datetime
from collections.abc import Iterable
from dataclasses import dataclass
from typing import Any

from django.utils import timezone

from generators.capabilities import Capabilities
from generators.catalog_filling import FillReport, fill
from generators.contracts import Availability
from generators.errors import ProviderError
from generators.models import ImageModel
from generators.providers import registry

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
    "usable_models",
]


@dataclass(frozen=True, slots=True, kw_only=True)
class Choice:
    """One entry of the dropdown, as it is now."""

    image_model: ImageModel
    capabilities: Capabilities
    availability: Availability

    @property
    def is_usable(self) -> bool:
        """Say whether it can be pressed; if not, ``availability.reason`` says why."""
        return self.availability.is_available


def choices() -> list[Choice]:
    """List the image models people may see: enabled, not retired, in order.

    Those that cannot be used now are listed too, with the reason.
    """
    rows = ImageModel.objects.filter(enabled=True, retired=False)
    of_provider: dict[str, Availability] = {}
    return [_choice(row, of_provider) for row in rows.select_related("successor")]


def usable_models() -> list[ImageModel]:
    """List the image models that can be used now, in the dropdown's order."""
    return [choice.image_model for choice in choices() if choice.is_usable]


def all_models() -> Iterable[ImageModel]:
    """List every row, disabled and retired ones included, in the dropdown's order."""
    return ImageModel.objects.select_related("successor").prefetch_related("aliases")


def find(name: str) -> ImageModel:
    """Return the image model with this slug or alias, whatever its state.

    Raises ``ImageModel.DoesNotExist``, also for names no model can have.
    """
    is_plausible = 0 < len(name) <= 100 and name.isprintable()
    if not is_plausible:  # PostgreSQL would refuse NUL with an error of another kind
        raise ImageModel.DoesNotExist
    by_slug = ImageModel.objects.filter(slug=name).first()
    return by_slug or ImageModel.objects.get(aliases__name=name)


def capabilities_of(image_model: ImageModel) -> Capabilities:
    """Return what an image model can do, typed.

    Raises ``ValueError`` naming the field if an admin left them malformed.
    """
    return Capabilities.from_json(image_model.capabilities)


def availability_of(image_model: ImageModel) -> Availability:
    """Say whether an image model can be used now; if not, why, in words for people.

    Looks at the row, its provider and its capabilities, without network.
    """
    problem = _lifecycle_problem(image_model)
    if problem:
        return Availability(is_available=False, reason=problem)
    return _provider_availability(image_model.provider)


def lifecycle_of(image_model: ImageModel, today: datetime.date | None = None) -> str:
    """Return ``live``, ``sunset`` (a date is set), ``ended`` (it passed) or ``retired``."""
    if image_model.retired:
        return "retired"
    if image_model.sunset_date is None:
        return "live"
    today = today or timezone.localdate()
    return "sunset" if image_model.sunset_date > today else "ended"


def _choice(row: ImageModel, of_provider: dict[str, Availability]) -> Choice:
    if row.provider not in of_provider:
        of_provider[row.provider] = _provider_availability(row.provider)
    problem = _lifecycle_problem(row)
    availability = of_provider[row.provider]
    if problem:
        availability = Availability(is_available=False, reason=problem)
    try:
        capabilities = capabilities_of(row)
    except ValueError:
        capabilities = Capabilities()
    return Choice(image_model=row, capabilities=capabilities, availability=availability)


def _provider_availability(slug: str) -> Availability:
    try:
        return registry.get(slug).availability()
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
    return _settings_problem(image_model.capabilities)


def _settings_problem(capabilities: Any) -> str:
    try:
        is_drawable = Capabilities.from_json(capabilities).usual_size() is not None
    except ValueError:
        is_drawable = False
    return "" if is_drawable else "Its settings on this site are not complete."
