"""What to tell a person whose job failed: what happened, and one thing to do next."""

import enum
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from functools import partial
from typing import Final

from generators import catalog, errors
from generators.errors import ProviderError
from generators.inputs import GONE
from generators.models import GenerationJob, ImageModel

Kind = GenerationJob.FailureKind


class Step(enum.StrEnum):
    """The one thing to do next."""

    EDIT = "edit"
    RETRY = "retry"
    OTHER_MODEL = "other-model"
    NONE = "none"


@dataclass(frozen=True, slots=True, kw_only=True)
class Advice:
    """A failure in plain words. ``other_model`` is set for ``Step.OTHER_MODEL``.

    ``more`` is what the provider or the check said beyond the title, if anything.
    """

    title: str
    more: str
    step: Step
    step_label: str
    other_model: ImageModel | None = None


TITLES: Final = {
    Kind.REFUSED: "The model declined these words.",
    Kind.INVALID: "The model could not use these settings.",
    Kind.RATE_LIMITED: "The model is too busy.",
    Kind.PROVIDER_DOWN: "The model could not be reached.",
    Kind.NOT_CONFIGURED: "Unavailable right now; your admin has been told.",
    Kind.OUT_OF_MEMORY: "There was not enough memory.",
    Kind.TIMED_OUT: "It took too long.",
    Kind.UNEXPECTED: "Something went wrong on our side.",
    Kind.DECLINED: "An admin declined it.",
}

_USUAL_MORE: Final = {
    Kind.REFUSED: "Different words may work.",
    Kind.RATE_LIMITED: "It should have room again in a few minutes.",
    Kind.PROVIDER_DOWN: "That is usually over soon.",
    Kind.OUT_OF_MEMORY: "A smaller shape or fewer pictures will fit.",
    Kind.UNEXPECTED: "The details are in the admin's log.",
    Kind.DECLINED: "Something that costs less needs nobody's word.",
}

_OF_MESSAGE: Final = {
    errors.ModelUnavailable.default_message: (
        "This model is no longer available.",
        "Your admin has been told.",
    ),
    errors.ProviderFailed.default_message: (
        "The model's service broke while it drew.",
        "That is usually over soon.",
    ),
    errors.OutcomeUnknown.default_message: (
        "Nobody could tell us whether it was made.",
        "It was asked for once and not again.",
    ),
    GONE: ("A picture it works on is gone.", "It is no longer in your gallery."),
    errors.UnexpectedResponse.default_message: (
        "No picture came back.",
        "What the model sent instead is in the admin's log.",
    ),
}
"""Title and more where what was said tells more than the kind does."""

_EDITS: Final = {
    Kind.REFUSED: "Edit the words",
    Kind.INVALID: "Change the settings",
    Kind.OUT_OF_MEMORY: "Choose a smaller shape",
    Kind.DECLINED: "Ask for less",
}

_FEWER: Final = "Ask for fewer pictures"
_NOTHING_SMALLER: Final = "It may fit when the machine has less to do."

_PREFERS_OTHER_MODEL: Final = {Kind.PROVIDER_DOWN, Kind.NOT_CONFIGURED}


def about(job: GenerationJob, *, other_models: Sequence[ImageModel]) -> Advice:
    """Return the advice for a failed job; ``other_models`` are those usable now."""
    kind = Kind(job.failure_kind) if job.failure_kind else Kind.UNEXPECTED
    others = [row for row in other_models if row.pk != job.image_model_id]
    is_usable = len(others) < len(other_models)
    can_edit = kind in _EDITS
    more = _more(kind, job.failure_message)
    if kind == Kind.OUT_OF_MEMORY and not _could_be_smaller(job):
        can_edit = False
        more = _NOTHING_SMALLER if more == _USUAL_MORE[kind] else more
    if kind == Kind.REFUSED and job.num_inputs:
        return _about_refused_pictures(more)
    title, more = _OF_MESSAGE.get(job.failure_message, (TITLES[kind], more))
    advice = partial(Advice, title=title, more=more)
    if can_edit:
        label = _EDITS[kind]
        if kind == Kind.OUT_OF_MEMORY and not _has_smaller_shape(job):
            label = _FEWER
        return advice(step=Step.EDIT, step_label=label)
    if others and (kind in _PREFERS_OTHER_MODEL or not is_usable):
        other = _nearest(job, others)
        label = f"Try {other.label}"
        return advice(step=Step.OTHER_MODEL, step_label=label, other_model=other)
    if not is_usable:
        return advice(step=Step.NONE, step_label="")
    return advice(step=Step.RETRY, step_label="Try again")


def _about_refused_pictures(more: str) -> Advice:
    """Nobody says whether it was the words or a picture that was declined."""
    return Advice(
        title="The model declined the words or a picture.",
        more="Others may work." if more == _USUAL_MORE[Kind.REFUSED] else more,
        step=Step.EDIT,
        step_label="Change them",
    )


def _more(kind: GenerationJob.FailureKind, said: str) -> str:
    """Return what was said, unless it only repeats what every such failure says."""
    return _USUAL_MORE.get(kind, "") if said in _SAID_ALWAYS else said


def _could_be_smaller(job: GenerationJob) -> bool:
    """Say whether its model could be asked for fewer or smaller pictures."""
    return job.num_images > 1 or _has_smaller_shape(job)


def _has_smaller_shape(job: GenerationJob) -> bool:
    if job.image_model is None:
        return False
    try:
        able = catalog.capabilities_of(job.image_model)
    except ValueError:
        return False
    areas = [size.width * size.height for size in able.sizes]
    if able.size_range is not None:
        areas.append(able.size_range.minimum**2)
    return any(area < job.width * job.height for area in areas)


def _messages(tree: type[ProviderError]) -> Iterator[str]:
    yield tree.default_message
    for branch in tree.__subclasses__():
        yield from _messages(branch)


_SAID_ALWAYS: Final = frozenset(["", *_messages(ProviderError)])


def _nearest(job: GenerationJob, others: Sequence[ImageModel]) -> ImageModel:
    """Return the model to suggest: the successor if it is usable, else the first."""
    successor = job.image_model.successor_id if job.image_model else None
    return next((row for row in others if row.pk == successor), others[0])
