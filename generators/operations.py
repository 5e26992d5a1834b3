"""What is asked of a model follows from the pictures given and what it can do."""

from collections.abc import Collection, Sequence
from dataclasses import dataclass, replace
from typing import Final

from generators.capabilities import Capabilities, ImageRole, Operation, Size

FIELDS: Final = {
    ImageRole.INIT: "init_image",
    ImageRole.MASK: "mask_image",
    ImageRole.REFERENCE: "reference_images",
    ImageRole.STYLE: "style_images",
}
"""The field that pictures of a role come in."""

ROLE_LABELS: Final = {
    ImageRole.INIT: "Start from",
    ImageRole.REFERENCE: "Reference",
    ImageRole.STYLE: "Style",
    ImageRole.MASK: "Mask",
}
"""What people choose for a picture."""

ROLE_WORDS: Final = {
    ImageRole.INIT: "start picture",
    ImageRole.REFERENCE: "reference pictures",
    ImageRole.STYLE: "style pictures",
    ImageRole.MASK: "mask",
}
"""What pictures of a role are called in a sentence."""

LABELS: Final = {
    Operation.TEXT_TO_IMAGE: "Draw from words",
    Operation.IMAGE_TO_IMAGE: "Change it by words",
    Operation.INPAINT: "Repaint what the mask marks",
    Operation.OUTPAINT: "Grow beyond its edges",
    Operation.VARIATION: "Draw variations",
    Operation.ERASE: "Erase what the mask marks",
    Operation.UPSCALE: "Make it larger",
    Operation.REMOVE_BACKGROUND: "Remove the background",
    Operation.REPLACE_BACKGROUND: "Replace the background",
    Operation.STYLE_TRANSFER: "Give it another style",
    Operation.INTERPOLATE: "Blend two pictures",
    Operation.SAMPLE: "Draw anything",
}
"""What people read for an operation."""

ADD_START: Final = "Add a picture to start from."
ADD_MASK: Final = "Add a mask that shows in white what to repaint."
NO_START: Final = "This model draws from words; it cannot start from a picture."
NO_MASK: Final = "This model takes no mask."
MASK_ALONE: Final = "A mask needs a picture to start from."


@dataclass(frozen=True, slots=True, kw_only=True)
class Given:
    """A picture that was given: what for, and its size once it is known."""

    role: ImageRole
    size: Size | None = None


def usable_roles(able: Capabilities) -> list[ImageRole]:
    """Return what a model can use pictures for, in the order they are offered."""
    is_for = {
        ImageRole.INIT: any(each.needs_init_image for each in able.operations),
        ImageRole.REFERENCE: able.max_reference_images > 0,
        ImageRole.STYLE: able.max_style_images > 0,
        ImageRole.MASK: able.has_mask,
    }
    return [role for role, is_usable in is_for.items() if is_usable]


def possible(able: Capabilities, roles: Collection[ImageRole]) -> list[Operation]:
    """Return the operations that may be asked with pictures of these roles."""
    has_init, has_mask = ImageRole.INIT in roles, ImageRole.MASK in roles
    return [
        each
        for each in able.operations
        if each.needs_init_image == has_init
        and each.needs_mask <= has_mask <= each.takes_mask
    ]


def chosen(
    able: Capabilities, roles: Collection[ImageRole], wanted: object = None
) -> Operation | None:
    """Return the wanted operation if it may be asked, else the first that may."""
    found = possible(able, roles)
    return next((each for each in found if each == wanted), next(iter(found), None))


def only(able: Capabilities, operation: Operation) -> Capabilities:
    """Return a model's capabilities as if it did nothing but this."""
    return replace(able, operations=(operation,))


def problem(able: Capabilities, roles: Collection[ImageRole]) -> tuple[str, str] | None:
    """Say what is missing or too much, where nothing can be asked: field and words."""
    if possible(able, roles):
        return None
    has_init, has_mask = ImageRole.INIT in roles, ImageRole.MASK in roles
    usable = usable_roles(able)
    if has_mask and ImageRole.MASK not in usable:
        return FIELDS[ImageRole.MASK], NO_MASK
    if has_init and ImageRole.INIT not in usable:
        return FIELDS[ImageRole.INIT], NO_START
    if not has_init:
        return FIELDS[ImageRole.INIT], MASK_ALONE if has_mask else ADD_START
    if has_mask:
        return FIELDS[ImageRole.MASK], NO_MASK
    return FIELDS[ImageRole.MASK], ADD_MASK


def taken(able: Capabilities, given: Sequence[Given]) -> list[bool]:
    """Say of each picture whether a model has any use for its role."""
    usable = usable_roles(able)
    return [each.role in usable for each in given]
