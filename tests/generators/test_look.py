"""The identity keeps its promises: contrast in both themes, nothing from elsewhere."""

import re
from pathlib import Path

import pytest

STATIC = Path(__file__).resolve().parents[2] / "static"
TOKENS = (STATIC / "css" / "tokens.css").read_text()
TEXT, CONTROL = 4.5, 3.0

PAIRS = [
    ("ink", ("paper", "surface", "surface-raised", "surface-sunken"), TEXT),
    ("ink-soft", ("paper", "surface", "surface-raised", "surface-sunken"), TEXT),
    ("ink-soft", ("surface-hover", "tile"), TEXT),
    ("ink-faint", ("paper", "surface", "surface-raised"), TEXT),
    ("accent-ink", ("accent", "accent-strong"), TEXT),
    ("accent-text", ("paper", "surface"), TEXT),
    ("good", ("good-soft", "surface"), TEXT),
    ("warn", ("warn-soft", "surface", "surface-raised"), TEXT),
    ("bad", ("bad-soft", "surface", "surface-raised", "paper"), TEXT),
    ("line-strong", ("surface", "paper", "surface-raised"), CONTROL),
    ("focus", ("paper", "surface", "surface-raised"), CONTROL),
]


def colour(name: str, theme: int) -> str:
    pair = re.search(rf"--{name}: light-dark\((#\w+), (#\w+)\)", TOKENS)
    assert pair is not None, name
    return pair[theme + 1]


def luminance(value: str) -> float:
    parts = [int(value[place : place + 2], 16) / 255 for place in (1, 3, 5)]
    linear = [
        p / 12.92 if p <= 0.04045 else ((p + 0.055) / 1.055) ** 2.4 for p in parts
    ]
    return sum(w * p for w, p in zip((0.2126, 0.7152, 0.0722), linear, strict=True))


def contrast(one: str, other: str) -> float:
    dark, light = sorted((luminance(one), luminance(other)))
    return (light + 0.05) / (dark + 0.05)


@pytest.mark.parametrize("theme", [0, 1], ids=["light", "dark"])
@pytest.mark.parametrize(("front", "backs", "least"), PAIRS)
def test_when_words_stand_on_a_surface_then_they_can_be_read(
    front, backs, least, theme
):
    for back in backs:
        found = contrast(colour(front, theme), colour(back, theme))
        assert found >= least, f"{front} on {back}: {found:.2f}"


def test_when_files_are_read_then_none_needs_another_site():
    for path in [*STATIC.glob("css/*.css"), *STATIC.glob("js/*.js")]:
        text = re.sub(r"/\*.*?\*/|^\s*//.*$", "", path.read_text(), flags=re.M | re.S)
        assert not re.search(r"https?:|url\(\W?//|@import|eval\(|innerHTML =", text), (
            path
        )
