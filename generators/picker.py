"""The model picker's cards: grouped by provider, recent ones first, found by any name."""

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from functools import cached_property
from typing import TYPE_CHECKING, Final

from accounts.credit_words import price_words
from generators import catalog, estimates
from generators.errors import ProviderError
from generators.models import GenerationJob, ImageModel, ImageModelAlias
from generators.providers import registry

if TYPE_CHECKING:
    from accounts.models import User

MOST_RECENT: Final = 4
LEAST_FOR_RECENT: Final = 9
"""With fewer models than that everything is seen at once anyway."""

JOBS_LOOKED_AT: Final = 40
TROUBLED: Final = "Its service has trouble, jobs wait"
RECENT: Final = "Recent"
UNAVAILABLE: Final = "Unavailable"


@dataclass(frozen=True, slots=True, kw_only=True)
class Entry:
    """One card. ``names`` are the further names it is found by."""

    choice: catalog.Choice
    is_chosen: bool
    provider: str
    seconds: float | None
    names: str

    @property
    def image_model(self) -> ImageModel:
        """Return the image model."""
        return self.choice.image_model

    @property
    def is_usable(self) -> bool:
        """Say whether it can be chosen."""
        return self.choice.is_usable

    @property
    def reason(self) -> str:
        """Say why it cannot be chosen."""
        return self.choice.availability.reason

    @property
    def is_well(self) -> bool:
        """Say whether its service worked when it was last used."""
        return self.is_usable and self.choice.is_well

    @property
    def trouble(self) -> str:
        """Say that jobs wait just now; empty when its service is well."""
        return TROUBLED if self.is_usable and self.choice.is_troubled else ""

    @property
    def good_at(self) -> list[str]:
        """Return the words it is good at."""
        return [word.strip() for word in self.image_model.good_at.split(",") if word]

    @property
    def price_words(self) -> str:
        """Return the price of one picture by the usual settings."""
        price = self.image_model.price
        return price_words(price.credits if price else 0)

    @property
    def speed_words(self) -> str:
        """Return the seconds a picture usually takes here; empty if never measured."""
        return "" if self.seconds is None else f"~{max(1, round(self.seconds))} s here"


@dataclass(frozen=True, slots=True, kw_only=True)
class Group:
    """Cards under one heading."""

    label: str
    entries: Sequence[Entry]
    is_unavailable: bool = False

    @property
    def is_open(self) -> bool:
        """Say whether it is shown before anything is searched."""
        return not self.is_unavailable or any(each.is_chosen for each in self.entries)


@dataclass(frozen=True, slots=True, kw_only=True)
class Gone:
    """A retired model: found by its names, and leading to its successor."""

    image_model: ImageModel
    names: str
    successor: ImageModel | None


@dataclass(frozen=True, kw_only=True)
class Picker:
    """All there is to choose, for one person."""

    choices: Sequence[catalog.Choice]
    chosen: Sequence[catalog.Choice]
    recent: Sequence[str] = ()

    @cached_property
    def entries(self) -> list[Entry]:
        """Return the cards in the catalogue's order."""
        seconds = estimates.usual_seconds_of(self.choices)
        names = _aliases(each.image_model for each in self.choices)
        return [
            Entry(
                choice=choice,
                is_chosen=choice in self.chosen,
                provider=provider_label(choice.image_model.provider),
                seconds=seconds.get(choice.image_model.pk),
                names=_names(choice.image_model, names),
            )
            for choice in self.choices
        ]

    @cached_property
    def groups(self) -> list[Group]:
        """Return the cards group by group: recent, by provider, unavailable."""
        usable = [each for each in self.entries if each.is_usable]
        recent = self._recent(usable) if len(usable) >= LEAST_FOR_RECENT else []
        of_provider: dict[str, list[Entry]] = {}
        for entry in usable:
            if entry not in recent:
                of_provider.setdefault(entry.provider, []).append(entry)
        groups = [
            Group(label=label, entries=found) for label, found in of_provider.items()
        ]
        if recent:
            groups.insert(0, Group(label=RECENT, entries=recent))
        if rest := [each for each in self.entries if not each.is_usable]:
            groups.append(Group(label=UNAVAILABLE, entries=rest, is_unavailable=True))
        return groups

    @cached_property
    def num_unavailable(self) -> int:
        """Return how many cannot be chosen now."""
        return sum(not each.is_usable for each in self.choices)

    @cached_property
    def gone(self) -> list[Gone]:
        """Return the retired models; a successor only where it can be chosen."""
        rows = ImageModel.objects.filter(retired=True, enabled=True)
        found = list(rows.select_related("successor"))
        names = _aliases(found)
        usable = {each.image_model.pk for each in self.choices if each.is_usable}
        return [
            Gone(
                image_model=row,
                names=_names(row, names),
                successor=row.successor if row.successor_id in usable else None,
            )
            for row in found
        ]

    def _recent(self, usable: Iterable[Entry]) -> list[Entry]:
        of_slug = {each.image_model.slug: each for each in usable}
        found = [of_slug[slug] for slug in self.recent if slug in of_slug]
        return found[:MOST_RECENT]


def recent_slugs(user: "User") -> list[str]:
    """Return the slugs of the models that a person used lately, newest first."""
    jobs = GenerationJob.objects.filter(owner=user).order_by("-id")
    slugs = jobs.values_list("image_model_slug", flat=True)[:JOBS_LOOKED_AT]
    return list(dict.fromkeys(slugs))


def provider_label(slug: str) -> str:
    """Return a provider's name as people know it."""
    try:
        return registry.get(slug).label
    except ProviderError:
        return slug


def _aliases(rows: Iterable[ImageModel]) -> Mapping[int, list[str]]:
    pairs = ImageModelAlias.objects.filter(
        image_model__in=[row.pk for row in rows]
    ).values_list("image_model", "name")
    found: dict[int, list[str]] = {}
    for pk, name in pairs:
        found.setdefault(pk, []).append(name)
    return found


def _names(row: ImageModel, aliases: Mapping[int, Sequence[str]]) -> str:
    names = (row.slug, row.provider_model_id, row.provider, *aliases.get(row.pk, ()))
    return " ".join(dict.fromkeys(names))
