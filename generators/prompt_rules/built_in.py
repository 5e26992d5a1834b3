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
_AGE: Final = re.compile(r" (\d{1,2}) ?(?:yo|y o|yrs? old|years? old|year olds?)(?= )")
_YOUNG: Final = Phrases(
    phrases=(
        *("child", "children", "childs", "kid", "kids", "toddler*", "infant*", "minor"),
        *("minors", "preteen*", "pre teen*", "underage*", "under age", "schoolgirl*"),
        *("schoolboy*", "school girl*", "school boy*", "little girl*", "little boy*"),
        *("young girl*", "young boy*", "teen", "teens", "teenage*", "baby", "babies"),
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
        *(
            "without clothes",
            "no clothes",
            "spread legs",
            "spreading legs",
            "see through",
        ),
    )
)
_ALWAYS: Final = Phrases(
    phrases=("loli", "lolis", "lolicon*", "shota", "shotacon*", "csam", "pedo", "pedos",
             "pedophil*", "paedophil*")
)  # fmt: skip
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
        *("remove clothes", "remove * clothes", "remove clothing", "remove * clothing"),
        *(
            "remove the clothes",
            "take off clothes",
            "take off * clothes",
            "strip naked",
        ),
        *("take * clothes off", "strip her", "strip him", "strip them", "deepnude"),
        *(
            "see through clothes",
            "see through clothing",
            "x ray clothes",
            "xray clothes",
        ),
    )
)


def broken_rule(texts: Sequence[str], *, has_pictures: bool) -> str:
    """Return the rule that texts, as they were read, break; empty for none.

    ``has_pictures``: whether they are about pictures that a person brought.
    """
    is_about_minors = _YOUNG.are_in(texts) or any(map(_names_a_minors_age, texts))
    if _ALWAYS.are_in(texts) or (is_about_minors and _SEXUAL.are_in(texts)):
        return MINORS
    if has_pictures and _UNDRESS.are_in(texts):
        return UNDRESSING
    return ""


def _names_a_minors_age(text: str) -> bool:
    return any(int(found[1]) < _ADULT_AGE for found in _AGE.finditer(text))
