"""Bytes that wait for their turn: few in memory, many in a file without a name."""

import os
import tempfile
import weakref

IN_MEMORY_BYTES = 64_000


class Spool:
    """Takes bytes piece by piece and gives them back whole, as often as asked.

    What it holds is gone with the last reference to it, or with its process.
    """

    def __init__(self, content: bytes = b"") -> None:
        self.size = 0
        self._small = bytearray()
        self._descriptor: int | None = None
        self.write(content)

    def write(self, chunk: bytes) -> None:
        """Add bytes at the end. Raises ``OSError`` when the disk is full."""
        self.size += len(chunk)
        if self._descriptor is None and self.size <= IN_MEMORY_BYTES:
            self._small += chunk
            return
        if self._descriptor is None:
            self._descriptor = _nameless_file()
            weakref.finalize(self, os.close, self._descriptor)
            chunk, self._small = bytes(self._small) + chunk, bytearray()
        _write_all(self._descriptor, chunk)

    def read(self, at_most: int | None = None) -> bytes:
        """Return the bytes from the beginning, all or so many."""
        size = self.size if at_most is None else min(at_most, self.size)
        if self._descriptor is None:
            return bytes(self._small[:size])
        pieces: list[bytes] = []
        offset = 0
        while offset < size:
            piece = os.pread(self._descriptor, size - offset, offset)
            pieces.append(piece)
            offset += len(piece)
        return pieces[0] if len(pieces) == 1 else b"".join(pieces)


def _nameless_file() -> int:
    descriptor, path = tempfile.mkstemp(prefix="magicshot-")
    os.unlink(path)  # noqa: PTH108 (a name of mkstemp's)
    return descriptor


def _write_all(descriptor: int, chunk: bytes) -> None:
    view = memoryview(chunk)
    while view:
        view = view[os.write(descriptor, view) :]
