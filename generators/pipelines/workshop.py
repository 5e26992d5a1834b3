"""What goes on inside the engine: it takes orders, works, and tells what became of them."""

import importlib
import os
import queue
import threading
import traceback
from typing import IO, cast

from generators import errors
from generators.pipelines import devices, protocol
from generators.pipelines.checkpoint_headers import BrokenCheckpoint
from generators.pipelines.crafts import (
    Canceled,
    Craft,
    Shelved,
    Teller,
    is_out_of_memory,
)
from generators.pipelines.outbox import Outbox
from generators.pipelines.protocol import (
    Began,
    Cancel,
    Checkpoint,
    Drawn,
    Enlarger,
    Failed,
    Finished,
    Holding,
    Load,
    Stepped,
    Stylist,
    Vgg16,
    Work,
)
from generators.pipelines.shelf import Shelf

# The module of each craft, by what it loads; imported when it is first used.
_CRAFTS: dict[type, str] = {
    Checkpoint: "generators.pipelines.diffusion",
    Enlarger: "generators.pipelines.enlarging",
    Stylist: "generators.pipelines.styling",
    Vgg16: "generators.pipelines.gatys",
}

# What torch, diffusers and transformers raise. A slip of ours ends as one of these too.
_FAILURES = (
    ArithmeticError,
    AssertionError,
    AttributeError,
    BrokenCheckpoint,
    ImportError,
    LookupError,
    MemoryError,
    OSError,
    RuntimeError,
    TypeError,
    ValueError,
)


class Workshop:
    """Takes orders from a pipe, one at a time, and tells what becomes of them."""

    def __init__(
        self, inbox: IO[bytes], outbox: Outbox, *, limit_mb: int, idle_seconds: float
    ) -> None:
        self._inbox = inbox
        self._tell = outbox.tell
        self._orders: queue.SimpleQueue[Load | Work] = queue.SimpleQueue()
        self._canceled: set[int] = set()
        self._idle_seconds = idle_seconds
        self._has_loaded = False
        self._shelf = Shelf(
            devices.choose(),
            limit_mb=limit_mb,
            on_change=lambda ids: self._tell(Holding(model_ids=ids)),
        )

    def run(self) -> None:
        """Work until the parent is gone."""
        threading.Thread(target=self._listen, daemon=True).start()
        while True:
            try:
                order = self._orders.get(timeout=self._idle_seconds)
            except queue.Empty:
                self._shelf.clear()
                order = self._orders.get()
            self._serve(order)

    def _listen(self) -> None:
        while True:
            message = protocol.read(self._inbox)
            if message is None:
                os._exit(0)  # the parent closed the pipe, or ended
            if isinstance(message, Cancel):
                self._canceled.add(message.order)
            elif isinstance(message, Load | Work):
                self._orders.put(message)

    def _serve(self, order: Load | Work) -> None:
        self._has_loaded = False
        try:
            if isinstance(order, Load):
                self._load(order)
            else:
                self._work(order)
        except errors.ProviderError as error:
            self._fail(order, error)
        except Canceled:
            self._fail(order, errors.GenerationCanceled())
        except _FAILURES as error:
            self._fail(
                order, _as_provider_error(error, order, has_loaded=self._has_loaded)
            )
        if isinstance(order, Work):
            self._canceled.discard(order.order)

    def _load(self, order: Load) -> None:
        craft, checkpoint = _craft_of(order.checkpoint), order.checkpoint
        self._shelf.take(
            checkpoint,
            weights=craft.weight_bytes(checkpoint, self._shelf.device),
            working=0,  # only the weights matter now
            load=lambda: craft.load(checkpoint, self._shelf.device),
        )

    def _work(self, order: Work) -> None:
        number, checkpoint = order.order, order.checkpoint
        self._tell(Began(order=number))
        if number in self._canceled:
            raise Canceled
        craft, device = _craft_of(checkpoint), self._shelf.device
        model, at_once = self._shelf.take(
            checkpoint,
            weights=craft.weight_bytes(checkpoint, device),
            working=craft.working_bytes(order, device),
            load=lambda: craft.load(checkpoint, device),
        )
        self._has_loaded = True
        seconds = craft.carry_out(
            model, order, at_once=at_once, teller=self._teller(number)
        )
        self._tell(Finished(order=number, model_seconds=seconds))

    def _teller(self, number: int) -> Teller:
        def on_step(step: int, steps: int, fraction: float, preview: bytes) -> None:
            self._tell(
                Stepped(
                    order=number,
                    step=step,
                    steps=steps,
                    fraction=fraction,
                    payload=preview,
                )
            )

        def on_picture(
            seed: int | None, content: bytes, losses: tuple[float, ...] = ()
        ) -> None:
            self._tell(Drawn(order=number, seed=seed, losses=losses, payload=content))

        return Teller(
            on_step=on_step,
            on_picture=on_picture,
            is_canceled=lambda: number in self._canceled,
        )

    def _fail(self, order: Load | Work, error: errors.ProviderError) -> None:
        if isinstance(order, Work):
            self._tell(
                Failed(
                    order=order.order,
                    error=type(error).__name__,
                    user_message=error.user_message,
                    detail=error.detail,
                )
            )
        else:
            print(f"cannot get {order.checkpoint.model_id} ready: {error}")


def _craft_of(checkpoint: Shelved) -> Craft:
    return cast(Craft, importlib.import_module(_CRAFTS[type(checkpoint)]))


def _as_provider_error(
    error: BaseException, order: Load | Work, *, has_loaded: bool
) -> errors.ProviderError:
    """Put what a library raised in our words; its own go to the operator, without the prompt."""
    if is_out_of_memory(error):
        return errors.ResourceExhausted(detail=type(error).__name__)
    text = f"{type(error).__name__}: {error}"
    if isinstance(order, Work):
        for words in filter(None, order.words):
            text = text.replace(words, "…")
    # Only where it happened: a library's message may quote what it was given.
    print("".join(traceback.format_tb(error.__traceback__)), type(error).__name__)
    label = order.checkpoint.label
    if not has_loaded:
        return errors.UnexpectedResponse(
            f"{label} could not be loaded. Its files seem to be damaged; your admin can "
            "see why.",
            detail=text[:500],
        )
    if isinstance(error, ValueError):
        return errors.InvalidRequest(
            f"{label} did not accept these settings.", detail=text[:500]
        )
    return errors.UnexpectedResponse(f"{label} failed to draw this.", detail=text[:500])
