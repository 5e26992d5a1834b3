"""What the engine must know of a technique to work with it: its craft, a module each.

A new one is a record of what it loads and an order of its own in ``protocol``, a module
with the functions of ``Craft``, and a line in the workshop's table.
"""

from collections.abc import Callable
from dataclasses import dataclass
from typing import Any, Protocol

from generators.pipelines.memory import Device


class Canceled(Exception):
    """The order was canceled; raised between two steps."""


class OnPicture(Protocol):
    """Takes a finished picture."""

    def __call__(
        self, seed: int | None, content: bytes, losses: tuple[float, ...] = ()
    ) -> None:
        """Take its seed, if it has one, its file, and the loss at each step, if any.

        The file is empty where the model's own safety checker withheld it.
        """


@dataclass(frozen=True, slots=True, kw_only=True)
class Teller:
    """Where news of an order goes.

    ``on_step`` takes step, steps, fraction and a preview (a small WebP, or nothing).
    """

    on_step: Callable[[int, int, float, bytes], None]
    on_picture: OnPicture
    is_canceled: Callable[[], bool]


class Shelved(Protocol):
    """What the shelf must know of anything that is loaded."""

    @property
    def model_id(self) -> str: ...

    @property
    def label(self) -> str: ...

    @property
    def signature(self) -> str: ...


class Craft(Protocol):
    """The functions of a craft's module.

    They raise what torch raises, ``generators.errors``, and ``BrokenCheckpoint`` for
    files that are damaged.
    """

    def weight_bytes(self, checkpoint: Any, device: Device) -> int:
        """Estimate the bytes that stay taken while it is loaded."""

    def working_bytes(self, order: Any, device: Device) -> int:
        """Estimate the bytes that one picture of an order takes beside that."""

    def load(self, checkpoint: Any, device: Device) -> Any:
        """Return the model, ready on the device."""

    def carry_out(
        self, model: Any, order: Any, *, at_once: int, teller: Teller
    ) -> float:
        """Work, and return the seconds the model itself took.

        ``at_once`` is how many pictures fit in memory together. Raises ``Canceled``
        when the teller says so between two steps.
        """


def is_out_of_memory(error: BaseException) -> bool:
    """Tell a lack of memory, on any device, from other failures."""
    text = f"{type(error).__name__} {error}".lower()
    signs = ("memoryerror", "out of memory", "allocate memory", "bad_alloc")
    return isinstance(error, MemoryError) or any(sign in text for sign in signs)
