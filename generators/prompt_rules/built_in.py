"""What is refused on every site: sexual words about minors, and undressing people.

English, and short on purpose: it stops the plain request, not the clever one. A provider
looks again with its own moderation.
"""

import re
from collections.abc import Sequence
from typing import Final

from generators.prompt_rules.matching import Phrases

MINORS: Final = "built in: sexual words about minors"
UNDRESSING: Final = "built in: undressing a person in a picture"

_ADULT_AGE: Final = 18
# No number before it: 2,000 years old and 2.5 years old are no ages of people.
_AGE: Final = re.compile(
    r"(?<!\d) (\d{1,2}) ?(?:yo|y o|yrs? old|years? old|years? of age|year olds?)(?= )"
)
_MONTHS: Final = re.compile(r" \d{1,2} months? olds?(?= )")
_YOUNG: Final = Phrases(
    phrases=(
        *("child", "children", "childs", "kid", "kids", "toddler*", "infant*", "boys"),
        *("minors", "minor girl*", "minor boy*", "preteen*", "pre teen*", "underage*"),
        *(
            "under age",
            "schoolgirl*",
            "schoolboy*",
            "school girl*",
            "school boy*",
            "boy",
        ),
        *("little girl*", "young girl*", "teen", "teens", "teenage*", "preschool*"),
        *("kindergart*", "jailbait"),
    )
)
_SEXUAL: Final = Phrases(
    phrases=(
        *("nude*", "nudity", "naked*", "sex", "sexual*", "sexy", "sexi*", "porn*"),
        *("erotic*", "topless", "bottomless", "nsfw", "lingerie", "hentai", "genital*"),
        *("masturbat*", "orgasm*", "seductive*", "undress*", "unclothed", "bdsm"),
        *(
            "fetish*",
            "aroused",
            "horny",
            "intercourse",
            "penis*",
            "vagina*",
            "blowjob*",
        ),
        *("without clothes", "no clothes", "spread legs", "spreading legs"),
    )
)
_ALWAYS: Final = Phrases(
    phrases=(
        *("loli", "lolis", "lolicon*", "shota", "shotacon*", "csam", "pedo", "pedos"),
        *("pedophil*", "paedophil*", "nude baby", "naked baby", "nude babies"),
    )
)
_GARMENTS: Final = (
    *("clothes", "clothing", "dress", "shirt", "top", "bra", "bikini", "skirt"),
    *("trousers", "pants", "underwear", "swimsuit"),
)
_GAPS: Final = ("", "* ", "* * ", "* * * ")
_UNDRESS: Final = Phrases(
    phrases=(
        *(
            "undress*",
            "nudif*",
            "nude*",
            "naked*",
            "topless",
            "bottomless",
            "unclothed",
        ),
        *("without clothes", "without clothing", "without any clothes", "no clothes"),
        *("strip her", "strip him", "strip them", "deepnude", "see through clothes"),
        *("see through clothing", "x ray clothes", "xray clothes"),
        *(
            f"{verb} {gap}{garment}"
            for verb in ("remove", "removing", "take off", "taking off")
            for gap in _GAPS
            for garment in _GARMENTS
        ),
        *(f"take {gap}{garment} off" for gap in _GAPS for garment in _GARMENTS),
    )
)


def broken_rule(texts: Sequence[str], *, has_pictures: bool) -> str:
    """Return the rule that texts, as they were read, break; empty for none.

    ``has_pictures``: whether they are about pictures that a person brought.
    """
    is_about_minors = _YOUNG.are_in(texts) or any(map(_names_an_age, texts))
    if _ALWAYS.are_in(texts) or (is_about_minors and _SEXUAL.are_in(texts)):
        return MINORS
    if has_pictures and _UNDRESS.are_in(texts):
        return UNDRESSING
    return ""


def _names_an_age(text: str) -> bool:
    """Say whether a text names the age of somebody who is no adult."""
    ages = (int(found[1]) for found in _AGE.finditer(text))
    return any(age < _ADULT_AGE for age in ages) or _MONTHS.search(text) is not None
