"""Builds exports, one at a time in a process, beside the drawing and never before it.

Everything runs on one thread of a worker of the remote lane, which has hundreds: copying
files takes little of the processor, and no job waits for a thread. A second thread only
keeps the lease.
"""

import logging
import threading
import time
from collections.abc import Iterator
from contextlib import contextmanager
from typing import BinaryIO, Final

from django.conf import settings
from django.db import connection
from django.db.models import Sum
from django.db.models.functions import Coalesce
from django.template.defaultfilters import filesizeformat

from gallery.files import StorageFailed, remove_files
from gallery.large_files import free_bytes, write_large
from gallery.models import Image
from generators.patience import DATABASE_AWAY
from magicshot.leaving import archive, exports
from magicshot.leaving.exports import Claim, Lost

LEFT_FREE: Final = 512 * 1024**2
"""Bytes of the disk that an export leaves to the pictures that are being drawn."""

BYTES_OF_WORDS: Final = 8 * 1024
"""Room for what is written about each picture, and more."""

OWN_FAULT: Final = (
    "Something broke on our side while it was put together. Try again; if it breaks "
    "again, tell your admin."
)
_PROGRESS_SECONDS: Final = 1.0

_building: Final = threading.Lock()
_is_stopping: Final = threading.Event()
logger = logging.getLogger(__name__)


class Stopping(Exception):
    """The worker is being stopped: another one begins anew."""


def build_waiting() -> None:
    """Build exports until none waits; returns at once if this process builds already."""
    if not _building.acquire(blocking=False):
        return
    try:
        while not _is_stopping.is_set() and (claim := exports.claim_next()) is not None:
            build(claim)
    finally:
        _building.release()


def stop() -> None:
    """Break off, for the process is being stopped; what was begun waits for another."""
    _is_stopping.set()


def build(claim: Claim) -> None:
    """Build one export: it is ready in the end, or failed and says why."""
    try:
        with _kept_leased(claim):
            _build(claim)
    except Lost:
        logger.warning("Export %s is no longer this worker's", claim.export)
        remove_files([claim.path])
    except Stopping:
        exports.hand_back(claim)
    except DATABASE_AWAY:
        raise  # nothing can be written now; it is taken back when the lease ends
    except StorageFailed as error:
        logger.error("Export %s failed: %s", claim.export, error)
        _fail(claim, error.user_message)
    except Exception:  # whatever it was, the person is told
        logger.exception("Export %s met an error of our own", claim.export)
        _fail(claim, OWN_FAULT)


def _fail(claim: Claim, words: str) -> None:
    try:
        exports.fail(claim, words)
    except Lost:
        logger.warning("Export %s is no longer this worker's", claim.export)


def _build(claim: Claim) -> None:
    images = Image.objects.filter(owner=claim.export.user)
    claim.write(num_pictures=images.count())
    _refuse_without_room(claim)
    progress = _Progress(claim)
    troubles: list[archive.Trouble] = []

    def fill(file: BinaryIO) -> None:
        troubles.extend(
            archive.write(claim.export.user, file, on_picture=progress.tell)
        )

    size = write_large(claim.path, fill)
    exports.finish(claim, size=size, num_troubled=len(troubles))


def _refuse_without_room(claim: Claim) -> None:
    """Raise StorageFailed where the disk would not hold it."""
    images = Image.objects.filter(owner=claim.export.user)
    kept = images.aggregate(sum=Coalesce(Sum("file__size"), 0))["sum"]
    needed = kept + (images.count() + 1) * BYTES_OF_WORDS
    if free_bytes() < needed + LEFT_FREE:
        raise StorageFailed(
            f"It takes about {filesizeformat(needed)}, and there is no room for that on this "
            "site now. Please tell its admin, then try again."
        )


class _Progress:
    """Writes down how far it is, now and then, and learns whether to go on."""

    def __init__(self, claim: Claim) -> None:
        self._claim = claim
        self._told_at = time.monotonic()

    def tell(self, num_done: int) -> None:
        """Note that so many pictures are in. Raise Lost or Stopping to break off."""
        if _is_stopping.is_set():
            raise Stopping
        if time.monotonic() - self._told_at >= _PROGRESS_SECONDS:
            self._claim.write(num_done=num_done)
            self._told_at = time.monotonic()


@contextmanager
def _kept_leased(claim: Claim) -> Iterator[None]:
    """Renew the lease from a second thread, for one long write may outlast it."""
    over = threading.Event()
    keeper = threading.Thread(target=_keep, args=(claim, over), daemon=True)
    keeper.start()
    try:
        yield
    finally:
        over.set()
        keeper.join()


def _keep(claim: Claim, over: threading.Event) -> None:
    while not over.wait(settings.HEARTBEAT_SECONDS):
        try:
            claim.write()
        except Lost:
            return  # the builder finds out by itself
        except DATABASE_AWAY as error:
            logger.warning("The lease of an export was not renewed: %s", error)
        finally:
            connection.close()
