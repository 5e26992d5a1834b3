"""What the page says before a press that a person would not expect."""

from collections.abc import Iterator, Sequence
from typing import Final

from generators import shapes
from generators.capabilities import Size
from generators.form_pictures import Picture
from generators.operations import ROLE_WORDS
from generators.shares import Share

_NUMBER_WORDS: Final = {
    "seed": "seed",
    "num_inference_steps": "steps",
    "guidance_scale": "guidance",
    "strength": "strength",
}


def notes_on(
    shares: Sequence[Share], pictures: Sequence[Picture], size: Size | None
) -> list[str]:
    """Return a sentence for each thing that a model does without or does otherwise."""
    return [note for share in shares for note in _notes(share, pictures, size)]


def _notes(
    share: Share, pictures: Sequence[Picture], size: Size | None
) -> Iterator[str]:
    label = share.image_model.label
    if share.choice.is_usable and share.choice.is_troubled:
        yield f"{label}: its service has trouble just now, its jobs wait."
    if not share.reads_prompt:
        yield f"{label} needs no words for this."
    left = [each for each in pictures if each not in share.own_pictures]
    if left:
        roles = dict.fromkeys(ROLE_WORDS[each.role] for each in left)
        yield f"{label} does without the {' and '.join(roles)}."
    for name in share.others_numbers:
        words = _NUMBER_WORDS[name]
        yield f"{label} keeps to its own {words}; yours is out of its range."
    for spec in share.others_choices:
        yield f"{label} keeps to its own {spec.label.lower()}."
    if size is not None and share.is_compared and not share.is_sized_by_image:
        near = shapes.nearest(share.able, size)
        if shapes.is_other_ratio(near, size):
            yield f"{label} draws {shapes.ratio_words(near)}, the nearest it has."
