"""An admin's connections to remote providers: keys, choice, room, checks.

A job of a remote provider is sent through one connection, which is chosen when it is
claimed: one that is enabled, has room, and whose circuit breaker lets jobs through. A
job for which there is none just now waits in its lane.
"""

import contextlib
import datetime as dt
import functools
from collections import Counter
from collections.abc import Collection
from dataclasses import dataclass, field

from django.conf import settings
from django.db.models import Count, OuterRef, Q, QuerySet, Subquery
from django.db.models.functions import Coalesce
from django.urls import reverse
from django.utils.crypto import salted_hmac

from accounts.encryption import CannotDecrypt, decrypt, encrypt
from generators.clock import before, read
from generators.contracts import Access, Availability
from generators.errors import NotConfigured
from generators.hosts import is_private, origin
from generators.models import Connection, GenerationJob, ImageModel
from generators.providers import registry
from generators.providers.base import Provider, RemoteProvider

Breaker = Connection.Breaker
Jobs = QuerySet[GenerationJob, GenerationJob]

MINUTE_SECONDS = 60.0
CLAIMS_AT_ONCE = 64
"""More than all workers together ever have in hand: each makes a few at a time."""

NO_KEY_READABLE = "The key was kept under another ENCRYPTION_KEYS. Type it again."
UNAVAILABLE = "Unavailable right now; your admin has been told."
TROUBLED = "Its service has trouble just now. We look again in a moment."
NOT_CONNECTED = "Not connected yet. Your admin can add a key."


def set_key(connection: Connection, key: str) -> None:
    """Keep a key, encrypted; the row is not saved."""
    connection.encrypted_key = encrypt(key.strip())


def encrypt_anew(connection: Connection) -> None:
    """Write the kept key down under the newest of ``ENCRYPTION_KEYS``; do not save.

    One that can no longer be read stays as it is: an older key may come back.
    """
    with contextlib.suppress(CannotDecrypt):
        set_key(connection, decrypt(connection.encrypted_key))


def access_of(connection: Connection) -> Access:
    """Return what an adapter needs of a connection. Raises ``NotConfigured``."""
    unbound = registry.get(connection.provider)
    if not isinstance(unbound, RemoteProvider):
        raise NotConfigured(detail=f"{connection.provider} takes no connection")
    try:
        key = decrypt(connection.encrypted_key)
    except CannotDecrypt:
        raise NotConfigured(detail=NO_KEY_READABLE) from None
    hosts = (each.strip() for each in connection.result_hosts.split(","))
    can_ring = unbound.has_webhooks and _can_be_rung()
    path = reverse("generators:webhook", kwargs={"public_id": connection.public_id})
    return Access(
        base_url=connection.base_url or next(iter(unbound.base_urls), ""),
        api_key=key,
        account=connection.account,
        result_hosts=tuple(host.lower() for host in hosts if host),
        webhook_url=f"{settings.SITE_URL}{path}" if can_ring else "",
        webhook_secret=salted_hmac(__name__, str(connection.public_id)).hexdigest(),
    )


def _can_be_rung() -> bool:
    """Say whether a service may be told to ring: some refuse work for a private host."""
    scheme, host, _ = origin(settings.SITE_URL)
    return scheme == "https" and not is_private(host)


def bound(connection: Connection) -> RemoteProvider:
    """Return the adapter of a connection, by its key and address of today.

    Raises ``NotConfigured``.
    """
    return registry.bind(connection.provider, access_of(connection))


def provider_of(job: GenerationJob) -> Provider:
    """Return the adapter that a claimed job is run by.

    Raises ``NotConfigured`` when its connection is gone.
    """
    provider = registry.get(job.provider)
    if not isinstance(provider, RemoteProvider):
        return provider
    if job.connection is None:
        raise NotConfigured(detail="its connection was deleted")
    return bound(job.connection)


def key_of(provider: Provider) -> str:
    """Return the key an adapter uses; empty where it uses none."""
    return provider.access.api_key if isinstance(provider, RemoteProvider) else ""


class Overview:
    """All enabled connections as one look saw them, for pages that ask about many models.

    It looks when first asked about a model of a remote provider.
    """

    @functools.cached_property
    def _remote(self) -> frozenset[str]:
        return frozenset(registry.remote_slugs())

    @functools.cached_property
    def _rows(self) -> list[Connection]:
        return list(Connection.objects.filter(enabled=True))

    def of(self, image_model: ImageModel) -> list[Connection]:
        """Return the connections that a model's jobs may go through."""
        if image_model.provider not in self._remote:
            return []
        return [row for row in self._rows if _serves(row, image_model)]

    def availability_of(self, image_model: ImageModel) -> Availability:
        """Say whether a remote model can be asked now.

        One whose service has trouble can: its jobs wait for the next try.
        """
        ways = self.of(image_model)
        if not ways:
            return Availability(is_available=False, reason=NOT_CONNECTED)
        if all(needs_admin(row) for row in ways):
            return Availability(is_available=False, reason=UNAVAILABLE)
        return Availability(is_available=True)

    def is_well(self, image_model: ImageModel) -> bool:
        """Say whether a way to a model worked when it was last used or tried."""
        return any(
            row.breaker == Breaker.CLOSED
            and row.last_success_at is not None
            and not needs_admin(row)
            for row in self.of(image_model)
        )

    def is_troubled(self, image_model: ImageModel) -> bool:
        """Say whether every way to a model is shut by its circuit breaker just now."""
        ways = self.of(image_model)
        return bool(ways) and all(row.breaker != Breaker.CLOSED for row in ways)


@dataclass(frozen=True, slots=True, kw_only=True)
class Room:
    """Which connections may take one more job, and which jobs none of them serves.

    ``at_work`` counts what each has in flight.
    ``shut`` are the keys of connections that are disabled or without room,
    ``shut_providers`` the providers whose connections all are. ``spared`` are those
    whose key was refused while another of the provider works: only what must go
    through one of them does.
    """

    rows: Collection[Connection] = field(default_factory=tuple)
    at_work: Counter[int] = field(default_factory=Counter)
    spared: Collection[int] = field(default_factory=tuple)
    shut: Collection[int] = field(default_factory=tuple)
    shut_providers: Collection[str] = field(default_factory=tuple)

    def of(self, job: GenerationJob) -> Connection | None:
        """Return the emptiest connection for a job; ``None`` where none is needed."""
        wanted = job.image_model.connection_id if job.image_model else None
        fits = (
            row
            for row in self.rows
            if row.provider == job.provider
            and (row.pk == wanted or (wanted is None and row.pk not in self.spared))
        )
        return next(fits, None)

    def is_tight(self, connection: Connection | None) -> bool:
        """Say whether jobs may have found, or may soon find, no room at a connection."""
        if connection is None:
            return False
        return _is_tight(connection, self.at_work[connection.pk])

    def waiting(self, jobs: Jobs) -> Jobs:
        """Leave out the jobs that no connection has room for.

        One whose model was deleted waits for none: it will fail.
        """
        if not self.shut and not self.shut_providers:
            return jobs
        return jobs.exclude(
            Q(provider__in=self.shut_providers, image_model__isnull=False)
            | Q(image_model__connection__in=self.shut)
        )


def room(*, lock: bool = False) -> Room:
    """Look which connections have room.

    With ``lock``, inside the claim's transaction, claims wait for each other where one
    more job might be one too many. While every connection has plenty of room they do not.
    """
    providers = registry.remote_slugs()
    if not providers:
        return Room()
    rows = Connection.objects.filter(provider__in=providers).order_by("pk")
    found = list(rows)
    at_work = in_flight() if found else Counter[int]()
    if lock and any(_is_tight(row, at_work[row.pk]) for row in found):
        found = list(rows.select_for_update())
        at_work = in_flight()
    begun = _begun_lately([row.pk for row in found if row.max_per_minute])
    moment = read() if any(row.paused_until for row in found) else None
    free = [
        row
        for row in found
        if _lets_through(row, at_work[row.pk], moment)
        and not 0 < row.max_per_minute <= begun[row.pk]
    ]
    free.sort(key=lambda row: at_work[row.pk] / row.max_concurrency)
    spared = _spared(found)
    open_providers = {row.provider for row in free if row.pk not in spared}
    return Room(
        rows=free,
        at_work=at_work,
        spared=spared,
        shut=[row.pk for row in found if row not in free],
        shut_providers=[slug for slug in providers if slug not in open_providers],
    )


def are_several() -> bool:
    """Say whether more than one provider is connected."""
    enabled = Connection.objects.filter(enabled=True)
    return enabled.values("provider").distinct().count() > 1


def is_tight(row: Connection) -> bool:
    """Say so now of one connection; see ``Room.is_tight``."""
    return _is_tight(row, _running().filter(connection=row).count())


def _is_tight(row: Connection, at_work: int) -> bool:
    """Say whether claims that do not see each other might send too much through it."""
    is_limited = row.max_per_minute > 0 or row.breaker != Breaker.CLOSED
    return is_limited or at_work + CLAIMS_AT_ONCE >= row.max_concurrency


def _serves(row: Connection, image_model: ImageModel) -> bool:
    if row.provider != image_model.provider:
        return False
    return image_model.connection_id in {None, row.pk}


def needs_admin(row: Connection) -> bool:
    """Say whether the last check failed and nothing has worked since."""
    if row.check_passed is not False or row.checked_at is None:
        return False
    return row.last_success_at is None or row.last_success_at < row.checked_at


def _spared(rows: Collection[Connection]) -> set[int]:
    well = {row.provider for row in rows if row.enabled and not needs_admin(row)}
    return {row.pk for row in rows if row.provider in well and needs_admin(row)}


def _lets_through(row: Connection, in_flight: int, moment: dt.datetime | None) -> bool:
    """Say whether one more job may go; a claim makes an open breaker half-open."""
    if not row.enabled or in_flight >= row.max_concurrency:
        return False
    if row.breaker == Breaker.HALF_OPEN and not in_flight:
        return True  # the job that tried has ended without an outcome
    return row.paused_until is None or not moment or row.paused_until <= moment


def with_jobs_in_flight(
    rows: QuerySet[Connection, Connection],
) -> QuerySet[Connection, Connection]:
    """Give each connection ``num_in_flight``, the jobs it is at work on."""
    own = _running().filter(connection=OuterRef("pk")).order_by()
    counted = own.values("connection").annotate(number=Count("pk")).values("number")
    return rows.annotate(num_in_flight=Coalesce(Subquery(counted), 0))


def in_flight() -> Counter[int]:
    """Count the jobs that each connection is at work on."""
    return _counted(_running())


def _begun_lately(connections: list[int]) -> Counter[int]:
    """Count the calls begun in a minute, and those that claimed jobs are about to begin."""
    if not connections:
        return Counter()
    jobs = GenerationJob.objects.filter(connection__in=connections)
    begun = jobs.filter(call_started_at__gt=before(MINUTE_SECONDS))
    about_to = _running().filter(
        connection__in=connections, call_started_at__isnull=True
    )
    return _counted(begun) + _counted(about_to)


def _running() -> Jobs:
    return GenerationJob.objects.filter(
        connection__isnull=False,
        finished_at__isnull=True,
        status=GenerationJob.Status.RUNNING,
    )


def _counted(jobs: Jobs) -> Counter[int]:
    counted = jobs.order_by().values_list("connection").annotate(Count("pk"))
    return Counter({pk: number for pk, number in counted if pk is not None})
