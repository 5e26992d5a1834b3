"""Checks the pictures given to work on, by what an image model takes: before a charge."""

from collections.abc import Iterator, Sequence

from generators.capabilities import Capabilities, ImageRole, Operation, Size
from generators.operations import FIELDS, Given, problem

_PLURALS = {
    ImageRole.REFERENCE: "reference pictures",
    ImageRole.STYLE: "style pictures",
}


def refusals(able: Capabilities, pictures: Sequence[Given]) -> dict[str, str]:
    """Return what is wrong with the pictures given: words for each field at fault."""
    found: dict[str, str] = {}
    for field, words in _all(able, pictures):
        found.setdefault(field, words)
    return found


def size_of_result(
    pictures: Sequence[Given], operation: Operation, expansions: Sequence[int]
) -> Size | None:
    """Return the size that follows from the start picture, if it is known.

    ``expansions`` are the pixels added to the left, right, top and bottom.
    """
    start = next((each.size for each in pictures if each.role is ImageRole.INIT), None)
    if start is None or operation is not Operation.OUTPAINT:
        return start
    left, right, top, bottom = expansions
    return Size(width=start.width + left + right, height=start.height + top + bottom)


def _all(able: Capabilities, pictures: Sequence[Given]) -> Iterator[tuple[str, str]]:
    roles = [each.role for each in pictures]
    if (found := problem(able, roles)) is not None:
        yield found
    for role in (ImageRole.INIT, ImageRole.MASK):
        if roles.count(role) > 1:
            yield FIELDS[role], "Only one is allowed here."
    allowed = {
        ImageRole.REFERENCE: able.max_reference_images,
        ImageRole.STYLE: able.max_style_images,
    }
    for role, most in allowed.items():
        if roles.count(role) > most:
            yield FIELDS[role], _too_many(roles.count(role), most, role)
    for each in pictures:
        if each.size is not None and each.role is not ImageRole.MASK:
            yield from _unfit(able, each.role, each.size)
    yield from _unlike(pictures)


def _too_many(given: int, most: int, role: ImageRole) -> str:
    if not most:
        return f"This model uses no {_PLURALS[role]}. Remove them."
    return f"These are {given} pictures; this model takes at most {most}."


def _unfit(
    able: Capabilities, role: ImageRole, size: Size
) -> Iterator[tuple[str, str]]:
    least, most = able.inputs.min_side, able.inputs.max_pixels
    if min(size.width, size.height) < least:
        yield (
            FIELDS[role],
            f"The picture is {_words(size)}; "
            f"this model needs at least {least} pixels a side.",
        )
    if size.width * size.height > most:
        yield (
            FIELDS[role],
            f"The picture is {_words(size)}; "
            f"this model takes at most {most / 1_000_000:.2g} megapixels.",
        )


def _unlike(pictures: Sequence[Given]) -> Iterator[tuple[str, str]]:
    """Refuse a mask that does not lie over its picture."""
    of_role = {each.role: each.size for each in pictures}
    start, mask = of_role.get(ImageRole.INIT), of_role.get(ImageRole.MASK)
    if start is not None and mask is not None and start != mask:
        yield (
            FIELDS[ImageRole.MASK],
            f"The mask is {_words(mask)} and the start picture {_words(start)}; "
            "they must be equally large.",
        )


def _words(size: Size) -> str:
    return f"{size.width} × {size.height}"  # noqa: RUF001 (the sign people read)
