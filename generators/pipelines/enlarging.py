"""The craft of enlarging: Real-ESRGAN's nets make a picture 2 or 4 times larger.

The nets draw fine detail that was not there, learned by a GAN: "Real-ESRGAN: Training
Real-World Blind Super-Resolution with Pure Synthetic Data", https://arxiv.org/abs/2107.10833.
"""

import io
import itertools
import time
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

import numpy as np
import torch
from PIL import Image, ImageFilter
from torch.nn import functional

from generators.errors import InvalidRequest
from generators.pipelines import devices
from generators.pipelines.crafts import Canceled, Teller
from generators.pipelines.memory import Device
from generators.pipelines.ncnn_nets import NcnnNet
from generators.pipelines.protocol import MAX_ENLARGED_PIXELS, Enlarge, Enlarger
from generators.pipelines.start_pictures import as_png, decoded, opened
from generators.pipelines.tile_previews import TileSketcher

NET_FACTOR = 4
TILE = 128
"""The longest side, in pixels of the start picture, of what is worked on at once."""

MARGIN = 18
"""Pixels of its neighbourhood that a tile is shown on each side.

It is how far the smallest net looks (18 convolutions of 3 x 3), so its tiles are the
whole picture's pixels. The others could look further; what they see there hardly counts.
"""

_FLOAT_BYTES = 4  # also on a GPU: half precision could not be tried
_LIVE_COPIES = 4  # of the widest layer: measured 3.0 to 3.6 of 128 and 160 pixel tiles
_BYTES_A_PIXEL = 12  # of the result: the canvas, its alpha, and the file
_TILES_SHARE = 0.97  # the rest of the progress is writing the file
_MOST_FILE_BYTES = 60_000_000  # the gallery takes 64 MB; only noise has so much as PNG
_LONGEST_WEBP_SIDE = 16_383
_HALO = 8  # pixels around what is visible that get its colours


@dataclass(frozen=True, slots=True, kw_only=True)
class Box:
    """A part of a picture, in pixels, as Pillow counts: right and lower are outside."""

    left: int
    upper: int
    right: int
    lower: int

    def grown(self, margin: int, size: tuple[int, int]) -> "Box":
        """Return it with so much around it, as far as the picture goes."""
        return Box(
            left=max(0, self.left - margin),
            upper=max(0, self.upper - margin),
            right=min(size[0], self.right + margin),
            lower=min(size[1], self.lower + margin),
        )

    @property
    def corners(self) -> tuple[int, int, int, int]:
        """Return it as Pillow takes it."""
        return self.left, self.upper, self.right, self.lower


def weight_bytes(checkpoint: Enlarger, device: Device) -> int:
    """Estimate what a net's weights take: they are float32 on every device."""
    return checkpoint.float_elements * _FLOAT_BYTES


def working_bytes(order: Enlarge, device: Device) -> int:
    """Estimate what enlarging takes: the widest layer of one tile, and the result.

    Raises ``InvalidRequest`` for a picture that cannot be read or would be too large.
    """
    width, height = _refuse_large(order)
    longest = TILE + 2 * MARGIN
    tile = min(width, longest) * min(height, longest) * NET_FACTOR**2
    layer = tile * order.checkpoint.wide_channels * _FLOAT_BYTES
    return layer * _LIVE_COPIES + width * height * order.factor**2 * _BYTES_A_PIXEL


def load(checkpoint: Enlarger, device: Device) -> NcnnNet:
    """Return the net, ready on the device. Raises ``BrokenCheckpoint``."""
    param = Path(checkpoint.path)
    return NcnnNet(param, param.with_suffix(".bin"), device.name)


def carry_out(model: NcnnNet, order: Enlarge, *, at_once: int, teller: Teller) -> float:
    """Enlarge the picture tile by tile; return the seconds the net worked.

    Raises ``InvalidRequest`` for a damaged picture, ``Canceled`` between two tiles.
    """
    torch.set_num_threads(devices.ALL_THREADS)
    _refuse_large(order)
    picture = decoded(order.payload)
    has_alpha = picture.has_transparency_data
    picture = picture.convert("RGBA" if has_alpha else "RGB")
    started = time.perf_counter()
    enlarged = enlarge(model, _visible(picture), factor=order.factor, teller=teller)
    seconds = time.perf_counter() - started
    if has_alpha:
        alpha = picture.getchannel("A")
        # Not by the net: what is wholly opaque or transparent stays exactly so.
        enlarged.putalpha(alpha.resize(enlarged.size, Image.Resampling.BICUBIC))
    teller.on_picture(None, _encoded(enlarged))
    return seconds


def enlarge(
    net: NcnnNet,
    picture: Image.Image,
    *,
    factor: int,
    teller: Teller,
    tile: int = TILE,
) -> Image.Image:
    """Return an RGB picture ``factor`` (2 or 4) times larger, made in tiles.

    Raises ``Canceled`` between two tiles.
    """
    width, height = picture.size
    result = Image.new("RGB", (width * factor, height * factor))
    sketcher = TileSketcher(picture)
    boxes = list(tiles(picture.size, tile))
    for number, box in enumerate(boxes, start=1):
        if teller.is_canceled():
            raise Canceled
        made = _enlarged_tile(net, picture, box, factor)
        result.paste(made, (box.left * factor, box.upper * factor))
        preview = sketcher.after_tile(made, box.corners)
        fraction = number / len(boxes) * _TILES_SHARE
        teller.on_step(number, len(boxes), fraction, preview)
    return result


def tiles(size: tuple[int, int], longest: int) -> Iterator[Box]:
    """Divide a picture into parts of about one size, row by row."""
    columns, rows = (_edges(side, longest) for side in size)
    for upper, lower in rows:
        for left, right in columns:
            yield Box(left=left, upper=upper, right=right, lower=lower)


def _edges(side: int, longest: int) -> list[tuple[int, int]]:
    count = -(-side // longest)
    edges = [side * k // count for k in range(count + 1)]
    return list(itertools.pairwise(edges))


def _enlarged_tile(
    net: NcnnNet, picture: Image.Image, box: Box, factor: int
) -> Image.Image:
    """Return a part of the picture as it is in the whole enlarged picture."""
    seen = box.grown(MARGIN, picture.size)
    pixels = np.asarray(picture.crop(seen.corners), dtype=np.float32) / 255
    made = net(torch.from_numpy(pixels).permute(2, 0, 1)[None]).clamp(0, 1)
    if factor < NET_FACTOR:
        made = functional.interpolate(
            made, scale_factor=factor / NET_FACTOR, mode="bicubic", antialias=True
        )
    left, upper = (box.left - seen.left) * factor, (box.upper - seen.upper) * factor
    width, height = (box.right - box.left) * factor, (box.lower - box.upper) * factor
    own = made[0, :, upper : upper + height, left : left + width].clamp(0, 1)
    levels = (own * 255).round().to(torch.uint8).permute(1, 2, 0).contiguous()
    return Image.fromarray(levels.numpy())


def _refuse_large(order: Enlarge) -> tuple[int, int]:
    """Return the size of the start picture; refuse what would be too large."""
    width, height = opened(order.payload).size
    if width * height * order.factor**2 > MAX_ENLARGED_PIXELS:
        raise InvalidRequest(
            f"{order.factor} times larger, this picture would have more than "
            f"{MAX_ENLARGED_PIXELS // 1_000_000} megapixels."
        )
    return width, height


def _visible(picture: Image.Image) -> Image.Image:
    """Return the colours that are seen. Around them their own go on for some pixels.

    What a file holds where it is transparent is often black: the net would draw it into
    the rim of what is visible.
    """
    if picture.mode != "RGBA":
        return picture
    near = picture.convert("RGBa").filter(ImageFilter.BoxBlur(_HALO)).convert("RGBA")
    is_seen = picture.getchannel("A").point(lambda alpha: 255 if alpha else 0)
    return Image.composite(picture.convert("RGB"), near.convert("RGB"), is_seen)


def _encoded(picture: Image.Image) -> bytes:
    """Write it as PNG; what is pure noise and too large for that, at high quality."""
    content = as_png(picture)
    if len(content) <= _MOST_FILE_BYTES:
        return content
    out = io.BytesIO()
    if picture.mode == "RGBA" and max(picture.size) <= _LONGEST_WEBP_SIDE:
        picture.save(out, "WEBP", quality=95)
    else:
        picture.convert("RGB").save(out, "JPEG", quality=95)
    return out.getvalue()
