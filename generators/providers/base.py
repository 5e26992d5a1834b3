"""The interface every provider implements. One adapter class each."""

from abc import ABC, abstractmethod
from typing import ClassVar

from generators.contracts import (
    Accepted,
    Availability,
    GenerationRequest,
    GenerationResult,
    JobHandle,
    Lane,
    ModelSpec,
    OnProgress,
    Pending,
)
from generators.errors import UnexpectedResponse


class Provider(ABC):
    """A place where models run. Adapters raise only ``generators.errors``.

    ``is_paid`` says that a call costs the operator money, so that one whose outcome is
    not known is never sent again.
    """

    slug: ClassVar[str]
    label: ClassVar[str]
    lane: ClassVar[Lane]
    is_paid: ClassVar[bool]

    @abstractmethod
    def availability(self) -> Availability:
        """Say whether jobs can run now, without network or heavy imports."""

    @abstractmethod
    def catalog(self) -> tuple[ModelSpec, ...]:
        """List the image models this provider offers, reviewed or discovered."""

    @abstractmethod
    def submit(
        self, request: GenerationRequest, *, on_progress: OnProgress
    ) -> GenerationResult | Accepted:
        """Start the work: the finished result, or the handle to poll."""

    def poll(self, handle: JobHandle) -> GenerationResult | Pending:
        """Ask for accepted work. Only providers that answer ``Accepted`` override."""
        raise UnexpectedResponse(detail=f"{self.slug} has nothing to poll: {handle}")

    def cancel(self, handle: JobHandle) -> bool:
        """Stop accepted work; answer whether the provider agreed."""
        return False

    def loaded_models(self) -> tuple[str, ...]:
        """List the ``provider_model_id`` of models ready in memory: they go first.

        Called before each job of the local lane, so it must be quick. Only providers
        that load weights override.
        """
        return ()

    def preload(self) -> None:  # noqa: B027 (most providers load nothing)
        """Begin to get ready what the first job will likely need; return at once."""

    def problems(self) -> tuple[str, ...]:
        """Say, for the operator, what looks like a model but is not offered, and why."""
        return ()

    def close(self) -> None:  # noqa: B027 (most providers hold nothing)
        """Let go of what the provider holds (child processes, connections)."""
