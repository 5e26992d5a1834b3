"""What is wrong with settings that the form does not draw, such as another model's."""

from collections.abc import Mapping, Sequence
from typing import Final

from generators import catalog
from generators.controls import LABELS, Control
from generators.operations import FIELDS
from generators.typed_values import shown
from generators.validation import OPTION_PREFIX

_WITH_A_PLACE: Final = frozenset(
    {"prompt", "image_model", "size", "num_images", "operation", "credits"}
    | {*FIELDS.values()}
)
"""The fields whose errors the form always shows, whatever the model is."""

_WAY_OUT_OF_FIELD: Final = "Leave it empty."
_WAY_OUT: Final = "Press again to do without it."
"""The form that says so has no such field any more, so that nothing is to be emptied."""


def unplaced_errors(
    errors: Mapping[str, str],
    controls: Sequence[Control],
    choices: Sequence[catalog.Choice],
) -> list[str]:
    """Return the errors that no field shows, each with its setting's name in words."""
    drawn = _WITH_A_PLACE | {control.name for control in controls}
    return [
        f"{_label(name, choices)}{words.replace(_WAY_OUT_OF_FIELD, _WAY_OUT)}"
        for name, words in errors.items()
        if name not in drawn
    ]


def _label(name: str, choices: Sequence[catalog.Choice]) -> str:
    """Return the setting as any of the site's models calls it."""
    if not name.startswith(OPTION_PREFIX):
        return f"{LABELS[name]}: " if name in LABELS else ""
    option = name.removeprefix(OPTION_PREFIX)
    specs = (spec for choice in choices for spec in choice.capabilities.options)
    label = next((spec.label for spec in specs if spec.name == option), "")
    return f"{label or shown(option)}: "
