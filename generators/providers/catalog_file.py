"""Reads the reviewed catalogue that lies beside a provider with fixed models."""

import functools
import json
from pathlib import Path

from generators.contracts import ModelSpec

_FOLDER = Path(__file__).parent / "catalogs"


@functools.cache
def read(provider_slug: str) -> tuple[ModelSpec, ...]:
    """Return the entries of ``catalogs/<provider>.json``.

    Raises ``ValueError`` naming the entry and the field that is wrong; a test reads
    every file, so that this never happens on a site.
    """
    path = _FOLDER / f"{provider_slug}.json"
    entries = json.loads(path.read_text(encoding="utf-8"))
    return tuple(ModelSpec.from_json({"provider": provider_slug} | e) for e in entries)
