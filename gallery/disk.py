"""Files on the site's own disk that are whole or not there, also after a power cut."""

import contextlib
import os
import tempfile
from collections.abc import Iterator
from pathlib import Path
from typing import BinaryIO

from django.core.files.base import File
from django.core.files.storage import FileSystemStorage


class DurableFileSystemStorage(FileSystemStorage):
    """Writes beside the place, flushes to the disk, then renames into place."""

    def _save(self, name: str, content: File) -> str:  # type: ignore[type-arg]
        with self.fresh(name) as file:
            for chunk in content.chunks():
                file.write(chunk)
        return name

    @contextlib.contextmanager
    def fresh(self, name: str) -> Iterator[BinaryIO]:
        """Open a file that takes its place, whole and flushed, when the block ends well."""
        target = Path(self.path(name))
        if not target.parent.is_dir():
            target.parent.mkdir(parents=True, exist_ok=True)
            _flush_folder(target.parent.parent)
        handle, temporary = tempfile.mkstemp(prefix=".new-", dir=target.parent)
        try:
            with os.fdopen(handle, "wb") as file:
                yield file
                file.flush()
                os.fsync(file.fileno())
            mode = self.file_permissions_mode
            Path(temporary).chmod(0o600 if mode is None else mode)
            Path(temporary).replace(target)
        except BaseException:
            Path(temporary).unlink(missing_ok=True)
            raise
        _flush_folder(target.parent)


def _flush_folder(folder: Path) -> None:
    """Make a rename last: the folder's own list of names is flushed too."""
    handle = os.open(folder, os.O_RDONLY)
    try:
        os.fsync(handle)
    finally:
        os.close(handle)
