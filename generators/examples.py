"""The words the site suggests, and what the built-in model drew from them.

The pictures are made by ``scripts/draw_examples.py``, never by hand. Where one is
missing, its words stand alone.
"""

from dataclasses import dataclass
from pathlib import Path
from typing import Final

from django.contrib.staticfiles import finders

MODEL: Final = "spark"
FOLDER: Final = Path("img/examples")
"""Where the pictures lie below ``static/``."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Example:
    """Words worth trying; ``seed`` is the one that the picture was drawn with."""

    name: str
    words: str
    seed: int

    @property
    def picture(self) -> str:
        """Return the picture's path below ``static/``."""
        return str(FOLDER / f"{self.name}.webp")


EXAMPLES: Final = (
    Example(name="apple", words="a red apple", seed=1),
    Example(name="butterfly", words="a purple butterfly", seed=1),
    Example(name="duck", words="a duck on a blue background", seed=1),
    Example(name="rocket", words="a rocket", seed=1),
)


def with_pictures() -> bool:
    """Say whether every example has been drawn."""
    return all(finders.find(each.picture) for each in EXAMPLES)
