"""Which kind of failure each error is: one table."""

from dataclasses import dataclass
from typing import Self

from gallery.clean_text import clean
from gallery.storage import BrokenPicture, StorageFailed
from generators import errors
from generators.contracts import Cost
from generators.models import GenerationJob

Kind = GenerationJob.FailureKind

KINDS: dict[type[Exception], GenerationJob.FailureKind] = {
    errors.ContentRejected: Kind.REFUSED,
    errors.InvalidRequest: Kind.INVALID,
    errors.UnsupportedRequest: Kind.INVALID,
    errors.RateLimited: Kind.RATE_LIMITED,
    errors.ProviderUnavailable: Kind.PROVIDER_DOWN,
    errors.ProviderFailed: Kind.PROVIDER_DOWN,
    errors.NotConfigured: Kind.NOT_CONFIGURED,
    errors.AuthenticationFailed: Kind.NOT_CONFIGURED,
    errors.QuotaExhausted: Kind.NOT_CONFIGURED,
    errors.ModelUnavailable: Kind.NOT_CONFIGURED,
    errors.ResourceExhausted: Kind.OUT_OF_MEMORY,
    errors.TimedOut: Kind.TIMED_OUT,
    errors.OutcomeUnknown: Kind.TIMED_OUT,
    errors.UnexpectedResponse: Kind.UNEXPECTED,
    BrokenPicture: Kind.UNEXPECTED,
    StorageFailed: Kind.UNEXPECTED,
}
"""The nearest ancestor of an error's class decides; anything else is unexpected."""

LOST_WORDS = "The worker was interrupted too often while making this picture."
NEVER_STARTED_WORDS = "The model was busy or away for too long."
GIVEN_UP_WORDS = "The model took too long."
NOT_AGREED_WORDS = "No admin agreed to it in time."
DECLINED_WORDS = "An admin declined it."
NEVER_KNOWN_WORDS = "We could not confirm whether the picture was made."


@dataclass(frozen=True, slots=True, kw_only=True)
class Failure:
    """Why a job ended without a picture: ``message`` for the person, ``detail`` not.

    ``cost`` is what it costs the operator all the same, where the error told.
    """

    kind: GenerationJob.FailureKind
    message: str
    detail: str = ""
    cost: Cost | None = None

    @classmethod
    def of(cls, error: Exception) -> Self:
        """Return the failure an error stands for, in words that are safe to show."""
        own = (KINDS[each] for each in type(error).__mro__ if each in KINDS)
        words = errors.ProviderError.default_message
        detail = getattr(error, "detail", "")
        return cls(
            kind=next(own, Kind.UNEXPECTED),
            message=clean(getattr(error, "user_message", words)),
            detail=clean(f"{type(error).__name__}: {detail or error}"),
            cost=getattr(error, "cost", None),
        )
