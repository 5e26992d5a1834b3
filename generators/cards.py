"""What the page says about a job: its state in words, its pictures, what to do next."""

import uuid
from collections.abc import Iterable, Sequence
from dataclasses import dataclass, field
from functools import cached_property

from django.utils import timezone

from accounts.credit_words import price_words
from gallery.models import Image
from generators import advice, catalog, estimates
from generators.contracts import GenerationRequest
from generators.models import GenerationJob, ImageModel
from generators.quotes import quote

Status = GenerationJob.Status
Phase = GenerationJob.Phase
_WORDS = {
    Status.UNKNOWN: "Checking whether it was made",
    Status.CANCELED: "Canceled",
    Status.SUCCEEDED: "Done",
}


class Surroundings:
    """What cards drawn together share, looked up once and only if one needs it."""

    def __init__(self) -> None:
        self.outlook = estimates.Outlook()

    @cached_property
    def usable_models(self) -> Sequence[ImageModel]:
        """The image models that can be used now."""
        return catalog.usable_models()


@dataclass(frozen=True, kw_only=True)
class JobCard:
    """One job as the page shows it. ``images`` are its pictures still in the gallery.

    ``notice`` is what to say about a press of its button that changed nothing.
    """

    job: GenerationJob
    images: Sequence[Image] = ()
    around: Surroundings = field(default_factory=Surroundings)
    notice: str = ""

    @property
    def is_active(self) -> bool:
        """Say whether more will happen to it."""
        return not self.job.is_ended

    @property
    def is_drawing(self) -> bool:
        """Say whether the model is at work on it."""
        return self.job.status == Status.RUNNING and self.job.phase == Phase.DRAWING

    @property
    def has_preview(self) -> bool:
        """Say whether there may be a preview to show."""
        is_at_work = self.is_drawing or self.job.phase == Phase.SAVING
        return self.is_active and is_at_work and self.job.progress > 0

    @property
    def percent(self) -> int | None:
        """Return how far it is, 1 to 99, or ``None`` when the model does not tell."""
        if not self.is_drawing or self.job.progress <= 0:
            return None
        return min(99, max(1, round(self.job.progress * 100)))

    @cached_property
    def usual_seconds(self) -> float | None:
        """Return the seconds such a job usually takes here, if measured."""
        return self.around.outlook.usual_seconds(self.job)

    @property
    def started_seconds_ago(self) -> float:
        """Return for how long it has been running, in seconds."""
        if self.job.drawing_since is None:
            return 0.0
        return max(0.0, (timezone.now() - self.job.drawing_since).total_seconds())

    @cached_property
    def words(self) -> str:
        """Return its state in a few words."""
        if self.job.status == Status.RUNNING:
            return self._running_words
        if self.job.status == Status.QUEUED:
            return waiting_words(self.job, self.around.outlook)
        if self.job.status == Status.FAILED:
            return self.advice.title
        return _WORDS[Status(self.job.status)]

    @property
    def _running_words(self) -> str:
        if self.job.cancel_requested_at is not None:
            return "Canceling"
        if self.job.phase == Phase.LOADING:
            return "Loading the model"
        if self.job.phase == Phase.SAVING:
            return "Saving"
        if self.percent is not None:
            return f"Drawing {self.percent} %"
        return "Drawing"

    @cached_property
    def advice(self) -> advice.Advice:
        """Return what to say and do about a failure."""
        return advice.about(self.job, other_models=self.around.usable_models)

    @property
    def missing(self) -> int:
        """Return how many pictures were asked for and not delivered."""
        return self.job.num_images - self.job.num_delivered

    @property
    def slots(self) -> range:
        """Return a number for each picture that is awaited."""
        return range(self.job.num_images)

    @property
    def num_gone(self) -> int:
        """Return how many of the delivered pictures left the gallery since."""
        return self.job.num_delivered - len(self.images)

    @property
    def retry_token(self) -> uuid.UUID:
        """Return a fresh token for a second try, so that a double press is one."""
        return uuid.uuid4()

    @cached_property
    def retry_price(self) -> int:
        """Return the credits of one picture, should it be drawn once more today."""
        row = self.job.image_model
        if row is None or row.price is None:
            return 0
        request = GenerationRequest.from_json(self.job.recipe)
        able = catalog.capabilities_of(row)
        return quote(row, able, request, num_inputs=self.job.num_inputs).credits

    @property
    def seconds(self) -> int:
        """Return the seconds that drawing it took, at least one."""
        return max(1, round(self.job.model_seconds or 0))

    @property
    def facts(self) -> str:
        """Return how long it took and what it cost; empty unless it went well."""
        if self.job.status != Status.SUCCEEDED:
            return ""
        return facts_words(self.seconds, self.job.settled_credits or 0)

    @property
    def retry_price_words(self) -> str:
        """Return what a second try costs."""
        return price_words(self.retry_price * self.job.num_images)

    @property
    def announcement(self) -> str:
        """Return what a screen reader is told: start, done or failed, nothing else."""
        if self.job.status == Status.SUCCEEDED:
            many = self.job.num_delivered
            return f"Done: {many} picture{'s' * (many != 1)}."
        if self.job.status == Status.FAILED:
            return f"Failed: {self.advice.title} Not charged."
        if self.job.status == Status.CANCELED:
            return "Canceled. Not charged."
        return "Drawing has started." if self.is_drawing else ""


def cards_of(jobs: Iterable[GenerationJob]) -> list[JobCard]:
    """Return the cards of some jobs, with their pictures, in one query."""
    jobs, around = list(jobs), Surroundings()
    pictures: dict[uuid.UUID, list[Image]] = {job.public_id: [] for job in jobs}
    ended = [job.public_id for job in jobs if job.num_delivered]
    kept = Image.objects.kept().filter(job_id__in=ended).select_related("file")
    for image in kept.order_by("position"):
        if image.job_id is not None:
            pictures[image.job_id].append(image)
    return [
        JobCard(job=job, images=pictures[job.public_id], around=around) for job in jobs
    ]


def facts_words(seconds: int, credits: int) -> str:
    """Return seconds and price as people read them: ``12 s · 6 credits``."""
    return f"{seconds} s · {price_words(credits)}"


def waiting_words(job: GenerationJob, outlook: estimates.Outlook) -> str:
    """Return how long a queued job still waits, as known now."""
    if job.phase == Phase.APPROVAL:
        return "Waiting for an admin to agree"
    if job.next_action_at is not None:
        words = "trying again soon"
        return words.capitalize() if job.attempts else f"The model is busy · {words}"
    place = outlook.waiting_words(job)
    return f"Waiting · {place}" if place else "Waiting"
