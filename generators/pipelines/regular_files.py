"""Opens files that somebody else put there, but no pipe or device, which may never end."""

import errno
import stat
from pathlib import Path
from typing import IO


def open_regular(path: Path) -> IO[bytes]:
    """Open a file for reading. Raises ``OSError``, also for what is no regular file."""
    if not stat.S_ISREG(path.stat().st_mode):
        raise OSError(errno.EINVAL, "it is not a regular file", str(path))
    return path.open("rb")


def read_text(path: Path) -> str:
    """Return a file's text. Raises ``OSError`` as above, ``ValueError`` if not UTF-8."""
    with open_regular(path) as file:
        return file.read().decode()
