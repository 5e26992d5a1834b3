"""What a ``magicshot.json`` beside a checkpoint says: its words and better defaults."""

import json
from dataclasses import dataclass, fields
from pathlib import Path

from generators.capabilities import Size
from generators.pipelines.checkpoint_headers import BrokenCheckpoint
from generators.pipelines.regular_files import read_text
from generators.record_json import from_json

NAME = "magicshot.json"
MAX_ORDER = 1_000_000
_MAX_CHARS = {"label": 100, "description": 200, "good_at": 200, "aliases": 100}
"""As the columns of the dropdown's rows; ``good_at`` in all, ``aliases`` each."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Description:
    """All of it may be left out. Sizes in pixels; factors map latents to RGB in -1..1.

    ``latent_rgb_factors`` has a row a latent channel, each of three numbers, for
    latents as the denoiser sees them.
    """

    label: str = ""
    description: str = ""
    good_at: tuple[str, ...] = ()
    aliases: tuple[str, ...] = ()
    order: int = 100
    width: int | None = None
    height: int | None = None
    sizes: tuple[Size, ...] = ()
    num_inference_steps: int | None = None
    guidance_scale: float | None = None
    native_batch: int | None = None
    latent_rgb_factors: tuple[tuple[float, ...], ...] = ()
    latent_rgb_bias: tuple[float, ...] = ()


_KNOWN = {each.name for each in fields(Description)}


def read(path: Path) -> Description:
    """Return what the file says, or the defaults where there is none.

    Other keys are left to other readers. Raises ``BrokenCheckpoint`` naming the value
    that is wrong.
    """
    try:
        told = json.loads(read_text(path))
    except FileNotFoundError:
        return Description()
    except (OSError, RecursionError, ValueError) as error:
        raise BrokenCheckpoint(f"{path.name} is not readable JSON.") from error
    if not isinstance(told, dict):
        raise BrokenCheckpoint(f"{path.name} is not a JSON object.")
    try:
        described = from_json(
            Description, {key: told[key] for key in told if key in _KNOWN}
        )
        _check(described)
    except ValueError as error:
        raise BrokenCheckpoint(f"{path.name}: {error}.") from error
    return described


def _check(described: Description) -> None:
    _check_words(described)
    if not 0 <= described.order <= MAX_ORDER:
        raise ValueError(f"order must be 0 to {MAX_ORDER}")
    sizes = list(described.sizes)
    if described.width is not None or described.height is not None:
        sizes.append(_size(described))
    if any(not 8 <= side <= 4096 for each in sizes for side in _sides(each)):
        raise ValueError("sizes must be 8 to 4096 pixels")
    if not _fits(described.num_inference_steps, 1000):
        raise ValueError("num_inference_steps must be 1 to 1000")
    if not _fits(described.native_batch, 64):
        raise ValueError("native_batch must be 1 to 64")
    rows = [*described.latent_rgb_factors]
    if described.latent_rgb_bias:
        rows.append(described.latent_rgb_bias)
    if any(len(row) != 3 for row in rows):
        raise ValueError("latent_rgb_factors need three numbers a row")


def _check_words(described: Description) -> None:
    words = {
        "label": [described.label],
        "description": [described.description],
        "good_at": [", ".join(described.good_at)],
        "aliases": described.aliases,
    }
    for name, texts in words.items():
        if any(len(text) > _MAX_CHARS[name] for text in texts):
            raise ValueError(f"{name} must be at most {_MAX_CHARS[name]} characters")
        if not all(text.isprintable() for text in texts):
            raise ValueError(f"{name} holds characters that cannot be shown")
    if not all(described.aliases):
        raise ValueError("aliases must not be empty")


def _fits(number: int | None, most: int) -> bool:
    return number is None or 1 <= number <= most


def _size(described: Description) -> Size:
    if described.width is None or described.height is None:
        raise ValueError("width and height come together")
    return Size(width=described.width, height=described.height)


def _sides(size: Size) -> tuple[int, int]:
    return size.width, size.height


def native_size(described: Description, fallback: Size) -> Size:
    """Return the size the description names, or the fallback."""
    if described.width is None or described.height is None:
        return fallback
    return Size(width=described.width, height=described.height)
