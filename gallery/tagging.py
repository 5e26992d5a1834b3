"""Words that images are found by: typed by people, or taken from the prompt."""

import re
import unicodedata
from collections.abc import Iterable

from gallery.models import Image, ImageTag, Tag

MAX_TAG_LENGTH = 50
MAX_TAGS_PER_IMAGE = 30
MAX_TAGS_FROM_PROMPT = 8
_SHORTEST_WORD = 3
_LONGEST_WORD = 30
_PROMPT_READ = 4000  # characters; what the picture shows is said before that

_WORD = re.compile(r"[^\W\d_]+(?:['\u2019-][^\W\d_]+)*")
_SPACES = re.compile(r"\s+")
_EDGES = " \t\n#,;.:!?\"'()[]{}<>/\\|-_*~`"

# Words that tell no picture from another: grammar, then what every prompt asks for.
_STOPPED = """
a about above across after again against all along also although always am among an and
another any anything are around as at away back be because been before behind being
below beneath beside between beyond both but by came can come could did do does doing
done down during each either else even ever every everything few for from full get gets
getting give given go goes going gone had has have having he hence her here hers herself
him himself his how however i if in inside instead into is it its itself just keep kind
less let like little lot made make makes making many may me might more most much must my
near neither never next no nor not nothing now of off often on once one only onto or
other others our ours out outside over own per put quite rather really same seen several
shall she should show showing shown shows since so some something still such than that
the their theirs them then there these they thing things this those though three through
throughout till to together too toward towards two under until up upon us use used using
various very via was we well were what when where whether which while who whose why will
with within without would yet you your yours
4k 8k artstation beautiful best detail detailed details extremely hd high highly image
images intricate masterpiece photo photograph picture pictures quality realistic render
rendered resolution sharp style stunning trending ultra uhd
"""
STOP_WORDS = frozenset(_STOPPED.split())


class BadTag(ValueError):
    """A tag that cannot be kept; the text says why in plain words."""


def normalise(text: str) -> str:
    """Return the tag as it is kept: lower case, one space between words, no edges.

    Raise BadTag for one without a letter or number, or longer than ``MAX_TAG_LENGTH``.
    """
    tag = _fold(text)
    tag = "".join(c if _is_printable(c) else " " for c in tag)
    tag = _SPACES.sub(" ", tag).strip(_EDGES)
    if not any(character.isalnum() for character in tag):
        raise BadTag("A tag needs a letter or a number.")
    if len(tag) > MAX_TAG_LENGTH:
        raise BadTag(f"A tag has at most {MAX_TAG_LENGTH} characters.")
    return tag


def words_of_prompt(prompt: str) -> list[str]:
    """Return the first telling words of a prompt, each once, in their order."""
    found: dict[str, None] = {}
    for match in _WORD.finditer(_fold(prompt[:_PROMPT_READ])):
        word = match.group().replace("\u2019", "'").removesuffix("'s")
        if _SHORTEST_WORD <= len(word) <= _LONGEST_WORD and word not in STOP_WORDS:
            found[word] = None
        if len(found) == MAX_TAGS_FROM_PROMPT:
            break
    return list(found)


def tag_from_prompt(image: Image) -> None:
    """Tag an image of its owner with the words of its prompt."""
    _attach(image, words_of_prompt(image.prompt), ImageTag.Source.PROMPT)


def add_tags(image: Image, text: str) -> list[str]:
    """Tag an image with each of the typed tags, which commas divide.

    Return their names as kept. Raise BadTag, with nothing changed, when one of them is
    no good or the image would have more than ``MAX_TAGS_PER_IMAGE``.
    """
    names = list(dict.fromkeys(normalise(part) for part in text.split(",") if part))
    if not names:
        raise BadTag("Type a tag first.")
    on_it = set(image.tags.values_list("name", flat=True))
    if len(on_it | set(names)) > MAX_TAGS_PER_IMAGE:
        raise BadTag(f"An image has at most {MAX_TAGS_PER_IMAGE} tags.")
    _attach(image, names, ImageTag.Source.TYPED)
    return names


def remove_tag(image: Image, name: str) -> None:
    """Take a tag off an image; without it, or done already, nothing happens."""
    ImageTag.objects.filter(image=image, tag__name=name).delete()


def _attach(image: Image, names: Iterable[str], source: ImageTag.Source) -> None:
    # In one order everywhere, so that two transactions never wait for each other.
    names = sorted(names)
    if not names:
        return
    fresh = [Tag(owner_id=image.owner_id, name=name) for name in names]
    Tag.objects.bulk_create(fresh, ignore_conflicts=True)
    tags = Tag.objects.filter(owner_id=image.owner_id, name__in=names)
    links = [ImageTag(image=image, tag=tag, source=source) for tag in tags]
    ImageTag.objects.bulk_create(links, ignore_conflicts=True)


def _fold(text: str) -> str:
    """Return one spelling of a text; lower case may undo the normal form, hence twice."""
    return unicodedata.normalize("NFKC", unicodedata.normalize("NFKC", text).lower())


def _is_printable(character: str) -> bool:
    return unicodedata.category(character)[0] != "C"
