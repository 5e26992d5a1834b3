"""Words that shall stand in the picture: what a prompt has in quotation marks.

Magic prompt rewrites a prompt before it is drawn. Quoted words must come through that
unchanged, so they are handed over as what they are: lettering.
"""

import json
import re

LONGEST_PROMPT = 10_000
"""Characters the service reads (d), as a structured prompt too."""

_QUOTED = re.compile(
    r'(?<!\w)"([^"]*)"(?!\w)'  # not the inches of 6" x 4"
    r"|“([^”]*)”|„([^“”]*)[“”]|«([^»]*)»|「([^」]*)」"
)


def quoted_words(prompt: str) -> tuple[str, ...]:
    """Return what stands in quotation marks, unchanged and in order.

    A prompt that is JSON already quotes for another reason, and has none.
    """
    if _is_structured(prompt):
        return ()
    found = (next(filter(None, groups), "") for groups in _QUOTED.findall(prompt))
    return tuple(words for words in found if words.strip())


def structured(prompt: str) -> str:
    """Return a prompt in which quoted words are elements of type text.

    The person's own words lead it, untouched (form: s, required keys: d). A prompt that
    quotes nothing, or would grow too long, is returned as it is.
    """
    words = quoted_words(prompt)
    if not words:
        return prompt
    elements = [
        {"type": "text", "text": each, "desc": "lettering, spelled exactly like this"}
        for each in words
    ]
    whole = {
        "high_level_description": prompt,
        "compositional_deconstruction": {
            "background": "As the description says.",
            "elements": elements,
        },
    }
    written = json.dumps(whole, ensure_ascii=False)
    return written if len(written) <= LONGEST_PROMPT else prompt


def _is_structured(prompt: str) -> bool:
    if not prompt.lstrip().startswith("{"):
        return False
    try:
        return isinstance(json.loads(prompt), dict)
    except (ValueError, RecursionError):
        return False
