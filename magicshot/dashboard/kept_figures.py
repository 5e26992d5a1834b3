"""Everything that is added up for the page, as it is kept between two looks."""

from collections.abc import Callable
from functools import partial
from typing import Any

from django.conf import settings

from generators.day_figures import site_day
from magicshot.dashboard import limits, snapshots, storage
from magicshot.dashboard.figures import Figures, figures
from magicshot.dashboard.limits import Near
from magicshot.dashboard.snapshots import Snapshot
from magicshot.dashboard.spans import SPANS, Span
from magicshot.dashboard.storage import Storage

_STORAGE = "storage"
_NEAR = "near-limits"


def figures_of(span: Span) -> Snapshot[Figures]:
    """Return what ended in a span."""
    return snapshots.kept(_name(span), partial(figures, span))


def stored() -> Snapshot[Storage]:
    """Return how much is kept."""
    return snapshots.kept(_STORAGE, storage.measure)


def near_limits() -> Snapshot[list[Near]]:
    """Return who is near a quota."""
    return snapshots.kept(_NEAR, _near)


def renew() -> None:
    """Make anew what will be over soon."""
    for name, make in _makers().items():
        snapshots.renew(name, make)


def forget() -> None:
    """Let figures of jobs be made anew: one of them was changed by hand."""
    snapshots.forget([_name(span) for span in SPANS])


def _makers() -> dict[str, Callable[[], Any]]:
    of_spans = {_name(span): partial(figures, span) for span in SPANS}
    return of_spans | {_STORAGE: storage.measure, _NEAR: _near}


def _near() -> list[Near]:
    return limits.near_limits(stored().value.people)


def _name(span: Span) -> str:
    """Name a span by its last day too: at midnight it is another."""
    return f"{span.days}:{site_day()}:{settings.TIME_ZONE}"
