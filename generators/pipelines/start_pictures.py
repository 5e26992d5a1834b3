"""Pictures that an order brings: read within bounds, and refused in words."""

import io
from typing import Final

from PIL import Image

from generators.errors import InvalidRequest

_DAMAGED: Final = "The picture is damaged or not complete."
_FORMATS: Final = ("PNG", "JPEG", "WEBP")
_WHITE: Final = (255, 255, 255, 255)


def opened(content: bytes) -> Image.Image:
    """Read a picture's header. Raises ``InvalidRequest``."""
    try:
        picture = Image.open(io.BytesIO(content), formats=_FORMATS)
    except (OSError, SyntaxError, ValueError, Image.DecompressionBombError) as error:
        raise InvalidRequest(_DAMAGED, detail=type(error).__name__) from error
    return picture


def decoded(content: bytes) -> Image.Image:
    """Read a whole picture. Raises ``InvalidRequest``."""
    picture = opened(content)
    try:
        picture.load()
    except (OSError, SyntaxError, ValueError) as error:
        raise InvalidRequest(_DAMAGED, detail=str(error)) from error
    return picture


def on_white(picture: Image.Image) -> Image.Image:
    """Return it as RGB; what is transparent lies on white."""
    if not picture.has_transparency_data:
        return picture.convert("RGB")
    ground = Image.new("RGBA", picture.size, _WHITE)
    return Image.alpha_composite(ground, picture.convert("RGBA")).convert("RGB")


def with_colors_of(start: Image.Image, styled: Image.Image) -> Image.Image:
    """Return the styled brightness in the start picture's colours; both are RGB.

    "Preserving Color in Neural Artistic Style Transfer", section 3.2,
    https://arxiv.org/abs/1606.05897.
    """
    brightness = styled.convert("YCbCr").getchannel("Y")
    _, blue, red = start.convert("YCbCr").split()
    return Image.merge("YCbCr", (brightness, blue, red)).convert("RGB")


def as_png(picture: Image.Image) -> bytes:
    """Write it quickly: the gallery writes the lasting file."""
    out = io.BytesIO()
    picture.save(out, "PNG", compress_level=1)
    return out.getvalue()
