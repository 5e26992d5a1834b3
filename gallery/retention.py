"""What goes away by itself: the trash past its days, and files that no row knows."""

import datetime as dt
from collections.abc import Iterator
from dataclasses import dataclass

from django.conf import settings
from django.core.files.storage import default_storage
from django.db import transaction
from django.utils import timezone

from gallery.files import plain_words, remove_files
from gallery.models import Image, StoredFile, Tag
from gallery.querysets import ImageQuerySet
from gallery.storage import FOLDER, delete_forever

GRACE = dt.timedelta(days=1)
"""How long a written file may wait for its row; a job never takes as long."""

_AT_ONCE = 200


@dataclass(frozen=True, slots=True, kw_only=True)
class SweepReport:
    """How many images of the trash, rows of files, and single files went."""

    images: int
    rows: int
    files: int


def sweep() -> SweepReport:
    """Delete what is due; may run at any time, any number of times, beside itself.

    Raise StorageFailed where files cannot be listed; the trash is emptied by then.
    """
    now = timezone.now()
    trash_ends = now - dt.timedelta(days=settings.TRASH_DAYS)
    return SweepReport(
        images=_delete_old_trash(trash_ends),
        rows=_delete_rows_without_images(now - GRACE),
        files=_delete_unknown_files(now - GRACE),
    )


def empty_trash(owner_id: int) -> int:
    """Delete all of one person's trash for ever; return how many images went."""
    return _delete_in_parts(Image.objects.filter(owner_id=owner_id))


def delete_everything_of(owner_id: int) -> None:
    """Delete all of one person's pictures and tags for ever, in the trash or not.

    What others keep too, by the same content, stays for them. May be broken off at any
    point and repeated.
    """
    images = Image.objects.filter(owner_id=owner_id)
    images.trash()
    _delete_in_parts(images)
    Tag.objects.filter(owner_id=owner_id).delete()


def _delete_old_trash(before: dt.datetime) -> int:
    return _delete_in_parts(Image.objects.trashed_before(before))


def _delete_in_parts(images: ImageQuerySet) -> int:
    deleted = 0
    while part := delete_forever(images, at_most=_AT_ONCE):
        deleted += part
    return deleted


def _delete_rows_without_images(before: dt.datetime) -> int:
    """Forget files whose images went with their owner's account."""
    lonely = StoredFile.objects.filter(images__isnull=True, created_at__lt=before)
    deleted = 0
    for key in list(lonely.values_list("pk", flat=True)):
        with transaction.atomic():
            file = StoredFile.objects.select_for_update().filter(pk=key).first()
            # Asked again under the lock: an image may have come meanwhile.
            if file is None or file.images.exists():
                continue
            file.delete()
            deleted += 1
        remove_files([file.path, file.small_path, file.large_path])
    return deleted


def _delete_unknown_files(before: dt.datetime) -> int:
    deleted = 0
    with plain_words():
        for folder, names in _folders():
            known = _known_stems([name.partition("-")[0] for name in names])
            unknown = [n for n in names if n.partition(".")[0] not in known]
            paths = [f"{folder}/{name}" for name in unknown]
            due = [path for path in paths if _is_older(path, before)]
            remove_files(due)
            deleted += len(due)
    return deleted


def _folders() -> Iterator[tuple[str, list[str]]]:
    """Yield each folder of files with the names in it."""
    try:
        shards, _ = default_storage.listdir(FOLDER)
    except FileNotFoundError:
        return
    for shard in shards:
        folder = f"{FOLDER}/{shard}"
        yield folder, default_storage.listdir(folder)[1]


def _known_stems(hashes: list[str]) -> set[str]:
    """Return the names, up to the first dot, of the files that rows know."""
    known: set[str] = set()
    for start in range(0, len(hashes), _AT_ONCE):
        part = hashes[start : start + _AT_ONCE]
        rows = StoredFile.objects.filter(content_hash__in=part)
        paths = rows.values_list("path", flat=True)
        known |= {path.rpartition("/")[2].partition(".")[0] for path in paths}
    return known


def _is_older(path: str, before: dt.datetime) -> bool:
    try:
        return default_storage.get_modified_time(path) < before
    except FileNotFoundError:
        return False
