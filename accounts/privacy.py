"""Columns that tell what people asked for, and columns that let somebody in."""

PRIVATE_COLUMNS = frozenset(
    {
        "failure_detail",
        "handle",
        "negative_prompt",
        "parameters",
        "prompt",
        "recipe",
        "revised_prompt",
        "session_key",
        "tag",
        "tags",
    }
)
"""Columns, of any table, that say what people asked for. See ``STAFF_SEES_PROMPTS``."""

_SECRET_WORDS = frozenset({"data", "key", "keys", "password", "secret", "token"})


def is_secret(column: str) -> bool:
    """Say whether a column, by its name, holds what signs in or opens something."""
    return not _SECRET_WORDS.isdisjoint(column.split("_"))


def is_private(column: str) -> bool:
    """Say whether a column, by its name, says what somebody asked for."""
    return column in PRIVATE_COLUMNS
