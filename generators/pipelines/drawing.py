"""Draws an order's pictures, a batch at a time. Runs in the engine only."""

import io
import time
from collections.abc import Callable
from typing import Any

import torch
from PIL import Image

from generators.errors import ResourceExhausted
from generators.pipelines import loading
from generators.pipelines.crafts import Canceled, Teller, is_out_of_memory
from generators.pipelines.previews import Sketcher
from generators.pipelines.protocol import Draw

_PREVIEW_SECONDS = 0.33  # as often as they are shown
_PREVIEW_SHARE = 0.02  # of the drawing's time, at most
_STEPS_SHARE = 0.98  # the rest of a batch's progress is decoding


def draw(pipeline: Any, order: Draw, *, batch: int, teller: Teller) -> float:
    """Draw one picture a seed and return the seconds the model worked.

    When the device runs out of memory smaller batches are tried. Raises
    ``ResourceExhausted`` when one picture is too much, ``Canceled`` when asked to stop.
    """
    own_scheduler = pipeline.scheduler
    seconds, waiting = 0.0, list(order.seeds)
    try:
        if order.scheduler:
            pipeline.scheduler = loading.scheduler_named(order.scheduler, pipeline)
        while waiting:
            seeds = tuple(waiting[:batch])
            started = time.perf_counter()
            try:
                result = _run(pipeline, order, seeds=seeds, teller=teller)
            except (RuntimeError, MemoryError) as error:
                if not is_out_of_memory(error):
                    raise
                if len(seeds) == 1:
                    raise ResourceExhausted from error
                batch = len(seeds) // 2
                _empty_cache()
                continue
            seconds += time.perf_counter() - started
            _deliver(result, seeds, teller)
            del waiting[: len(seeds)]
    finally:
        pipeline.scheduler = own_scheduler
    return seconds


def _run(pipeline: Any, order: Draw, *, seeds: tuple[int, ...], teller: Teller) -> Any:
    options: dict[str, Any] = {}
    if order.guidance_scale is not None:
        options["guidance_scale"] = order.guidance_scale
    if order.negative_prompt:
        options["negative_prompt"] = order.negative_prompt
    # A generator of its own a picture, and on the CPU: the same seed is the same
    # picture whatever else is in the batch, and on every device's build.
    generators = [torch.Generator("cpu").manual_seed(seed) for seed in seeds]
    return pipeline(
        prompt=order.prompt,
        width=order.width,
        height=order.height,
        num_inference_steps=order.num_inference_steps,
        num_images_per_prompt=len(seeds),
        generator=generators,
        callback_on_step_end=_stepper(order, seeds, teller),
        output_type="pil",
        **options,
    )


def _stepper(order: Draw, seeds: tuple[int, ...], teller: Teller) -> Callable[..., Any]:
    sketcher = Sketcher(order.checkpoint, width=order.width, height=order.height)
    before = order.seeds.index(seeds[0])
    due_at = 0.0  # the first one as soon as there is something to see

    def on_step_end(pipeline: Any, step: int, _: Any, tensors: Any) -> Any:
        nonlocal due_at
        if teller.is_canceled():
            raise Canceled
        steps = max(int(pipeline.num_timesteps), step + 1)
        sketch = sketcher.after_step(pipeline.scheduler, step, tensors["latents"])
        now, preview = time.monotonic(), b""
        if now >= due_at:
            preview = sketch()
            cost = time.monotonic() - now
            if preview:
                due_at = now + max(_PREVIEW_SECONDS, cost / _PREVIEW_SHARE)
        share = len(seeds) * (step + 1) / steps * _STEPS_SHARE
        teller.on_step(step + 1, steps, (before + share) / len(order.seeds), preview)
        return tensors

    return on_step_end


def _deliver(result: Any, seeds: tuple[int, ...], teller: Teller) -> None:
    flags = getattr(result, "nsfw_content_detected", None) or [False] * len(seeds)
    for image, seed, is_withheld in zip(result.images, seeds, flags, strict=True):
        teller.on_picture(seed, b"" if is_withheld else _png(image))


def _png(image: Image.Image) -> bytes:
    out = io.BytesIO()
    image.save(out, "PNG", compress_level=1)  # the gallery writes the lasting file
    return out.getvalue()


def _empty_cache() -> None:
    if torch.cuda.is_available():
        torch.cuda.empty_cache()
