"""What can go wrong at a provider: one tree, each branch with words for the person.

``user_message`` is safe to show: it never holds a key, a URL or a stack trace.
Configuration errors (an operator's problem) stand apart from failures of the request.
"""

from collections.abc import Iterator
from contextlib import contextmanager

from generators.contracts import Cost
from generators.redaction import without


class ProviderError(Exception):
    """Base of all. ``detail`` is for the operator's log, never for the person.

    ``broke_off`` says that the work ended half-way for a reason outside the request:
    work that costs nothing is begun again a few times before the person hears of it.
    ``cost`` is what the failed call costs the operator all the same, if that is known.
    """

    default_message = "Something went wrong while making this picture."

    def __init__(
        self,
        user_message: str = "",
        *,
        detail: str = "",
        broke_off: bool = False,
        cost: Cost | None = None,
    ) -> None:
        self.user_message = user_message or self.default_message
        self.detail = detail
        self.broke_off = broke_off
        self.cost = cost
        super().__init__(self.user_message)

    def hide(self, secret: str) -> None:
        """Take a secret out of its words: a service may have repeated our key."""
        self.user_message = without(self.user_message, secret)
        self.detail = without(self.detail, secret)
        self.args = (self.user_message,)


class OperatorProblem(ProviderError):
    """Only the operator can mend it; the person is told it is unavailable."""

    default_message = "The site's settings for this model do not work."


class NotConfigured(OperatorProblem):
    """A key, a checkpoint or an optional package is missing."""


class AuthenticationFailed(OperatorProblem):
    """The provider refused our key."""


class QuotaExhausted(OperatorProblem):
    """The operator's account at the provider is out of money or quota."""


class ModelUnavailable(OperatorProblem):
    """The provider no longer has this model."""

    default_message = "This model is no longer available. Choose another one."


class RequestProblem(ProviderError):
    """This request cannot be served as it is. Refunded, never retried by itself."""


class ResourceExhausted(RequestProblem):
    """Not enough memory (or the like) for this size or model."""

    default_message = "There was not enough memory. Try a smaller size or fewer images."


class UnsupportedRequest(RequestProblem):
    """The model cannot do what is asked; ``field`` names the offending input."""

    def __init__(self, user_message: str, *, field: str, detail: str = "") -> None:
        super().__init__(user_message, detail=detail)
        self.field = field


class InvalidRequest(RequestProblem):
    """The provider found the request malformed."""

    default_message = "The model did not accept these settings."


class ContentRejected(RequestProblem):
    """A moderation refused the words or the picture."""

    default_message = "The model declined this request. Try different words."


class Transient(ProviderError):
    """May be sent again later, by ``next_action_at`` on the job."""

    retry_after: float | None = None


class RateLimited(Transient):
    """Too many requests; ``retry_after`` in seconds when the provider said so."""

    default_message = "The model is busy."

    def __init__(
        self,
        user_message: str = "",
        *,
        retry_after: float | None = None,
        detail: str = "",
    ) -> None:
        super().__init__(user_message, detail=detail)
        self.retry_after = retry_after


class ProviderUnavailable(Transient):
    """Down, and surely did not accept the request."""

    default_message = "The model could not be reached."


class ProviderFailed(ProviderError):
    """The service broke while it had the request. It may have been accepted, so it is
    not sent again by itself."""

    default_message = "The model's service had a problem of its own."


class OutcomeUnknown(ProviderError):
    """A paid call was sent and its end is not known. Never sent again by itself."""

    default_message = "We could not confirm whether the picture was made."


class UnexpectedResponse(ProviderError):
    """The answer made no sense, or a success held no picture."""

    default_message = "The model answered with something that is not a picture."


class TimedOut(ProviderError):
    """The work did not end in time."""

    default_message = "The model took too long."


class GenerationCanceled(ProviderError):
    """The person canceled, and the provider stopped."""

    default_message = "Canceled."


@contextmanager
def hiding(secret: str) -> Iterator[None]:
    """Let no error leave the block that holds this secret.

    One of an adapter's own may quote what the service said: then its kind is left.
    """
    try:
        yield
    except ProviderError as error:
        error.hide(secret)
        raise
    except Exception as error:
        words = f"{error!r} {error}"
        if without(words, secret) != words:
            detail = f"{type(error).__name__} in what is kept secret"
            raise UnexpectedResponse(detail=detail) from None
        raise
