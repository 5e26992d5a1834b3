"""What memory this process holds, and the most that it held."""

from collections.abc import Callable
from pathlib import Path


def held() -> int:
    """Return the bytes that are resident now."""
    return _bytes("VmRSS")


def most_held_by(work: Callable[[], object]) -> int:
    """Do some work; return the most bytes that were resident meanwhile."""
    Path("/proc/self/clear_refs").write_text("5")  # the peak begins anew
    work()
    return _bytes("VmHWM")


def _bytes(name: str) -> int:
    status = Path("/proc/self/status").read_text()
    (line,) = (line for line in status.splitlines() if line.startswith(name))
    return int(line.split()[1]) * 1024
