"""Compose training pictures: one drawing, or several with places, counts and sizes.

Everything is decided in a :class:`Scene` first; painting and captioning both read it,
so words and picture cannot disagree.
"""

from __future__ import annotations

import colorsys
import dataclasses
import zlib
from typing import Literal

import numpy as np
from PIL import Image, ImageDraw

from training.prepare import SIZE, STYLES, Icons

HUES = {
    "red": 0.0,
    "orange": 0.075,
    "yellow": 0.14,
    "green": 0.33,
    "blue": 0.6,
    "purple": 0.77,
    "pink": 0.91,
}
"""Colour words as HSV hues, 0 to 1."""

PLAIN = {
    "white": (255, 255, 255),
    "red": (236, 92, 88),
    "orange": (250, 172, 92),
    "yellow": (252, 226, 116),
    "green": (150, 210, 130),
    "blue": (130, 184, 240),
    "purple": (186, 150, 226),
    "pink": (250, 180, 206),
    "gray": (190, 194, 200),
    "black": (24, 24, 30),
}
BACKDROPS = ("meadow", "night", "beach", "snow", "space", "underwater", "sunset")
GROUND_Y = 104
"""Where the feet of things stand in a backdrop, in pixels from the top."""

RECOLOUR = {
    "red apple": "apple",
    "automobile": "car",
    "sport utility vehicle": "car",
    "balloon": "balloon",
    "t-shirt": "t-shirt",
    "dress": "dress",
    "umbrella": "umbrella",
    "butterfly": "butterfly",
    "bird": "bird",
    "tropical fish": "fish",
    "fish": "fish",
    "rose": "rose",
    "tulip": "tulip",
    "backpack": "backpack",
    "running shoe": "sneaker",
    "wrapped gift": "gift",
    "dragon": "dragon",
    "dragon face": "dragon face",
    "sauropod": "dinosaur",
    "t-rex": "t-rex",
    "frog": "frog",
    "bus": "bus",
    "bicycle": "bicycle",
    "racing car": "racing car",
    "chair": "chair",
    "guitar": "guitar",
    "gem stone": "diamond",
    "star": "star",
    "cat": "cat",
    "cat face": "cat face",
    "dog face": "dog face",
    "rabbit": "rabbit",
    "parrot": "parrot",
    "socks": "socks",
    "scarf": "scarf",
    "mushroom": "mushroom",
    "blossom": "flower",
    "hibiscus": "flower",
    "teapot": "teapot",
    "motor scooter": "scooter",
    "sailboat": "sailboat",
    "octopus": "octopus",
    "turtle": "turtle",
    "snake": "snake",
    "crab": "crab",
    "candle": "candle",
    "alien monster": "monster",
    "jeans": "jeans",
    "necktie": "tie",
    "door": "door",
    "pencil": "pencil",
    "kite": "kite",
    "crown": "crown",
}
"""Labels that may change colour, with the noun that takes the colour word."""

Layout = Literal["single", "corner", "count", "beside", "above", "trio"]


@dataclasses.dataclass(frozen=True, slots=True, kw_only=True)
class Item:
    """One drawing put into a scene; x, y is its centre and size its side, in pixels."""

    concept: int
    style: int
    x: int
    y: int
    size: int
    flip: bool = False
    colour: str = ""
    size_word: str = ""


@dataclasses.dataclass(frozen=True, slots=True, kw_only=True)
class Scene:
    """What a picture shows; ``background`` is a key of PLAIN or one of BACKDROPS."""

    layout: Layout
    background: str
    items: tuple[Item, ...]
    place: str = ""


def is_held_out(code: str, style: int) -> bool:
    """Keep 5 % of the concept-style pairs out of training, never those in 3D.

    A checksum decides, so the choice is the same on every machine.
    """
    pair = f"{code}/{STYLES[style]}".encode()
    return style != 0 and zlib.crc32(pair) % 20 == 0


def recolour(rgba: np.ndarray, hue: float) -> np.ndarray:
    """Turn a drawing's main hue into another one; other hues, white and black stay."""
    hsv = np.asarray(Image.fromarray(rgba[..., :3]).convert("HSV")).copy()
    vivid = (hsv[..., 1] > 70) & (hsv[..., 2] > 50) & (rgba[..., 3] > 128)
    if not vivid.any():
        return rgba
    bins = np.bincount(hsv[..., 0][vivid] // 8, minlength=32)
    main = (int((bins + np.roll(bins, 1) + np.roll(bins, -1)).argmax()) * 8 + 4) % 256
    gap = (hsv[..., 0].astype(int) - main + 128) % 256 - 128
    change = (np.abs(gap) < 26) & (hsv[..., 1] > 40)
    hsv[..., 0][change] = (gap[change] // 3 + round(hue * 256)) % 256
    painted = np.asarray(Image.fromarray(hsv, "HSV").convert("RGB"))
    return np.dstack([painted, rgba[..., 3]])


def tint_line(rgba: np.ndarray, colour: str) -> np.ndarray:
    """Give a one-colour line drawing a colour word's colour."""
    if colour not in HUES:
        return rgba
    red, green, blue = colorsys.hsv_to_rgb(HUES[colour], 0.85, 0.82)
    flat = np.empty_like(rgba)
    flat[..., :3] = (round(red * 255), round(green * 255), round(blue * 255))
    flat[..., 3] = rgba[..., 3]
    return flat


def _fade(top: tuple[int, int, int], bottom: tuple[int, int, int]) -> Image.Image:
    share = np.linspace(0.0, 1.0, SIZE)[:, None, None]
    column = np.array(top) * (1 - share) + np.array(bottom) * share
    return Image.fromarray(np.repeat(column, SIZE, axis=1).astype(np.uint8))


_FADES = {
    "meadow": ((110, 180, 245), (200, 232, 252)),
    "night": ((16, 20, 58), (46, 52, 110)),
    "beach": ((120, 196, 246), (214, 238, 250)),
    "snow": ((168, 200, 232), (226, 238, 248)),
    "space": ((8, 8, 24), (30, 16, 58)),
    "underwater": ((60, 164, 220), (12, 66, 140)),
    "sunset": ((110, 76, 150), (252, 164, 96)),
}
_GROUNDS = {
    "meadow": (110, 186, 84),
    "night": (34, 62, 60),
    "beach": (240, 214, 156),
    "snow": (248, 250, 253),
    "underwater": (204, 186, 140),
    "sunset": (92, 66, 90),
}


def paint_background(name: str) -> Image.Image:
    """Paint a plain colour or a simple landscape, RGB 128x128."""
    if name in PLAIN:
        return Image.new("RGB", (SIZE, SIZE), PLAIN[name])
    picture = _fade(*_FADES[name])
    draw = ImageDraw.Draw(picture)
    if name in ("night", "space"):
        for index in range(14):
            x, y = index * 53 % 124 + 2, index * 31 % 84 + 3
            draw.rectangle((x, y, x + 1, y + 1), fill=(252, 248, 220))
    if name == "beach":
        draw.rectangle((0, 72, SIZE, 92), fill=(56, 150, 208))
    if name in _GROUNDS:
        top = {"beach": 92, "underwater": 112}.get(name, 88)
        draw.rectangle((0, top, SIZE, SIZE), fill=_GROUNDS[name])
    return picture


def paint(scene: Scene, icons: Icons, lookup: dict[tuple[int, int], int]) -> np.ndarray:
    """Paint a scene: uint8, (128, 128, 3). ``lookup`` maps (concept, style) to icon."""
    picture = paint_background(scene.background)
    for item in scene.items:
        rgba = icons.pixels[lookup[item.concept, item.style]]
        if item.colour and STYLES[item.style] == "line":
            rgba = tint_line(rgba, item.colour)
        elif item.colour:
            rgba = recolour(rgba, HUES[item.colour])
        drawing = Image.fromarray(rgba)
        if item.flip:
            drawing = drawing.transpose(Image.Transpose.FLIP_LEFT_RIGHT)
        if item.size != SIZE:
            side = (item.size, item.size)
            drawing = drawing.convert("RGBa").resize(side, Image.Resampling.LANCZOS)
            drawing = drawing.convert("RGBA")
        corner = (item.x - item.size // 2, item.y - item.size // 2)
        picture.paste(drawing, corner, drawing)
    return np.asarray(picture)
