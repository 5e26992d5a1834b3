"""Reads words through their disguises: look-alike letters, digits, dots and spaces."""

import re
import unicodedata
from collections.abc import Iterator
from typing import Final

# Letters of other alphabets that look like Latin ones; a part of Unicode's confusables
# (UTS 39). Full width, mathematical and accented letters are undone by NFKD.
_LOOK_ALIKES: Final = str.maketrans(
    "авгеёзикмнорстухьѕіјһԛԝґɡαβγεηικνορτυχωıłøđħŧɩɑаսոօհցքɪ",
    "abreezukmhopctyxbsijhqwrgabyenikvoptuxwilodhtiaauuohgqi",
)
_LEET: Final = str.maketrans("013457@$!|", "oieastasii")
_SIGNS: Final = re.compile(r"[^\w@$!|]+|_+")
_SPACED: Final = re.compile(r"(?<!\S)\S(?: \S){2,}(?!\S)")
_RUN: Final = re.compile(r"([^\W\d])\1{2,}")


def readings(text: str) -> Iterator[str]:
    """Yield the ways a text may be read: lower-case words between single spaces.

    As it stands; with digits read as the letters they stand for; and both again with
    dots and dashes inside words left out. In each, spelled words (``n u d e``) are put
    together, and a letter that is drawn out (``nuuude``) counts once or twice.
    """
    plain = _plain(text)
    for glue in ("", " "):
        words = _without_signs(plain, glue)
        for reading in (words, _leet(words)):
            together = " ".join(_SPACED.sub(_spelled, reading).split())
            squeezed = {_RUN.sub(r"\1", together), _RUN.sub(r"\1\1", together)}
            yield from (f" {each} " for each in sorted(squeezed))


def _spelled(found: re.Match[str]) -> str:
    """Put a spelled word together; ``a n u d e`` may be a word behind an article."""
    word = found[0].replace(" ", "")
    return f"{word} {word[1:]} {word[:-1]}"


def _without_signs(text: str, glue: str) -> str:
    """Leave out what is no letter or digit; ``glue`` stands where none was a blank."""
    parts = _SIGNS.split(text)
    signs = _SIGNS.findall(text)
    blanks = (" " if " " in each else glue for each in signs)
    return "".join(
        part + blank for part, blank in zip(parts, [*blanks, ""], strict=True)
    )


def _plain(text: str) -> str:
    decomposed = unicodedata.normalize("NFKD", text.casefold())
    shown = "".join(
        each for each in decomposed if unicodedata.category(each) not in {"Mn", "Cf"}
    )
    return " ".join(shown.translate(_LOOK_ALIKES).split())


def _leet(words: str) -> str:
    """Read digits and signs as letters, in words that have a letter too."""
    return " ".join(
        word.translate(_LEET) if any(each.isalpha() for each in word) else word
        for word in words.split()
    )
