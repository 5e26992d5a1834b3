"""Keeps the weights of the models used last warm, within the memory that is lent."""

import gc
from collections import OrderedDict
from collections.abc import Callable
from dataclasses import dataclass
from typing import Any

from generators.errors import ResourceExhausted
from generators.pipelines import devices, memory
from generators.pipelines.crafts import Shelved
from generators.pipelines.memory import Device, in_words
from generators.pipelines.process import give_memory_back


@dataclass(frozen=True, slots=True, kw_only=True)
class _Warm:
    model: Any
    taken_bytes: int
    signature: str


class Shelf:
    """The loaded models of all crafts, the one used last at the end."""

    def __init__(
        self,
        device: Device,
        *,
        limit_mb: int,
        on_change: Callable[[tuple[str, ...]], None],
    ) -> None:
        total = devices.total(device) or memory.system_total()
        self.device = device
        self._budget = memory.budget(limit_mb, total)
        self._warm: OrderedDict[str, _Warm] = OrderedDict()
        self._on_change = on_change

    def take(
        self,
        checkpoint: Shelved,
        *,
        weights: int,
        working: int,
        load: Callable[[], Any],
    ) -> tuple[Any, int]:
        """Return the model, loaded if need be, and how many pictures fit at once.

        ``weights`` are the bytes that it takes, ``working`` those of one picture.
        Others are let go to make room, the longest unused first. Raises
        ``ResourceExhausted``, with nothing loaded, when there is not enough memory.
        """
        warm = self._warm.get(checkpoint.model_id)
        if warm is not None and warm.signature != checkpoint.signature:
            self._drop(checkpoint.model_id)
            warm = None
        self._make_room(checkpoint, weights=weights, working=working)
        if warm is None:
            warm = _Warm(
                model=load(), taken_bytes=weights, signature=checkpoint.signature
            )
            self._warm[checkpoint.model_id] = warm
        self._warm.move_to_end(checkpoint.model_id)
        self._tell()
        room = min(self._budget - self._taken(), self._free())
        return warm.model, max(1, room // max(1, working))

    def clear(self) -> None:
        """Let every model go."""
        for model_id in tuple(self._warm):
            self._drop(model_id)

    def _make_room(self, checkpoint: Shelved, *, weights: int, working: int) -> None:
        if weights + working > self._budget:
            raise ResourceExhausted(
                f"{checkpoint.label} needs about {in_words(weights + working)} of memory "
                f"for this size, and this site lends {in_words(self._budget)} to local "
                "models. Choose a smaller size or another model."
            )
        is_warm = checkpoint.model_id in self._warm
        wanted = working if is_warm else weights + working
        if wanted > self._free():  # the last order's memory may lie about, unused
            devices.give_memory_back(self.device)
        others = [each for each in self._warm if each != checkpoint.model_id]
        while others and (
            self._taken() + wanted > self._budget or wanted > self._free()
        ):
            self._drop(others.pop(0))
        if wanted > self._free():
            raise ResourceExhausted(
                f"{checkpoint.label} needs about {in_words(wanted)} of memory for this "
                f"size, and only {in_words(self._free())} is free right now. Choose a "
                "smaller size or another model, or try again later."
            )

    def _drop(self, model_id: str) -> None:
        del self._warm[model_id]
        gc.collect()
        devices.give_memory_back(self.device)
        give_memory_back()
        self._tell()

    def _taken(self) -> int:
        return sum(each.taken_bytes for each in self._warm.values())

    def _free(self) -> int:
        own = devices.free(self.device)
        return memory.system_free() if own is None else own

    def _tell(self) -> None:
        self._on_change(tuple(self._warm))
