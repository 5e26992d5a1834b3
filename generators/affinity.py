"""How long jobs of the loaded models go first, so that no other waits past a bound."""

import time
from collections.abc import Callable, Collection


class Affinity:
    """Remembers, for one worker, since when its loaded models have gone first.

    A streak begins when a model is loaded. Once it is older than ``max_seconds``, jobs
    are taken in their own order until one needs another model, which begins the next.
    """

    def __init__(
        self, max_seconds: float, *, clock: Callable[[], float] = time.monotonic
    ) -> None:
        self._max_seconds = max_seconds
        self._clock = clock
        self._since: float | None = None

    def preferred(self, loaded_models: Collection[int]) -> Collection[int]:
        """Return the models whose jobs may go first now."""
        is_over = (
            self._since is not None and self._clock() - self._since > self._max_seconds
        )
        return () if is_over else loaded_models

    def note(self, image_model: int | None, loaded_models: Collection[int]) -> None:
        """Take note of the job that was taken, or of ``None`` when none was waiting."""
        if image_model is None:
            self._since = None
        elif self._since is None or image_model not in loaded_models:
            self._since = self._clock()
