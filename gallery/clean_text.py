"""Text that others wrote, made fit for every database, log and console."""

from typing import Any


def clean(value: Any) -> Any:
    """Return a text without NUL and lone surrogates; look into mappings too.

    PostgreSQL takes no NUL in text, and nothing encodes a lone surrogate as UTF-8.
    """
    if isinstance(value, dict):
        return {key: clean(each) for key, each in value.items()}
    if isinstance(value, str):
        return value.replace("\0", "").encode(errors="replace").decode()
    return value
