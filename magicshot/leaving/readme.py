"""The words that come first in an export: what is what in it, and what it lacks."""

from collections.abc import Sequence
from typing import Final

from django.conf import settings
from django.utils import timezone

_CONTENTS: Final = (
    (
        "pictures/",
        "your pictures, uploads and masks; a name is the day and some of its key",
    ),
    ("trash/", "what lay in the trash"),
    (
        "pictures.json",
        "each picture's recipe: prompts, seed, model, parameters, tags, times,",
    ),
    ("", "credits, and the pictures it was made from"),
    ("generations.json", "each press of the button with its jobs, failed ones too"),
    (
        "refused_prompts.json",
        "words that a rule of this site refused; nothing was drawn",
    ),
    ("statement.csv", "what moved your credits"),
    ("statement_of_group.csv", "what your jobs took of a group's credits, if any did"),
    (
        "account.json",
        "your profile, payments, quotas, devices and second factors; no secrets",
    ),
)


def text(*, num_pictures: int, lacking: Sequence[tuple[str, str]]) -> str:
    """Return it; ``lacking`` are names of pictures, and what is wrong with each."""
    now = timezone.localtime()
    lines = [
        f"Everything of yours at {settings.SITE_NAME} ({settings.SITE_URL}),",
        f"as it was on {now:%-d %B %Y at %H:%M %Z}. Pictures: {num_pictures}.",
        "",
        *(f"{name:24}{words}" for name, words in _CONTENTS),
        "",
        "Times are in UTC unless they say otherwise. JSON and CSV are in UTF-8.",
    ]
    if lacking:
        lines += ["", "Not all of it could be taken along as it should be:"]
        lines += [f"  {name}: {words}" for name, words in lacking]
    return "\r\n".join(lines) + "\r\n"
