"""How far back the figures go: today, or thirty days with today."""

import datetime as dt
from dataclasses import dataclass
from typing import Final

from generators.day_figures import site_day


@dataclass(frozen=True, slots=True, kw_only=True)
class Span:
    """So many days that end with today."""

    days: int
    title: str

    @property
    def words(self) -> str:
        """Return it as it stands in a sentence: ``today``, ``in 30 days``."""
        return "today" if self.days == 1 else f"in {self.days} days"

    def dates(self, today: dt.date | None = None) -> list[dt.date]:
        """Return its days, the oldest first."""
        today = today or site_day()
        return [today - dt.timedelta(days=ago) for ago in reversed(range(self.days))]


TODAY: Final = Span(days=1, title="Today")
MONTH: Final = Span(days=30, title="30 days")
SPANS: Final = (TODAY, MONTH)


def chosen(asked: str | None) -> Span:
    """Return the span that an address asks for; without a known one, thirty days."""
    return next((span for span in SPANS if str(span.days) == asked), MONTH)
