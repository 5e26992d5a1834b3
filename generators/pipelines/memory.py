"""How much memory the device lends. No torch here.

What a model needs of it is for its craft to say, before anything is loaded, so that a
model that cannot fit is refused with words and not by the kernel.
"""

from dataclasses import dataclass
from pathlib import Path

import psutil

_SHARE = 0.8  # of the device's memory, when the operator names no figure
_CGROUP_LIMITS = (
    Path("/sys/fs/cgroup/memory.max"),
    Path("/sys/fs/cgroup/memory/memory.limit_in_bytes"),
)


@dataclass(frozen=True, slots=True, kw_only=True)
class Device:
    """Where pictures are drawn: its name in torch, and bytes a float number takes."""

    name: str
    float_bytes: int


def system_total() -> int:
    """Return the machine's memory in bytes, or the container's if that is less."""
    total = int(psutil.virtual_memory().total)
    for path in _CGROUP_LIMITS:
        try:
            text = path.read_text().strip()
        except OSError:
            continue
        if text.isdigit():
            total = min(total, int(text))
    return total


def system_free() -> int:
    """Return the bytes that can be used now without pushing others out."""
    return int(psutil.virtual_memory().available)


def budget(limit_mb: int, total: int) -> int:
    """Return the bytes local models may take of a device of ``total`` bytes."""
    return limit_mb * 2**20 if limit_mb > 0 else int(total * _SHARE)


def in_words(count: int) -> str:
    """Write bytes for people: ``6.9 GB``, ``310 MB``."""
    if count >= 10**9:
        return f"{count / 10**9:.1f} GB"
    return f"{max(1, round(count / 10**6))} MB"
