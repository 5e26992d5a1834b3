"""How the connections to remote providers fare, and how busy they are."""

from dataclasses import dataclass
from typing import Any

from django.urls import reverse

from generators.connection_states import State, state_of
from generators.connections import with_jobs_in_flight
from generators.models import Connection
from generators.providers import registry


@dataclass(frozen=True, slots=True, kw_only=True)
class Way:
    """One connection, as a line of a list."""

    label: str
    provider: str
    state: State
    num_in_flight: int
    most: int
    address: str


def ways() -> list[Way]:
    """Return every connection. There are few, and none of their jobs is walked over."""
    rows: Any = with_jobs_in_flight(Connection.objects.all())
    return [
        Way(
            label=row.label,
            provider=registry.label_of(row.provider),
            state=state_of(row),
            num_in_flight=row.num_in_flight,
            most=row.max_concurrency,
            address=reverse("admin:generators_connection_change", args=[row.pk]),
        )
        for row in rows
    ]
