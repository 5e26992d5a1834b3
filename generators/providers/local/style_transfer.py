"""What the models of style transfer share: a picture to take the style from, its colours."""

from typing import Final

from generators import errors
from generators.capabilities import ImageRole, OptionSpec
from generators.contracts import GenerationRequest

_COLORS: Final = "keep_colors"
_NO, _YES = "no", "yes"

KEEP_COLORS: Final = OptionSpec(
    name=_COLORS,
    label="Keep its colours",
    hint="Takes the strokes of the style and leaves the picture its own colours.",
    values=(_NO, _YES),
    default=_NO,
)


def keeps_colors(request: GenerationRequest) -> bool:
    """Say whether the picture shall keep its own colours."""
    return request.option(_COLORS) == _YES


def refuse_without_style(request: GenerationRequest) -> None:
    """Raise ``UnsupportedRequest`` where no picture gives the style."""
    if not request.images_of(ImageRole.STYLE):
        raise errors.UnsupportedRequest(
            "Add a second picture to take the style from.", field="style_images"
        )
