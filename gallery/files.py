"""Bytes in and out of Django's default storage, with failures in plain words."""

import contextlib
import errno
import logging
from collections.abc import Iterable, Iterator, Mapping

from django.conf import settings
from django.core.files.base import ContentFile
from django.core.files.storage import default_storage

_log = logging.getLogger(__name__)


class StorageFailed(Exception):
    """The place for files would not take or give one; ``user_message`` says why."""

    def __init__(self, user_message: str) -> None:
        super().__init__(user_message)
        self.user_message = user_message


def open_file(path: str) -> bytes:
    """Return a file's bytes.

    Raise FileNotFoundError where there is none, StorageFailed where it cannot be read.
    """
    with plain_words(), default_storage.open(path) as file:
        content: bytes = file.read()
        return content


def remove_files(paths: Iterable[str]) -> None:
    """Remove files that no row knows; log those that would not go, for the sweep."""
    for path in paths:
        try:
            default_storage.delete(path)
        except storage_errors() as error:
            _log.warning("A file was left to the sweep: %s (%s)", path, error)


def write_files(files: Mapping[str, bytes]) -> None:
    """Write all of the files or none.

    Raise StorageFailed where one cannot be written.
    """
    written: list[str] = []
    try:
        with plain_words(), whole_folders():
            for path, content in files.items():
                default_storage.save(path, ContentFile(content))
                written.append(path)
    except StorageFailed:
        remove_files(written)
        raise


@contextlib.contextmanager
def whole_folders() -> Iterator[None]:
    """Turn a folder that went away while something is written into a failure."""
    try:
        yield
    except FileNotFoundError as error:
        raise OSError(errno.ENODEV, "The folder went away.") from error


@contextlib.contextmanager
def plain_words() -> Iterator[None]:
    """Turn what a storage raises into StorageFailed; the details go to the log.

    FileNotFoundError passes: a file that is not there is no failure of the storage.
    """
    try:
        yield
    except FileNotFoundError:
        raise
    except storage_errors() as error:
        _log.exception("The storage for pictures failed.")
        raise StorageFailed(_user_message(error)) from error


def _user_message(error: Exception) -> str:
    number = error.errno if isinstance(error, OSError) else None
    if number in {errno.ENOSPC, errno.EDQUOT, errno.EFBIG}:
        return "There is no room left for pictures on this site. Please tell its admin."
    if number in {errno.EACCES, errno.EPERM, errno.EROFS}:
        return (
            "This site may not write to its folder for pictures. Please tell its admin."
        )
    return "The storage for pictures did not answer. Please try again later."


def storage_errors() -> tuple[type[Exception], ...]:
    """Return what a storage raises when it fails: S3 has error trees of its own."""
    if not settings.S3_BUCKET:
        return (OSError,)
    from boto3.exceptions import Boto3Error
    from botocore.exceptions import BotoCoreError, ClientError

    return (OSError, Boto3Error, BotoCoreError, ClientError)
