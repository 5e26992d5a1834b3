"""What arrives at an endpoint, and what an endpoint is."""

import re
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from typing import Any

from tests.fakes.stripe.store import Document, Origin, Store


@dataclass(frozen=True, kw_only=True)
class Request:
    """One API request. ``params`` are strings until the endpoint's route read them."""

    id: str
    method: str
    path: str
    params: Mapping[str, Any]
    headers: Mapping[str, str]
    is_live: bool = False
    ids: Mapping[str, str] = field(default_factory=dict)

    @property
    def idempotency_key(self) -> str | None:
        """Return the key of a POST; Stripe looks at no other's."""
        if self.method != "POST":
            return None
        return self.headers.get("idempotency-key")

    @property
    def origin(self) -> Origin:
        return Origin(request_id=self.id, idempotency_key=self.idempotency_key)

    def get(self, name: str, default: Any = None) -> Any:
        """Return a parameter; one that is unset by an empty string counts as none."""
        value = self.params.get(name, default)
        return default if value == "" else value


Answer = Callable[[Store, Request], Document]


@dataclass(frozen=True, kw_only=True)
class Route:
    """An endpoint: its address, the SDK's type of its parameters, and what it takes."""

    method: str
    path: str
    answer: Answer
    params: type
    takes: str = ""

    def match(self, method: str, path: str) -> dict[str, str] | None:
        """Return the ids in a path of this route, or None."""
        pattern = re.sub(r"\{(\w+)\}", r"(?P<\1>[^/]+)", self.path)
        found = re.fullmatch(pattern, path)
        return found.groupdict() if found and method == self.method else None
