"""The craft of Gatys: the pixels themselves are optimised, step by step, until a net sees in
them what the start picture shows, in the colours and strokes of the style's picture.

"A Neural Algorithm of Artistic Style", https://arxiv.org/abs/1508.06576.
"""

import io
import math
import time
from collections.abc import Callable, Sequence
from typing import Final

import numpy as np
import torch
from PIL import Image, ImageOps
from torch import Tensor

from generators.errors import InvalidRequest
from generators.pipelines import devices
from generators.pipelines.crafts import Canceled, Teller
from generators.pipelines.loss_curves import with_loss_curve
from generators.pipelines.memory import Device
from generators.pipelines.protocol import MAX_OPTIMIZED_SIDE, Optimize, Vgg16
from generators.pipelines.start_pictures import (
    as_png,
    decoded,
    on_white,
    opened,
    with_colors_of,
)
from generators.pipelines.vgg import Vgg

LONGEST_SIDE_ON_CPU: Final = 512
"""Of more pixels a step would take seconds there."""

_STRONGEST: Final = 300  # weight of the style beside the content's 1, at strength 1
_BEND: Final = 6  # so that the scale looks even: half the strength is a weight of 5
_SMOOTHNESS: Final = 0.006  # of the style's weight: less leaves a grid, more blurs
_HISTORY: Final = 10  # steps that L-BFGS looks back on
_MOST_RISE: Final = 2  # of the loss above the least: more is a step that went too far
_MOST_RATIO: Final = 8  # of the sides of what the style is read from
_BYTES_A_PIXEL: Final = 3_500  # of the picture worked on: measured 2,700; and spare
_STYLE_BYTES_A_PIXEL: Final = (
    1_200  # of the style's: measured 1,030, once through the net
)
_BYTES_AT_LEAST: Final = 200_000_000  # what torch takes for its own at the first step
_DECODED_BYTES_A_PIXEL: Final = 16  # of both pictures as they came: on white, as RGB
_PREVIEW_SIDE: Final = 256
_PREVIEW_SECONDS: Final = 0.33  # as often as they are shown
_STEPS_SHARE: Final = 0.99  # the rest of the progress is writing the file

Loss = Callable[[Tensor], Tensor]
"""Says how far pixels (1 x 3 x height x width of 0..1) are from what is wanted."""


def weight_bytes(checkpoint: Vgg16, device: Device) -> int:
    """Return a bound of what the net's weights take: it uses a fifth of the file."""
    return checkpoint.file_bytes


def working_bytes(order: Optimize, device: Device) -> int:
    """Estimate what the optimisation takes.

    Raises ``InvalidRequest`` for a picture that cannot be read, and for more pixels than
    the device is asked to work on.
    """
    most = LONGEST_SIDE_ON_CPU if device.name == "cpu" else MAX_OPTIMIZED_SIDE
    if order.longest_side > most:
        raise InvalidRequest(
            f"Models are drawn without a GPU here, and {order.longest_side} pixels a side "
            f"would take too long. Choose {most} or less."
        )
    sizes = [opened(each).size for each in (order.payload, order.style_payload)]
    read = sum(width * height for width, height in sizes) * _DECODED_BYTES_A_PIXEL
    start, style = (math.prod(_fitting(size, order.longest_side)) for size in sizes)
    net = max(start * _BYTES_A_PIXEL, style * _STYLE_BYTES_A_PIXEL)
    return _BYTES_AT_LEAST + net + read


def load(checkpoint: Vgg16, device: Device) -> Vgg:
    """Return the net, ready on the device. Raises ``BrokenCheckpoint``."""
    return Vgg(checkpoint.path).to(device.name)


def carry_out(model: Vgg, order: Optimize, *, at_once: int, teller: Teller) -> float:
    """Optimise the picture; return the seconds that the steps took.

    Raises ``InvalidRequest`` for a damaged picture, ``Canceled`` between two steps.
    """
    torch.set_num_threads(devices.ALL_THREADS)
    picture = decoded(order.payload)
    size = _fitting(picture.size, order.longest_side)
    start = on_white(picture).resize(size, Image.Resampling.LANCZOS)
    style = _style_of(decoded(order.style_payload), order.longest_side)
    started = time.perf_counter()
    loss = _loss(model, start, style, strength=order.strength)
    made, losses = optimized(
        loss, _tensor(start, like=model), steps=order.steps, teller=teller
    )
    seconds = time.perf_counter() - started
    if order.keeps_colors:
        made = with_colors_of(start, made)
    if picture.has_transparency_data:
        alpha = picture.convert("RGBA").getchannel("A")
        made.putalpha(alpha.resize(size, Image.Resampling.LANCZOS))
    teller.on_picture(None, as_png(made), losses)
    return seconds


def optimized(
    loss: Loss, pixels: Tensor, *, steps: int, teller: Teller
) -> tuple[Image.Image, tuple[float, ...]]:
    """Return the best picture of so many steps of L-BFGS, and all losses.

    The first loss is that of the pixels as they came, the others those after each step.
    A step is as long as the ones before suggest, which can be far too long: then it goes
    on from the best pixels, knows no steps before, and takes half as long ones. Ends earlier where a step leads to no number at all. Raises ``Canceled``.
    """
    pixels = pixels.clone().requires_grad_(True)
    best, losses = pixels.detach().clone(), list[float]()
    length = 1.0
    optimizer = _optimizer(pixels, length)

    def look() -> Tensor:
        optimizer.zero_grad()
        found = loss(pixels)
        found.backward()  # type: ignore[no-untyped-call]
        return found

    sketch = _Sketch(steps)
    for step in range(steps + 1):  # the last one only judges
        if teller.is_canceled():
            raise Canceled
        judged = pixels.detach().clone()
        is_last = step == steps
        told = loss(judged) if is_last else optimizer.step(look)  # type: ignore[no-untyped-call]
        found = float(told.detach())  # of the pixels before the step
        if not math.isfinite(found):
            break
        if not losses or found < min(losses):
            best = judged
        losses.append(found)
        if is_last or found == 0:  # as at strength 0: nothing is left to do
            break
        with torch.no_grad():
            if found > _MOST_RISE * min(losses):
                pixels.copy_(best)
                length /= 2
                optimizer = _optimizer(pixels, length)
            pixels.clamp_(0, 1)
        fraction = (step + 1) / steps * _STEPS_SHARE
        teller.on_step(step + 1, steps, fraction, sketch(best, losses))
    return _picture(best), tuple(float(f"{each:.4g}") for each in losses)


def _optimizer(pixels: Tensor, length: float) -> torch.optim.LBFGS:
    return torch.optim.LBFGS(
        [pixels],
        lr=length,
        max_iter=1,
        history_size=_HISTORY,
        tolerance_grad=0,
        tolerance_change=0,
    )


def _loss(net: Vgg, start: Image.Image, style: Image.Image, *, strength: float) -> Loss:
    """Return what is to become small; each part is 1 where nothing is as wanted.

    The content is what the deepest layer sees, the style how often each two channels of
    a layer are seen together: section 2 of the paper. Smoothness is that of the start
    picture's pixels.
    """
    weight = _STRONGEST * strength**_BEND
    pixels = _tensor(start, like=net)
    with torch.no_grad():
        content = net(pixels)[-1]
        grams = [_gram(layer) for layer in net(_tensor(style, like=net))]
        roughness = _roughness(pixels) + 1e-3 * pixels.numel() / 3

    def loss(pixels: Tensor) -> Tensor:
        layers = net(pixels)
        strokes = sum(
            _distance(_gram(layer), gram)
            for layer, gram in zip(layers, grams, strict=True)
        ) / len(grams)
        rough = _SMOOTHNESS * _roughness(pixels) / roughness
        return _distance(layers[-1], content) + weight * (strokes + rough)

    return loss


def _distance(found: Tensor, wanted: Tensor) -> Tensor:
    """Return the squared distance, as a share of what is wanted."""
    return (found - wanted).square().sum() / wanted.square().sum().clamp_min(1e-12)


def _gram(layer: Tensor) -> Tensor:
    flat = layer.flatten(2)[0]
    return flat @ flat.T / flat.shape[1]


def _roughness(pixels: Tensor) -> Tensor:
    return sum(  # type: ignore[return-value]
        pixels.diff(dim=side).square().sum() for side in (2, 3)
    )


class _Sketch:
    """Makes small WebP files of the picture and its losses, now and then."""

    def __init__(self, steps: int) -> None:
        self._steps = steps
        self._due_at = 0.0  # the first one at once

    def __call__(self, pixels: Tensor, losses: Sequence[float]) -> bytes:
        now = time.monotonic()
        if now < self._due_at:
            return b""
        self._due_at = now + _PREVIEW_SECONDS
        small = ImageOps.contain(_picture(pixels), (_PREVIEW_SIDE, _PREVIEW_SIDE))
        out = io.BytesIO()
        shown = with_loss_curve(small, losses, steps=self._steps)
        shown.save(out, "WEBP", quality=70, method=0)
        return out.getvalue()


def _fitting(size: tuple[int, int], longest_side: int) -> tuple[int, int]:
    """Return a size of the same ratio, no larger than it was."""
    scale = min(1.0, longest_side / max(size))
    width, height = (max(1, round(side * scale)) for side in size)
    return width, height


def _style_of(picture: Image.Image, longest_side: int) -> Image.Image:
    """Return the style's picture as RGB, as large as is worked on; a long one's middle."""
    shown = on_white(picture)
    most = min(shown.size) * _MOST_RATIO
    width, height = (min(side, most) for side in shown.size)
    shown = ImageOps.fit(shown, (width, height))
    return shown.resize(_fitting(shown.size, longest_side), Image.Resampling.LANCZOS)


def _tensor(picture: Image.Image, *, like: Vgg) -> Tensor:
    levels = np.asarray(picture, np.float32) / np.float32(255)
    pixels = torch.from_numpy(levels).permute(2, 0, 1)[None].contiguous()
    return pixels.to(like.device)


def _picture(pixels: Tensor) -> Image.Image:
    levels = (pixels[0] * 255).round().to(torch.uint8).permute(1, 2, 0)
    return Image.fromarray(levels.contiguous().cpu().numpy())
