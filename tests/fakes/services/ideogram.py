"""Stands for api.ideogram.ai: both versions, as strict as their documentation.

What it may not accept it answers with a 400 and remembers in ``objections``. Words that
hold ``forbidden`` are refused with a 422, ``withholds`` pictures come without address.
"""

import base64
import hashlib
import io
import itertools
import json
import random
import re
import secrets
import time
from collections.abc import Callable, Set
from dataclasses import dataclass, field
from typing import Any

from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PrivateKey
from PIL import Image, ImageOps

from tests.fakes import wire
from tests.fakes.wire import Call, FakeService, Part, Reply

MAX_SEED = 2_147_483_647


def _both_ways(sizes: str) -> set[str]:
    """Return sizes, each one upright and lying."""
    return {
        "x".join(sides)
        for size in sizes.split()
        for sides in itertools.permutations(size.split("x"))
    }


V2_SIZES = _both_ways(
    """1024x1024 896x1120 864x1152 832x1248 800x1280 720x1280 720x1440 2048x2048
    1440x2880 1664x2496 1792x2240 1440x2560 1600x2560 1728x2304 1296x3168 1152x2944
    1248x3328 1280x3072 1024x3072"""
)
V3_SIZES = _both_ways(
    """512x1536 576x1408 576x1472 576x1536 640x1344 640x1408 640x1472 640x1536
    704x1152 704x1216 704x1280 704x1344 704x1408 704x1472 736x1312 768x1088 768x1216
    768x1280 768x1344 800x1280 832x960 832x1024 832x1088 832x1152 832x1216 832x1248
    864x1152 896x960 896x1024 896x1088 896x1120 896x1152 960x1024 960x1088 1024x1024"""
)
RATIOS = _both_ways("1x1 1x2 1x3 2x3 3x4 4x5 9x16 10x16")
PALETTES = {
    *("EMBER", "FRESH", "JUNGLE", "MAGIC"),
    *("MELON", "MOSAIC", "PASTEL", "ULTRAMARINE"),
}
V3_USD = {"FLASH": 0.03, "TURBO": 0.03, "DEFAULT": 0.06, "QUALITY": 0.09}
V2_USD = {"low": 0.03, "medium": 0.06, "high": 0.10}
"""Of 4.5; nobody told those of 4.6, which is given the same here."""

MIME_TYPES = {"image/png", "image/jpeg", "image/webp"}
PICTURE_BYTES, STYLE_BYTES = 25_000_000, 10_000_000


class Objection(Exception):
    """What a 400 says."""


@dataclass
class Work:
    """A generation that was accepted."""

    data: list[dict[str, Any]]
    seed: int
    looks_left: int
    created: str = "2026-11-26T10:00:00Z"
    is_failed: bool = False
    extra: dict[str, Any] = field(default_factory=dict)


def _one_of(*values: str) -> Callable[[str], bool]:
    return lambda text: text in values


def _between(low: int, high: int) -> Callable[[str], bool]:
    return lambda text: text.isdecimal() and low <= int(text) <= high


def _matches(pattern: str) -> Callable[[str], bool]:
    return lambda text: re.fullmatch(pattern, text) is not None


def _is_palette(text: str) -> bool:
    palette = json.loads(text)
    if palette.keys() == {"name"}:
        return palette["name"] in PALETTES
    return (palette.keys() == {"members"} and len(palette["members"]) > 0) and all(
        each.keys() <= {"color_hex", "color_weight"}
        and re.fullmatch("#[0-9A-F]{6}", each["color_hex"])
        and 0.05 <= each.get("color_weight", 1) <= 1
        for each in palette["members"]
    )


_BOOLEAN = _one_of("true", "false")
_COMMON = {
    "num_images": _between(1, 8),
    "seed": _between(0, MAX_SEED),
    "prompt": lambda text: 0 < len(text) <= 10_000,
}
_V2 = _COMMON | {
    "magic_prompt": _one_of("auto", "on", "off"),
    "size": _matches(r"auto|source|\d+x\d+"),
    "quality": _one_of("very_low", "low", "medium", "high"),
    "background": _one_of("auto", "opaque", "transparent"),
    "async": _BOOLEAN,
    "private": _BOOLEAN,
    "enable_copyright_detection": _BOOLEAN,
    "webhook_url": _matches(r"https://(?!localhost|127\.|10\.|192\.168\.).+"),
}
_REFRAME = {
    "num_images": _COMMON["num_images"],
    "seed": _COMMON["seed"],
    "resolution": lambda text: text in V3_SIZES,
    "rendering_speed": lambda text: text in V3_USD,
    "style_preset": _one_of("ART_DECO", "BAUHAUS", "POP_ART", "WATERCOLOR"),
    "style_codes": _matches("[0-9A-Fa-f]{8}"),
    "color_palette": _is_palette,
}
_REPLACE = {name: rule for name, rule in _REFRAME.items() if name != "resolution"} | {
    "prompt": _COMMON["prompt"],
    "magic_prompt": _one_of("AUTO", "ON", "OFF"),
}
_INPAINT = _REPLACE | {
    "style_type": _one_of("AUTO", "GENERAL", "REALISTIC", "DESIGN", "FICTION"),
}
_GENERATE = _INPAINT | {
    "resolution": _REFRAME["resolution"],
    "aspect_ratio": lambda text: text in RATIOS,
    "negative_prompt": lambda text: len(text) > 0,
}
_STYLES = {"style_reference_images": 10}
V3_FORMS: dict[str, tuple[dict, dict, set]] = {
    # fields; files and how many; what must be there
    "generate": (_GENERATE, _STYLES, {"prompt"}),
    "remix": (
        _GENERATE | {"image_weight": _between(1, 100)},
        _STYLES | {"image": 1},
        {"prompt", "image"},
    ),
    "inpaint": (
        _INPAINT,
        _STYLES | {"image": 1, "mask": 1},
        {"prompt", "image", "mask"},
    ),
    "reframe": (_REFRAME, _STYLES | {"image": 1}, {"image", "resolution"}),
    "replace-background": (_REPLACE, _STYLES | {"image": 1}, {"image", "prompt"}),
}


class FakeIdeogram(FakeService):
    """``looks`` is how often accepted work is pending; ``withholds`` counts pictures.

    ``billed_micros`` is what the account was charged, ``rings`` where webhooks go.
    """

    KEY = "ideogram-key-5b81f0"
    routes = (
        ("POST", r"/v2/image/generate/ideogram-4-[56]", "generate_v2"),
        ("POST", "/v2/image/remove-background/ideogram-1", "remove_background_v2"),
        ("GET", r"/v2/generations/(?P<id>[\w-]+)", "look"),
        ("POST", f"/v1/ideogram-v3/(?P<form>{'|'.join(V3_FORMS)})", "draw_v3"),
        ("POST", "/v1/remove-background", "remove_background_v1"),
        ("POST", "/upscale", "upscale"),
        ("GET", r"/v1/\.well-known/jwks\.json", "signing_keys"),
        ("GET", r"/pictures/(?P<name>[\w-]+)\.png", "picture"),
    )

    def __init__(self, *, looks: int = 1, shrinks: bool = False) -> None:
        super().__init__()
        self.looks = looks
        self.withholds = 0
        self.objections: list[str] = []
        self.works: dict[str, Work] = {}
        self.pictures: dict[str, bytes] = {}
        self.rings: dict[str, str] = {}
        self.billed_micros = 0
        self._shrinks = shrinks
        self.rotate_keys()

    def key_of(self, call: Call) -> str | None:
        return call.headers.get("api-key")

    def wrong_key(self) -> Reply:
        return Reply(status=401, json={"error": "Invalid API key"})

    def is_open(self, call: Call) -> bool:
        return call.path.startswith(("/pictures/", "/v1/.well-known/"))

    # Calls

    def generate_v2(self, call: Call) -> Reply:
        return self._checked(call, self._generate_v2)

    def _generate_v2(self, call: Call) -> Reply:
        fields = _fields(call, _V2)
        files = _files(call, {"images": 5, "mask": 1})
        _demand({"prompt"}, fields)
        sources = files["images"]
        _check_v2_size(fields.get("size", "auto"), sources, is_masked="mask" in files)
        _check_mask(files)
        if fields.get("quality") == "very_low" and not sources:
            raise Objection("very_low is only for source images")
        width, height = _v2_canvas(fields.get("size", "auto"), sources)
        micros = _micros(V2_USD[fields.get("quality", "high")], fields)
        if call.query.get("dry_run") == "true":
            return _price_quote("ideogram_4_5_generate", micros, fields)
        if "forbidden" in fields["prompt"]:
            return Reply(status=422, json={"error": "Prompt failed the safety check"})
        words = _words(fields["prompt"])
        sees = files.get("mask")
        data, seed = self._drawn(
            fields,
            lambda seed: (
                _repaint(sources[0], sees[0], seed)
                if sees
                else self._draw(width, height, words, seed)
            ),
        )
        return self._accepted(fields, data, seed, micros)

    def remove_background_v2(self, call: Call) -> Reply:
        return self._checked(call, self._remove_background_v2)

    def _remove_background_v2(self, call: Call) -> Reply:
        fields = _fields(call, {"async": _BOOLEAN, "private": _BOOLEAN})
        cut = _cut_out(_files(call, {"image": 1}, needed={"image"})["image"][0])
        if call.query.get("dry_run") == "true":
            return _price_quote("api_remove_background", 10_000, fields)
        return self._accepted(fields, [self._kept(cut, "", None)], 0, 10_000)

    def draw_v3(self, call: Call) -> Reply:
        return self._checked(call, self._draw_v3)

    def _draw_v3(self, call: Call) -> Reply:
        assert call.match is not None
        form = call.match["form"]
        rules, limits, needed = V3_FORMS[form]
        fields, files = _fields(call, rules), _files(call, limits)
        _demand(needed, fields.keys() | files.keys())
        _check_v3(call, fields, files)
        _check_mask(files)
        if "forbidden" in fields.get("prompt", ""):
            return Reply(
                status=422,
                json={"error": "Prompt or provided image failed the safety checks"},
            )
        size = fields.get("resolution")
        if form in {"inpaint", "replace-background"}:
            width, height = _opened(files["image"][0]).size
        else:
            width, height = map(int, (size or "1024x1024").split("x"))
        words = fields.get("prompt", "")
        data, _ = self._drawn(
            fields,
            lambda seed: (
                _repaint(files["image"][0], files["mask"][0], seed)
                if form == "inpaint"
                else self._draw(width, height, words, seed)
            ),
        )
        self.billed_micros += _micros(
            V3_USD[fields.get("rendering_speed", "DEFAULT")], fields
        )
        return Reply(json={"created": "2026-11-26T10:00:00Z", "data": data})

    def remove_background_v1(self, call: Call) -> Reply:
        return self._checked(call, self._remove_background_v1)

    def _remove_background_v1(self, call: Call) -> Reply:
        _fields(call, {})
        cut = _cut_out(_files(call, {"image": 1}, needed={"image"})["image"][0])
        self.billed_micros += 10_000
        told = self._kept(cut, "", None)
        return Reply(json={"created": "2026-11-26T10:00:00Z", "data": [told]})

    def upscale(self, call: Call) -> Reply:
        return self._checked(call, self._upscale)

    def _upscale(self, call: Call) -> Reply:
        source = _files(call, {"image_file": 1}, needed={"image_file"})["image_file"]
        asked = json.loads(_fields(call, {"image_request": bool})["image_request"])
        known = {"prompt", "seed", "num_images", "resemblance", "detail"}
        if not asked.keys() <= known or not all(
            1 <= asked.get(name, 50) <= 100 for name in ("resemblance", "detail")
        ):
            raise Objection(f"image_request: {asked}")
        picture = _opened(source[0])
        larger = picture.resize((picture.width * 2, picture.height * 2))
        seed = asked.get("seed", 7)
        self.billed_micros += 60_000
        told = self._kept(_png(larger), asked.get("prompt", ""), seed)
        return Reply(json={"created": "2026-11-26T10:00:00Z", "data": [told]})

    def look(self, call: Call) -> Reply:
        assert call.match is not None
        name = call.match["id"]
        work = self.works.get(name)
        if work is None:
            return Reply(status=404, json={"error": "Generation not found"})
        told = {"generation_id": name, "created": work.created}
        if work.looks_left > 0:
            work.looks_left -= 1
            return Reply(json=told | {"status": "pending"})
        if work.is_failed:
            return Reply(json=told | {"status": "failed", "failure_reason": "internal"})
        done = {"status": "completed", "response_type": "url", "data": work.data}
        return Reply(json=told | done | {"seed": work.seed} | work.extra)

    def picture(self, call: Call) -> Reply:
        assert call.match is not None
        content = self.pictures.get(call.match["name"])
        if content is None:
            return Reply(status=404, body=b"expired", mime_type="text/plain")
        return Reply(body=content, mime_type="image/png")

    # Webhooks

    def rotate_keys(self) -> None:
        """Sign with a new key from now on; the one before is gone."""
        self._signing_key = Ed25519PrivateKey.generate()
        self.key_id = secrets.token_hex(4)

    def signing_keys(self, call: Call) -> Reply:
        raw = self._signing_key.public_key().public_bytes_raw()
        x = base64.urlsafe_b64encode(raw).decode().rstrip("=")
        key = {"kty": "OKP", "crv": "Ed25519", "kid": self.key_id, "x": x}
        return Reply(json={"keys": [key]})

    def webhook(self, generation_id: str, *, ago: float = 0) -> tuple[dict, bytes]:
        """Return headers and body of what rings about a generation."""
        told = {"generation_id": generation_id, "data": []}
        body = json.dumps(told, indent=1).encode()
        sent = str(int(time.time() - ago))
        lines = [generation_id, "user-1", sent, hashlib.sha256(body).hexdigest()]
        signature = self._signing_key.sign("\n".join(lines).encode())
        headers = {
            "x-ideogram-webhook-generation-id": generation_id,
            "x-ideogram-webhook-user-id": "user-1",
            "x-ideogram-webhook-timestamp": sent,
            "x-ideogram-webhook-key-id": self.key_id,
            "x-ideogram-webhook-signature": signature.hex(),
        }
        return headers, body

    # Behind it

    def _checked(self, call: Call, answer: Callable[[Call], Reply]) -> Reply:
        try:
            return answer(call)
        except (Objection, KeyError, ValueError, AttributeError) as objection:
            self.objections.append(f"{call.path}: {objection!r}")
            return Reply(status=400, json={"error": str(objection)})

    def _accepted(
        self, fields: dict[str, str], data: list, seed: int, micros: int
    ) -> Reply:
        name = secrets.token_urlsafe(16)
        self.billed_micros += micros
        told = {"generation_id": name, "generation_kind": "sampling"}
        if fields.get("async") == "true" or "webhook_url" in fields:
            self.rings[name] = fields.get("webhook_url", "")
            self.works[name] = Work(data=data, seed=seed, looks_left=self.looks)
            return Reply(json=told)
        return Reply(json=told | {"seed": seed, "data": data})

    def _drawn(
        self, fields: dict[str, str], draw: Callable[[int], bytes]
    ) -> tuple[list[dict[str, Any]], int]:
        first = int(fields.get("seed", random.randint(0, 1_000_000)))  # noqa: S311
        prompt, told = fields.get("prompt", ""), []
        if fields.get("magic_prompt", "").lower() == "on":
            prompt += ", in soft morning light"
        for k in range(int(fields.get("num_images", 1))):
            if self.withholds > 0:
                self.withholds -= 1
                told.append({"url": None, "prompt": prompt, "is_image_safe": False})
            else:
                told.append(self._kept(draw(first + k), prompt, first + k))
        return told, first

    def _draw(self, width: int, height: int, words: str, seed: int) -> bytes:
        if self._shrinks:
            width, height = 64, 64
        return wire.picture(width, height, words=words, seed=seed)

    def _kept(self, content: bytes, prompt: str, seed: int | None) -> dict[str, Any]:
        name = secrets.token_urlsafe(12)
        self.pictures[name] = content
        width, height = Image.open(io.BytesIO(content)).size
        return {
            "url": f"{self.url}/pictures/{name}.png",
            "prompt": prompt,
            "resolution": f"{width}x{height}",
            "seed": seed,
            "is_image_safe": True,
        }


def _fields(call: Call, rules: dict[str, Callable[[str], bool]]) -> dict[str, str]:
    """Return the plain fields, each one that is allowed and fits."""
    given: dict[str, str] = {}
    for part in call.parts:
        if part.filename is not None:
            continue
        rule = rules.get(part.name)
        if rule is None:
            raise Objection(f"{part.name} is not a field of {call.path}")
        if part.name in given and part.name != "style_codes":
            raise Objection(f"{part.name} was given twice")
        if not rule(part.text):
            raise Objection(f"{part.name} may not be {part.text[:80]!r}")
        given[part.name] = part.text
    return given


def _files(
    call: Call, limits: dict[str, int], needed: Set[str] = frozenset()
) -> dict[str, list[Part]]:
    """Return the pictures, each one that is allowed and opens."""
    given: dict[str, list[Part]] = {}
    for part in call.parts:
        if part.filename is None:
            continue
        given.setdefault(part.name, []).append(part)
        if len(given[part.name]) > limits.get(part.name, 0):
            raise Objection(f"too many files named {part.name}")
        if part.mime_type not in MIME_TYPES or len(part.content) > PICTURE_BYTES:
            raise Objection(f"{part.name} is no picture that is taken")
        _opened(part)
    _demand(needed, given.keys())
    return _Files(given)


class _Files(dict):
    def __missing__(self, name: str) -> list[Part]:
        return []


def _demand(needed: Any, given: Any) -> None:
    if missing := set(needed) - set(given):
        raise Objection(f"{', '.join(sorted(missing))} is missing")


def _check_v2_size(size: str, sources: list[Part], *, is_masked: bool) -> None:
    if is_masked and (size != "auto" or not 1 <= len(sources) <= 4):
        raise Objection("a mask takes no size, and one to four images")
    if size == "source" and not sources:
        raise Objection("size source needs images")
    for each in sources:
        sides = sorted(_opened(each).size)
        if sides[1] > 6 * sides[0]:
            raise Objection("an image is too long")
    if "x" not in size:
        return
    width, height = map(int, size.split("x"))
    if not sources and size not in V2_SIZES:
        raise Objection(f"{size} is no preset")
    if sources and (
        width % 32
        or height % 32
        or min(width, height) < 256
        or width * height > 2048 * 2048
        or max(width, height) > 6 * min(width, height)
    ):
        raise Objection(f"{size} is not a size of edits")


def _v2_canvas(size: str, sources: list[Part]) -> tuple[int, int]:
    if "x" in size:
        width, height = map(int, size.split("x"))
        return width, height
    return _opened(sources[0]).size if sources else (2048, 2048)


def _check_v3(call: Call, fields: dict[str, str], files: dict[str, Any]) -> None:
    styles = files["style_reference_images"]
    if "style_codes" in fields and ("style_type" in fields or styles):
        raise Objection("style_codes go with neither style_type nor references")
    if "style_preset" in fields and ("style_codes" in fields or styles):
        raise Objection("style_preset goes with neither style_codes nor references")
    if {"aspect_ratio", "resolution"} <= fields.keys():
        raise Objection("aspect_ratio and resolution exclude each other")
    if sum(len(each.content) for each in styles) > STYLE_BYTES:
        raise Objection("style references are too large")
    if any(
        part.mime_type != "application/json"
        for part in call.parts
        if part.name == "color_palette"
    ):
        raise Objection("color_palette is JSON")


def _check_mask(files: dict[str, list[Part]]) -> None:
    for mask in files["mask"]:
        drawn = _opened(mask).convert("L")
        sources = files["images"] or files["image"]
        if not sources or drawn.size != _opened(sources[0]).size:
            raise Objection("the mask has another size than the image")
        if sorted(colour for _, colour in drawn.getcolors() or ()) != [0, 255]:
            raise Objection("the mask must be black and white, and hold both")


def _repaint(init: Part, mask: Part, seed: int) -> bytes:
    """Repaint where the mask is black."""
    white_is_repainted = ImageOps.invert(_opened(mask).convert("L"))
    return wire.repainted(init.content, white_is_repainted, seed=seed)


def _cut_out(part: Part) -> bytes:
    picture = _opened(part).convert("RGBA")
    hole = Image.new("L", picture.size, 0)
    hole.paste(255, (picture.width // 4, 0, picture.width * 3 // 4, picture.height))
    picture.putalpha(hole)
    return _png(picture)


def _words(prompt: str) -> str:
    """Return the lettering of a structured prompt, or the plain prompt."""
    try:
        written = json.loads(prompt)
    except ValueError:  # plain words may begin with a brace
        return prompt
    if not isinstance(written, dict):
        return prompt
    whole = written["compositional_deconstruction"]
    if not whole["background"]:
        raise Objection("a structured prompt without background")
    for each in whole["elements"]:
        if each["type"] not in {"obj", "text"} or not each["desc"]:
            raise Objection("an element that is none")
    return " ".join(e["text"] for e in whole["elements"] if e["type"] == "text")


def _price_quote(product: str, micros: int, fields: dict[str, str]) -> Reply:
    return Reply(
        json={
            "object": "price_quote",
            "billing_identifier": product,
            "quantity": int(fields.get("num_images", 1)),
            "usd_micros": micros,
            "credit_millis": micros // 10,
            "qualifier": "exact",
        }
    )


def _micros(usd: float, fields: dict[str, str]) -> int:
    return round(usd * 1_000_000) * int(fields.get("num_images", 1))


def _opened(part: Part) -> Image.Image:
    try:
        return Image.open(io.BytesIO(part.content))
    except OSError as error:
        raise Objection(f"{part.name} does not open: {error}") from error


def _png(picture: Image.Image) -> bytes:
    out = io.BytesIO()
    picture.save(out, "PNG")
    return out.getvalue()
