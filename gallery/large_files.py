"""Files too large for the memory: written and read in pieces, in whichever storage."""

import shutil
import tempfile
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any, BinaryIO, Final

from django.conf import settings
from django.core.files.base import File
from django.core.files.storage import default_storage

from gallery.files import plain_words, whole_folders

PIECE_BYTES: Final = 2**18


@dataclass(frozen=True, slots=True, kw_only=True)
class Opened:
    """A file of so many bytes that is being read; whoever opened it closes it."""

    size: int
    pieces: Iterator[bytes]
    close: Callable[[], None]

    def __iter__(self) -> Iterator[bytes]:
        return self.pieces


def write_large(path: str, fill: Callable[[BinaryIO], None]) -> int:
    """Let ``fill`` write a file, which is there once it is whole; return its bytes.

    ``fill`` may seek. Raise StorageFailed where it cannot be written, and whatever
    ``fill`` raises; nothing is left then.
    """
    with plain_words(), whole_folders():
        if not settings.S3_BUCKET:
            storage: Any = default_storage
            with storage.fresh(path) as file:
                return _filled(file, fill)
        with tempfile.TemporaryFile() as file:
            size = _filled(file, fill)
            file.seek(0)
            default_storage.save(path, File(file))
            return size


def open_large(path: str) -> Opened:
    """Open a file to be sent piece by piece.

    Raise FileNotFoundError where there is none, StorageFailed where it cannot be read.
    """
    with plain_words():
        file: Any = default_storage.open(path)
        if not settings.S3_BUCKET:
            pieces = iter(lambda: file.read(PIECE_BYTES), b"")
            return Opened(size=file.size, pieces=pieces, close=file.close)
        # Read in the storage's own way it would first be held whole in memory.
        answer = file.obj.get()
        body = answer["Body"]
        return Opened(
            size=answer["ContentLength"],
            pieces=body.iter_chunks(PIECE_BYTES),
            close=body.close,
        )


def free_bytes() -> int:
    """Return how much room there is where ``write_large`` puts a file together."""
    folder = Path(tempfile.gettempdir() if settings.S3_BUCKET else settings.MEDIA_ROOT)
    while not folder.exists():
        folder = folder.parent
    return shutil.disk_usage(folder).free


def _filled(file: BinaryIO, fill: Callable[[BinaryIO], None]) -> int:
    fill(file)
    return file.seek(0, 2)
