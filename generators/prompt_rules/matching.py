"""Rules as admins write them, and whether a text says what they forbid."""

import re
from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from functools import lru_cache
from typing import Final

from generators.prompt_rules.folding import readings

SHORTEST: Final = 3
"""Letters of a rule: a shorter one would catch what nobody means."""

MOST_WORDS: Final = 12
"""In one rule: each is a word, or part of one with ``*``."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Phrases:
    """Some phrases, any of which is meant. ``child*`` begins a word, ``*`` is any word."""

    phrases: tuple[str, ...]

    def are_in(self, texts: Sequence[str]) -> bool:
        """Say whether one of the phrases is in a text that was read (see ``readings``)."""
        pattern = _pattern(self.phrases)
        return any(pattern.search(text) for text in texts)


def read_all(texts: Iterable[str]) -> list[str]:
    """Return every way to read these texts."""
    return [reading for text in texts if text for reading in readings(text)]


def problem_with(phrase: str) -> str:
    """Say why a phrase is no rule; empty when it is one."""
    words = phrase.split()
    if not any(each.isalnum() for each in phrase):
        return "Write at least one word."
    if len(words) > MOST_WORDS:
        return f"Write at most {MOST_WORDS} words."
    if words[0] == "*" or words[-1] == "*":
        return "A rule begins and ends with a word, not with *."
    if any(word.count("*") > 1 for word in words):
        return "Write at most one * in a word."
    if sum(map(len, map(_plain_part, words))) < SHORTEST:
        return f"Write at least {SHORTEST} letters."
    return ""


@lru_cache(maxsize=512)
def _pattern(phrases: tuple[str, ...]) -> re.Pattern[str]:
    """Return one pattern for all phrases; no part of it can match in two ways.

    The blanks between words may be missing, as in words that were spelled.
    """
    return re.compile(rf"(?<= )(?:{'|'.join(map(_of_phrase, phrases))})(?= )")


def _of_phrase(phrase: str) -> str:
    words = phrase.split()
    patterns = ["[^ ]*".join(map(_bare, word.split("*"))) for word in words]
    if "*" in words:
        return " ".join(patterns)
    return " ?".join(patterns)


def _bare(part: str) -> str:
    """Return a part of a word as the readings have it."""
    return re.escape(_plain_part(part))


def _plain_part(part: str) -> str:
    return next(iter(readings(part))).strip()
