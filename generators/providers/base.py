"""The interface every provider implements. One adapter class each."""

from abc import ABC, abstractmethod
from collections.abc import Mapping
from typing import ClassVar

from generators.contracts import (
    Accepted,
    Access,
    Availability,
    ConnectionReport,
    GenerationRequest,
    GenerationResult,
    JobHandle,
    Lane,
    ModelSpec,
    OnProgress,
    Pending,
    WebhookNews,
)
from generators.errors import (
    AuthenticationFailed,
    NotConfigured,
    UnexpectedResponse,
)
from generators.providers import catalog_file


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

    def refuse(self, request: GenerationRequest) -> None:  # noqa: B027 (most have no more rules)
        """Raise ``UnsupportedRequest`` for what the capabilities allow and it cannot do.

        Called before anything is charged, on instances without a connection, without
        network: the request may then be for more pictures than one call draws, and its
        input pictures have roles but no bytes. ``submit`` calls it again. The error's
        ``field`` is an option's name, or one of the form's, such as ``style_images``.
        """

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


class RemoteProvider(Provider):
    """A service that is reached through a connection which an admin sets up.

    An instance is bound to one connection. Without ``access`` it only tells what is the
    same for all: its catalogue and these facts. ``result_hosts`` are the hosts that
    finished pictures are fetched from, beside the connection's own: ``example.com`` is
    that host, ``.example.com`` every host below it too. ``account_words`` names what
    ``Access.account`` holds; empty where the service asks for nothing beside the key.
    """

    lane = Lane.REMOTE
    is_paid = True
    base_urls: ClassVar[tuple[str, ...]] = ()
    """Where the service lives, the usual one first; empty: the admin must say."""
    needs_key: ClassVar[bool] = True
    result_hosts: ClassVar[tuple[str, ...]] = ()
    account_words: ClassVar[str] = ""
    has_webhooks: ClassVar[bool] = False
    max_concurrency: ClassVar[int] = 100
    """What a new connection starts with; admins may change it."""

    def __init__(self, access: Access | None = None) -> None:
        self._access = access

    @property
    def access(self) -> Access:
        """Return the connection. Raises ``NotConfigured`` on an unbound instance."""
        if self._access is None:
            raise NotConfigured(detail=f"{self.slug} has no connection")
        return self._access

    def availability(self) -> Availability:
        """Say whether it is bound; whether a connection works is not known here."""
        return Availability(is_available=self._access is not None)

    def catalog(self) -> tuple[ModelSpec, ...]:
        """List what the reviewed catalogue file of this provider offers."""
        return catalog_file.read(self.slug)

    @abstractmethod
    def check(self) -> ConnectionReport:
        """Ask the service whether the connection works, at no cost.

        Raises what ``submit`` would for a key or an address that does not.
        """

    def read_webhook(self, headers: Mapping[str, str], body: bytes) -> WebhookNews:
        """Verify what a service says at the webhook's address, and return its subject.

        ``headers`` has lower-case names. Raises ``AuthenticationFailed`` for what is
        not signed by the service or too old. Only where ``has_webhooks``.
        """
        raise AuthenticationFailed(detail=f"{self.slug} sends no webhooks")
