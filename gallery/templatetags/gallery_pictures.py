"""Small facts that gallery templates write into attributes."""

from django import template

from gallery.models import StoredFile

register = template.Library()

_ROW_REM = 13  # the height of a row of tiles; static/css/gallery.css says the same
_ROW_REM_SMALL = 6.75
_TYPE_NAMES = {"image/png": "PNG", "image/jpeg": "JPEG", "image/webp": "WebP"}


@register.filter
def tile_sizes(file: StoredFile) -> str:
    """Return the ``sizes`` of a tile: its ratio times the height of its row."""
    small, large = file.ratio * _ROW_REM_SMALL, file.ratio * _ROW_REM
    return f"(width < 48rem) {small:.1f}rem, {large:.1f}rem"


@register.filter
def short_type(mime_type: str) -> str:
    """Return what people call a file type: PNG for image/png."""
    return _TYPE_NAMES.get(mime_type, mime_type)


@register.filter
def comma_list(text: str) -> list[str]:
    """Return the parts of a text between its commas."""
    return text.split(",")
