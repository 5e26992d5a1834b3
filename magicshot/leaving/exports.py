"""The exports people asked for: which wait, which is built, which may be downloaded.

The only writer of ``Export``. Like a job's, each move is one conditional update, and a
worker that builds one presents the token of its lease: a worker that was lost can
neither offer what it wrote half, nor take away what another wrote since.
"""

import datetime as dt
import logging
import uuid
from dataclasses import dataclass
from functools import partial
from typing import Any, Final

from django.conf import settings
from django.core.files.storage import default_storage
from django.db import IntegrityError, transaction
from django.db.models import F, Q, QuerySet
from django.utils import timezone

from accounts import sending
from accounts.models import Export, User
from gallery.files import plain_words, remove_files
from gallery.models import Image
from generators.clock import Now, after

FOLDER: Final = "exports"
TASK: Final = "magicshot.build_exports"
DAYS_OFFERED: Final = 7
PAUSE: Final = dt.timedelta(hours=1)
"""How long one that is ready stays the newest; each reads all of somebody's files."""
MAX_ATTEMPTS: Final = 3
GRACE: Final = dt.timedelta(hours=1)
"""How long a finished file may wait for its row to say so."""

LOST: Final = (
    "Putting it together broke off several times. Try again; if it does not help, tell "
    "your admin."
)
State = Export.State
Exports = QuerySet[Export, Export]
logger = logging.getLogger(__name__)


class TooSoon(Exception):
    """The newest is only just ready; ``again_at`` is when another may be asked for."""

    def __init__(self, again_at: dt.datetime) -> None:
        self.again_at = again_at
        super().__init__(again_at)


class Lost(Exception):
    """The export is another worker's now, or gone with its owner: stop quietly."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Claim:
    """An export as a worker took it, and the token that each of its writes presents."""

    export: Export
    token: uuid.UUID

    @property
    def path(self) -> str:
        """Return where this worker writes; no other ever does."""
        return f"{FOLDER}/{self.export.public_id}-{self.token.hex[:8]}.zip"

    def write(self, **columns: Any) -> None:
        """Write to the row, and renew the lease. Raise Lost when it is not held."""
        rows = Export.objects.filter(pk=self.export.pk, lease_token=self.token)
        if not rows.update(lease_expires_at=after(settings.LEASE_SECONDS), **columns):
            raise Lost

    def end(self, **columns: Any) -> None:
        """Write to the row for the last time. Raise Lost when it is not held."""
        rows = Export.objects.filter(pk=self.export.pk, lease_token=self.token)
        if not rows.update(lease_token=None, lease_expires_at=None, **columns):
            raise Lost


def ask(user: User) -> Export:
    """Ask for everything of somebody's; while one is under way, that is returned.

    An earlier one, ready or failed, makes room for it. Raise TooSoon while one has been
    ready for less than ``PAUSE``.
    """
    own = Export.objects.filter(user=user)
    is_under_way = Q(state__in=(State.WAITING, State.BUILDING))
    try:
        with transaction.atomic():
            if (first := own.filter(is_under_way).first()) is not None:
                return first
            if (again_at := pause_after(of(user))) is not None:
                raise TooSoon(again_at)
            # Not one that another press has made since: it is the one that counts.
            own.exclude(is_under_way).update(state=State.REMOVED)
            count = Image.objects.filter(owner=user).count()
            export = Export.objects.create(user=user, num_pictures=count)
            transaction.on_commit(partial(sending.send, TASK))
    except IntegrityError:  # the same press came twice at once
        return own.exclude(state=State.REMOVED).get()
    return export


def of(user: User) -> Export | None:
    """Return a person's export as it stands, if there is one."""
    return Export.objects.filter(user=user).exclude(state=State.REMOVED).first()


def pause_after(export: Export | None) -> dt.datetime | None:
    """Return when another may be asked for after this one; None for now."""
    if export is None or not export.is_ready or export.ready_at is None:
        return None
    again_at = export.ready_at + PAUSE
    return again_at if again_at > timezone.now() else None


def ready_ones(user: User) -> Exports:
    """Return what this person may download now; nobody else's is ever among them."""
    now = timezone.now()
    return Export.objects.filter(user=user, state=State.READY, expires_at__gt=now)


def claim_next() -> Claim | None:
    """Take the export that waits longest, if one does."""
    waiting = Export.objects.filter(state=State.WAITING).order_by("pk")
    for export in waiting.select_related("user")[:10]:
        token = uuid.uuid4()
        if waiting.filter(pk=export.pk).update(
            state=State.BUILDING,
            lease_token=token,
            lease_expires_at=after(settings.LEASE_SECONDS),
            num_done=0,
        ):
            return Claim(export=export, token=token)
    return None


def finish(claim: Claim, *, size: int, num_troubled: int) -> None:
    """Offer what was built. Raise Lost when it is not this worker's to offer."""
    now = timezone.now()
    claim.end(
        state=State.READY,
        path=claim.path,
        size=size,
        num_done=F("num_pictures"),
        num_troubled=num_troubled,
        ready_at=now,
        expires_at=now + dt.timedelta(days=DAYS_OFFERED),
    )


def fail(claim: Claim, words: str) -> None:
    """End it without a file, and say why."""
    claim.end(state=State.FAILED, failure=words[:300])


def hand_back(claim: Claim) -> None:
    """Let another worker build it from the start: this one is being stopped."""
    claim.end(state=State.WAITING)


def take_back_from_lost_workers() -> None:
    """Let exports whose worker has gone silent wait again, a few times."""
    lost = Export.objects.filter(state=State.BUILDING, lease_expires_at__lt=Now())
    for export in list(lost):
        own = lost.filter(pk=export.pk, lease_token=export.lease_token)
        free = {"lease_token": None, "lease_expires_at": None}
        if export.attempts + 1 < MAX_ATTEMPTS:
            own.update(state=State.WAITING, attempts=F("attempts") + 1, **free)
        elif own.update(state=State.FAILED, failure=LOST, **free):
            logger.error("Export %s broke off %d times", export, MAX_ATTEMPTS)


def is_one_waiting() -> bool:
    """Say whether a worker could build one now."""
    return Export.objects.filter(state=State.WAITING).exists()


def remove_old() -> None:
    """Remove the files of exports whose days are over or that made room for another."""
    ended = Export.objects.filter(state=State.READY, expires_at__lte=timezone.now())
    ended.update(state=State.REMOVED)
    _remove(Export.objects.filter(state=State.REMOVED))


def remove_all_of(user: User) -> None:
    """Remove a person's exports with their files, also one that is being built."""
    own = Export.objects.filter(user=user)
    own.update(state=State.REMOVED, lease_token=None, lease_expires_at=None)
    _remove(own)


def sweep() -> None:
    """Remove files that no export knows: of workers that were lost, of deleted rows.

    Raise StorageFailed where they cannot be listed.
    """
    with plain_words():
        try:
            _, names = default_storage.listdir(FOLDER)
        except FileNotFoundError:
            return
        paths = {f"{FOLDER}/{name}" for name in names}
        known = Export.objects.filter(path__in=paths).values_list("path", flat=True)
        unknown = paths - set(known)
        remove_files(path for path in unknown if _is_left_behind(path))


def _remove(exports: Exports) -> None:
    """Remove files first, then their rows: a file whose row is gone is nobody's."""
    for export in list(exports):
        if export.path:
            remove_files([export.path])
        exports.filter(pk=export.pk).delete()


def _is_left_behind(path: str) -> bool:
    """Say whether a file is too old to be written just now."""
    try:
        return default_storage.get_modified_time(path) < timezone.now() - GRACE
    except FileNotFoundError:
        return False
