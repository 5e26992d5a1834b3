"""Takes a key out of words that came from outside, before anybody keeps or shows them."""

from typing import Final

HIDDEN: Final = "[key]"
_TELLING: Final = 6
"""A shorter beginning of a key at the end of a text is taken for chance."""


def without(text: str, secret: str) -> str:
    """Return a text without a secret, also where the text was cut off inside it."""
    if not secret:
        return text
    text = text.replace(secret, HIDDEN)
    end = text.rstrip("'\"")  # of a repr
    for length in range(len(secret) - 1, _TELLING - 1, -1):
        if end.endswith(secret[:length]):
            return f"{end[:-length]}{HIDDEN}{text[len(end) :]}"
    return text
