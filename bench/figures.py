"""Figures with the machine's load beside them, and how they are written down."""

import os
import statistics
from collections.abc import Sequence
from dataclasses import dataclass, field


@dataclass(frozen=True, slots=True, kw_only=True)
class Figure:
    """One measured thing; ``bare`` is a bare script's figure for the same work."""

    name: str
    value: float
    unit: str
    bare: float | None = None
    bare_name: str = ""
    note: str = ""
    load: float = field(default_factory=lambda: os.getloadavg()[0])

    @property
    def row(self) -> str:
        """A row of the table."""
        bare = "" if self.bare is None else f"{self.bare:.3g} {self.unit}"
        ratio = "" if not self.bare else f"{self.value / self.bare:.2f}x"
        cells = (
            self.name,
            f"{self.value:.3g} {self.unit}",
            f"{bare} {self.bare_name}".strip(),
            ratio,
            f"{self.load:.1f}",
            self.note,
        )
        return "| " + " | ".join(cells) + " |"


@dataclass(frozen=True, slots=True, kw_only=True)
class Goal:
    """One of the goals, what was measured for it, and whether that meets it."""

    name: str
    wanted: str
    measured: str
    is_met: bool

    @property
    def row(self) -> str:
        """A row of the table."""
        answer = "met" if self.is_met else "**not met**"
        return f"| {self.name} | {self.wanted} | {self.measured} | {answer} |"


def p50(values: Sequence[float]) -> float:
    """Return the median."""
    return statistics.median(values)


def p95(values: Sequence[float]) -> float:
    """Return the value that 95 of 100 do not exceed."""
    return sorted(values)[min(len(values) - 1, int(len(values) * 0.95))]
