"""The craft of styling: nets that paint a picture anew in another style. No torch.

Built-in styles are those of one net: "A Learned Representation For Artistic Style",
https://arxiv.org/abs/1610.07629. A style of any picture is read by one net and applied by
another: "Exploring the structure of a real-time, arbitrary neural artistic stylization
network", https://arxiv.org/abs/1705.06830.
"""

import time
from collections.abc import Callable
from typing import Final

import numpy as np
from PIL import Image, ImageFilter, ImageOps

from generators.errors import InvalidRequest
from generators.pipelines.crafts import Canceled, Teller
from generators.pipelines.memory import Device
from generators.pipelines.onnx_nets import Numbers, OnnxNet, let_memory_go
from generators.pipelines.overlaps import overlapping_tiles
from generators.pipelines.protocol import MAX_STYLED_SIDE, Restyle, Stylist
from generators.pipelines.start_pictures import (
    as_png,
    decoded,
    on_white,
    opened,
    with_colors_of,
)
from generators.pipelines.tile_previews import TileSketcher

BUILT_IN_TILE: Final = 1024
"""The longest side, in pixels, that the net of built-in styles paints at once."""

PICTURE_TILE: Final = 384
"""The side that the net of any picture's style paints at once: it knows no other."""

_STYLE_SIDE = 256  # of the picture that the style is read from
_MULTIPLE = 4  # the net of built-in styles halves a picture twice
_BYTES_A_PIXEL = 1200  # of a tile: measured 1,020 after several runs; and spare
_CANVAS_BYTES_A_PIXEL = 40  # of the result: sums, weights, both pictures, the file
_DECODED_BYTES_A_PIXEL = 16  # of the style's picture: as it came, on white, as RGB
_TILES_SHARE = 0.97  # the rest of the progress is writing the file

Nets = tuple[OnnxNet, ...]
"""Those of a ``Stylist``, in the order they are used."""

Paint = Callable[[Numbers], Numbers]
"""Paints pixels anew: height x width x 3 numbers of 0..1, red, green and blue."""


def weight_bytes(checkpoint: Stylist, device: Device) -> int:
    """Estimate what the nets' weights take: a file's, and what is made of it."""
    return checkpoint.file_bytes * 2


def working_bytes(order: Restyle, device: Device) -> int:
    """Estimate what styling takes: one tile's layers, and the result.

    Raises ``InvalidRequest`` for a picture that cannot be read or is too large.
    """
    width, height = opened(order.payload).size
    if max(width, height) > MAX_STYLED_SIDE:
        raise InvalidRequest(
            f"The picture has more than {MAX_STYLED_SIDE} pixels a side."
        )
    side = BUILT_IN_TILE if order.shares else PICTURE_TILE
    tile = min(width, side) * min(height, side) if order.shares else side * side
    canvas = width * height * _CANVAS_BYTES_A_PIXEL
    return tile * _BYTES_A_PIXEL + canvas + _style_bytes(order)


def _style_bytes(order: Restyle) -> int:
    if order.shares:
        return 0
    width, height = opened(order.style_payload).size
    return width * height * _DECODED_BYTES_A_PIXEL


def load(checkpoint: Stylist, device: Device) -> Nets:
    """Return the nets, ready on the CPU. Raises ``BrokenCheckpoint``."""
    return tuple(OnnxNet(path) for path in checkpoint.paths)


def carry_out(model: Nets, order: Restyle, *, at_once: int, teller: Teller) -> float:
    """Style the picture tile by tile; return the seconds that it took.

    Raises ``InvalidRequest`` for a damaged picture, ``Canceled`` between two tiles.
    """
    picture = decoded(order.payload)
    style = None if order.shares else on_white(decoded(order.style_payload))
    try:
        styled, seconds = _styled(model, order, on_white(picture), style, teller)
        if picture.has_transparency_data:
            styled.putalpha(picture.convert("RGBA").getchannel("A"))
        teller.on_picture(None, as_png(styled))
    finally:
        let_memory_go()
    return seconds


def _styled(
    nets: Nets,
    order: Restyle,
    start: Image.Image,
    style: Image.Image | None,
    teller: Teller,
) -> tuple[Image.Image, float]:
    """Return the RGB picture in its style, as strongly as asked, and the nets' seconds."""
    started = time.perf_counter()
    paint, side = _painter(nets, order, style)
    styled = style_in_tiles(start, paint, side=side, teller=teller)
    seconds = time.perf_counter() - started
    if order.strength < 1:
        styled = Image.blend(start, styled, order.strength)
    if order.keeps_colors:
        styled = with_colors_of(start, styled)
    return styled, seconds


def style_in_tiles(
    picture: Image.Image,
    paint: Paint,
    *,
    side: int,
    teller: Teller,
) -> Image.Image:
    """Return an RGB picture painted anew, in parts of at most ``side`` pixels.

    The nets even out what they see, so a part of a large picture comes out in tones of
    its own. The whole picture is therefore painted small first: each part takes its
    broad tones from there and keeps its own strokes, and neighbours fade into each
    other. Raises ``Canceled`` between two parts.
    """
    tiles = overlapping_tiles(picture.size, side)
    steps = len(tiles) + (len(tiles) > 1)
    broad = None
    if len(tiles) > 1:
        small = ImageOps.contain(picture, (side, side), Image.Resampling.LANCZOS)
        broad = _painted(small, paint).resize(picture.size, Image.Resampling.BICUBIC)
        teller.on_step(1, steps, _TILES_SHARE / steps, b"")
    width, height = picture.size
    total = np.zeros((height, width, 3), np.float32)
    weight = np.zeros((height, width, 1), np.float32)
    sketcher = TileSketcher(picture)
    for number, tile in enumerate(tiles, start=steps - len(tiles) + 1):
        if teller.is_canceled():
            raise Canceled
        made = _painted(picture.crop(tile.corners), paint)
        if broad is not None:
            made = _with_tones_of(broad.crop(tile.corners), made, radius=side / 12)
        rows, columns = tile.slices
        fade = tile.fade()[..., None]
        total[rows, columns] += np.asarray(made, np.float32) * fade
        weight[rows, columns] += fade
        preview = sketcher.after_tile(made, tile.corners)
        teller.on_step(number, steps, number / steps * _TILES_SHARE, preview)
    levels = (total / weight).round().clip(0, 255).astype(np.uint8)
    return Image.fromarray(levels)


def _painter(
    nets: Nets, order: Restyle, style: Image.Image | None
) -> tuple[Paint, int]:
    """Return what paints one part, and how long its sides may be."""
    if style is None:
        (net,) = nets
        shares = np.asarray(order.shares, np.float32)
        return lambda pixels: _in_built_in_styles(net, pixels, shares), BUILT_IN_TILE
    reader, net = nets
    wanted = _style_of(reader, style)
    return lambda pixels: _in_style(net, pixels, wanted), PICTURE_TILE


def _in_built_in_styles(net: OnnxNet, pixels: Numbers, shares: Numbers) -> Numbers:
    height, width = pixels.shape[:2]
    padded = _padded(
        pixels,
        height + -height % _MULTIPLE,
        width + -width % _MULTIPLE,
    )
    planes = np.ascontiguousarray(padded.transpose(2, 0, 1)[None])
    painted: Numbers = net(planes, shares)[0].transpose(1, 2, 0)
    return painted[:height, :width]


def _in_style(net: OnnxNet, pixels: Numbers, style: Numbers) -> Numbers:
    height, width = pixels.shape[:2]
    padded = _padded(pixels, PICTURE_TILE, PICTURE_TILE)[None]
    painted: Numbers = net(padded, style)[0]
    return painted[:height, :width]


def _style_of(reader: OnnxNet, picture: Image.Image) -> Numbers:
    """Read a picture's style, 100 numbers, from its middle square."""
    square = ImageOps.fit(picture, (_STYLE_SIDE, _STYLE_SIDE), Image.Resampling.LANCZOS)
    return reader(_pixels(square)[None])


def _padded(pixels: Numbers, height: int, width: int) -> Numbers:
    """Grow it to the right and below, by what lies mirrored there."""
    below, right = height - pixels.shape[0], width - pixels.shape[1]
    return np.pad(pixels, ((0, below), (0, right), (0, 0)), mode="symmetric")


def _painted(picture: Image.Image, paint: Paint) -> Image.Image:
    levels = (paint(_pixels(picture)) * 255).round().clip(0, 255)
    return Image.fromarray(levels.astype(np.uint8))


def _pixels(picture: Image.Image) -> Numbers:
    return np.asarray(picture, np.float32) / np.float32(255)


def _with_tones_of(
    broad: Image.Image, part: Image.Image, *, radius: float
) -> Image.Image:
    """Return a part with its own strokes, and another's tones where one looks broadly."""
    blur = ImageFilter.GaussianBlur(radius)
    wanted, own = (np.asarray(each.filter(blur), np.float32) for each in (broad, part))
    levels = np.asarray(part, np.float32) + wanted - own
    return Image.fromarray(levels.round().clip(0, 255).astype(np.uint8))
