"""Say in many ways what a scene shows.

An unstyled caption mostly belongs to a 3D picture, so a prompt without a style word
gets the prettiest drawings.
"""

from __future__ import annotations

import numpy as np

from training.concepts import Concept
from training.plans import Stock
from training.prepare import STYLES
from training.scenes import RECOLOUR, Item, Scene

NUMBERS = {2: "two", 3: "three", 4: "four", 5: "five", 6: "six"}

PREFIXES: dict[str, tuple[str, ...]] = {
    "3d": ("a 3d render of {}", "3d {}", "{}, 3d render", "{}, 3d", "a glossy 3d {}"),
    "flat": ("a flat icon of {}", "{}, flat icon", "{}, flat style", "flat vector {}"),
    "noto": ("a cartoon of {}", "{}, cartoon", "cartoon {}", "{}, cartoon style"),
    "line": (
        "a line icon of {}",
        "{}, line icon",
        "{}, line drawing",
        "a line drawing of {}",
    ),
}
NEUTRAL = (
    "a picture of {}",
    "a photo of {}",
    "an image of {}",
    "a drawing of {}",
    "an illustration of {}",
    "a beautiful {}",
    "a cute {}",
    "{}, high quality",
    "{}, detailed",
    "an emoji of {}",
)
STYLED_SHARE = {"3d": 0.3, "flat": 0.9, "noto": 0.9, "line": 1.0}
"""How often a caption names its style."""

PHRASES: dict[str, tuple[str, ...]] = {
    "meadow": (
        "on green grass under a blue sky",
        "in a meadow",
        "on the grass",
        "in a field",
        "in a park",
    ),
    "night": ("at night", "under the stars", "at night under a starry sky"),
    "beach": ("on the beach", "on a beach by the sea", "by the ocean"),
    "snow": ("in the snow", "in winter", "on a snowy field"),
    "space": ("in space", "in outer space", "among the stars in space"),
    "underwater": ("underwater", "under the sea", "in the ocean"),
    "sunset": ("at sunset", "at dusk", "in front of a sunset"),
}
MASS = (" hair", " rice", " milk", " bread", "bread", "broccoli", "bacon", "pasta")


def is_plural(noun: str) -> bool:
    """Guess whether a noun phrase is plural already ("grapes") or takes no article."""
    head = noun.split(" of ")[0].split(" in ")[0].split(" with ")[0]
    singular = ("ss", "us", "glass", "compass", "octopus", "cactus", "t-rex", "piles")
    return (head.endswith("s") and not head.endswith(singular)) or head in MASS


def with_article(noun: str) -> str:
    """Put "a" or "an" before a singular noun phrase."""
    if is_plural(noun):
        return noun
    return f"{'an' if noun[0] in 'aeio' else 'a'} {noun}"


def plural(noun: str) -> str:
    """Make a simple English plural of the head noun."""
    head, joint, rest = noun.partition(" of ")
    if not joint:
        head, joint, rest = noun.partition(" with ")
    if head.endswith(("fish", "sheep", "deer")) or (
        is_plural(head) and head[-1] == "s"
    ):
        made = head
    elif head.endswith(("s", "x", "ch", "sh")):
        made = head + "es"
    elif head.endswith("y") and head[-2:-1] not in "aeiou":
        made = head[:-1] + "ies"
    elif head.endswith("man"):
        made = head[:-3] + "men"
    elif head.endswith("mouse"):
        made = head[:-5] + "mice"
    elif head.endswith("wolf"):
        made = head[:-1] + "ves"
    else:
        made = head + "s"
    return made + joint + rest


def noun_of(rng: np.random.Generator, concept: Concept, item: Item) -> str:
    """Name one item with its colour and size words, without an article."""
    names = concept.names
    name = names[0] if rng.random() < 0.6 else str(rng.choice(names))
    if item.colour:
        base = RECOLOUR.get(concept.label, name)
        name = f"{item.colour} {base}"
    if item.size_word:
        synonyms = {
            "small": ("small", "little", "tiny"),
            "big": ("big", "large", "huge"),
        }
        name = f"{rng.choice(synonyms[item.size_word])} {name}"
    return name


def _things(rng: np.random.Generator, stock: Stock, scene: Scene) -> str:
    """Say which things there are and where, without background and style."""
    concepts = stock.icons.concepts
    nouns = [noun_of(rng, concepts[item.concept], item) for item in scene.items]
    if scene.layout == "single":
        bare = rng.random() < 0.25
        return nouns[0] if bare else with_article(nouns[0])
    if scene.layout == "corner":
        return f"{with_article(nouns[0])} in the {scene.place}"
    if scene.layout == "count":
        return f"{NUMBERS[len(nouns)]} {plural(nouns[0])}"
    said = [with_article(noun) for noun in nouns]
    if scene.layout == "trio":
        return f"{said[0]}, {said[1]} and {said[2]}"
    chance = rng.random()
    if scene.layout == "above":
        if chance < 0.5:
            return f"{said[0]} above {said[1]}"
        return (
            f"{said[1]} below {said[0]}" if chance < 0.7 else f"{said[0]} on {said[1]}"
        )
    if chance < 0.5:
        return f"{said[0]} and {said[1]}"
    if chance < 0.65:
        return f"{said[0]} next to {said[1]}"
    if chance < 0.85:
        return f"{said[0]} to the left of {said[1]}"
    return f"{said[1]} to the right of {said[0]}"


def _background(rng: np.random.Generator, scene: Scene) -> str:
    if scene.background in PHRASES:
        return " " + str(rng.choice(PHRASES[scene.background]))
    if scene.background == "white":
        return " on a white background" if rng.random() < 0.08 else ""
    return f" on {with_article(scene.background)} background"


def _tags(rng: np.random.Generator, concept: Concept) -> str:
    if not concept.tags or rng.random() > 0.12:
        return ""
    many = min(len(concept.tags), int(rng.integers(1, 3)))
    return "".join(f", {tag}" for tag in rng.choice(concept.tags, many, replace=False))


def caption(rng: np.random.Generator, stock: Stock, scene: Scene) -> str:
    """Write one caption, in lower case; different at each call."""
    text = _things(rng, stock, scene) + _background(rng, scene)
    style = STYLES[scene.items[0].style]
    if scene.layout == "single":
        text += _tags(rng, stock.icons.concepts[scene.items[0].concept])
    if rng.random() < STYLED_SHARE[style]:
        form = str(rng.choice(PREFIXES[style]))
        if scene.items[0].colour == "" and style == "line" and rng.random() < 0.5:
            form = str(rng.choice(("{}, black line icon", "a black line icon of {}")))
        return form.format(text)
    if rng.random() < 0.2:
        form = str(rng.choice(NEUTRAL))
        return form.format(text).replace("cute a ", "cute ").replace("ful a ", "ful ")
    return text
