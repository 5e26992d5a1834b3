"""Presses of the button as the page shows them: their jobs, model by model."""

from collections.abc import Iterable, Sequence
from dataclasses import dataclass, field
from functools import cached_property
from typing import TYPE_CHECKING, Final

from django.db.models import Prefetch

from generators.capabilities import Operation
from generators.cards import JobCard, cards_of, facts_words
from generators.models import Generation, GenerationJob
from generators.operations import LABELS

if TYPE_CHECKING:
    from accounts.models import User

BATCHES_SHOWN: Final = 12


@dataclass(frozen=True, kw_only=True)
class Group:
    """The jobs of one image model in a press; several where each draws one picture."""

    label: str
    cards: Sequence[JobCard]

    @property
    def has_many(self) -> bool:
        """Say whether it is more than one job."""
        return len(self.cards) > 1

    @property
    def facts(self) -> str:
        """Return how long they took and what they cost, once all have ended."""
        done = [card for card in self.cards if card.facts]
        if not done or any(card.is_active for card in self.cards):
            return ""
        credits = sum(card.job.settled_credits or 0 for card in done)
        return facts_words(max(card.seconds for card in done), credits)


@dataclass(frozen=True, kw_only=True)
class Batch:
    """One press of the button as the page shows it."""

    generation: Generation
    cards: Sequence[JobCard] = field(default_factory=tuple)

    @cached_property
    def groups(self) -> list[Group]:
        """Return its jobs by image model, in the order they were asked for."""
        of_model: dict[tuple[str, str], list[JobCard]] = {}
        for card in self.cards:
            key = (card.job.image_model_slug, card.job.image_model_label)
            of_model.setdefault(key, []).append(card)
        return [
            Group(label=label, cards=cards) for (_, label), cards in of_model.items()
        ]

    @property
    def is_comparison(self) -> bool:
        """Say whether several models were asked at once."""
        return len(self.groups) > 1

    @property
    def title(self) -> str:
        """Return its words; where none were needed, what was asked for."""
        if self.generation.prompt.strip() or not self.cards:
            return self.generation.prompt
        operation = Operation(self.cards[0].job.recipe["operation"])
        return LABELS[operation]

    @property
    def labels(self) -> str:
        """Return the name of its model, or how many there are."""
        if self.is_comparison:
            return f"{len(self.groups)} models"
        return self.groups[0].label if self.groups else ""

    @property
    def again(self) -> str:
        """Return the query that fills the form with its recipe."""
        if len(self.cards) > 1:
            return f"generation={self.generation.public_id}"
        return f"job={self.cards[0].job.public_id}" if self.cards else ""


def batches_of(
    user: "User", *, before: int | None = None, limit: int = BATCHES_SHOWN
) -> list[Batch]:
    """Return a person's presses, newest first; ``before`` is the last one's key."""
    rows = Generation.objects.filter(owner=user)
    if before is not None:
        rows = rows.filter(pk__lt=before)
    jobs = GenerationJob.objects.select_related("image_model__price").order_by("pk")
    newest = rows.order_by("-pk").prefetch_related(Prefetch("jobs", queryset=jobs))
    return _batches(newest[:limit])


def batch_of(generation: Generation) -> Batch:
    """Return one press with its jobs."""
    return _batches([generation])[0]


def _batches(generations: Iterable[Generation]) -> list[Batch]:
    generations = list(generations)
    of_generation = {each.pk: list(each.jobs.all()) for each in generations}
    cards = cards_of(job for jobs in of_generation.values() for job in jobs)
    of_job = {card.job.pk: card for card in cards}
    return [
        Batch(
            generation=each,
            cards=[of_job[job.pk] for job in of_generation[each.pk]],
        )
        for each in generations
    ]
