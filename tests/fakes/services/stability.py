"""Stands for Stability AI's v2beta Stable Image services: strict, and it remembers.

``refused`` lists what it found wrong in forms; while ``is_quick`` all pictures are the
same small one. Words steer it: ``!refuse`` in a prompt
is refused with 403, ``!filter`` is drawn and withheld.
"""

import base64
import io
import random
import uuid
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any

from PIL import Image

from tests.fakes import wire
from tests.fakes.wire import Call, FakeService, Part, Reply

MOST_BODY_BYTES = 10 * 1024 * 1024
ACCEPTABLE = {"application/json", "image/*", "*/*"}
MOST_PIXELS = 3072 * 3072
MOST_PIXELS_WITHOUT_BACKGROUND = 2048 * 2048
LARGEST_SEED = 4_294_967_294

SIZES = {
    "21:9": (1536, 640),
    "16:9": (1344, 768),
    "3:2": (1216, 832),
    "5:4": (1088, 896),
    "1:1": (1024, 1024),
    "4:5": (896, 1088),
    "2:3": (832, 1216),
    "9:16": (768, 1344),
    "9:21": (640, 1536),
}
STYLES = [
    "3d-model",
    "analog-film",
    "anime",
    "cinematic",
    "comic-book",
    "digital-art",
    "enhance",
    "fantasy-art",
    "isometric",
    "line-art",
    "low-poly",
    "modeling-compound",
    "neon-punk",
    "origami",
    "photographic",
    "pixel-art",
    "tile-texture",
]

Check = Callable[[str], bool]


def words(text: str) -> bool:
    return 0 < len(text) <= 10_000


def whole(least: int, most: int) -> Check:
    return lambda text: text.isdecimal() and least <= int(text) <= most


def number(least: float, most: float) -> Check:
    def check(text: str) -> bool:
        try:
            return least <= float(text) <= most
        except ValueError:
            return False

    return check


def among(*values: str) -> Check:
    return lambda text: text in values


@dataclass(frozen=True, kw_only=True)
class Service:
    """What one path takes, and its price in credits. ``needs`` are names of parts."""

    credits: float
    fields: Mapping[str, Check] = field(default_factory=dict)
    files: tuple[str, ...] = ()
    needs: tuple[str, ...] = ()
    formats: tuple[str, ...] = ("png", "jpeg", "webp")
    most_pixels: int = MOST_PIXELS
    is_asynchronous: bool = False


_SEED = {"seed": whole(0, LARGEST_SEED)}
_WORDS = {"prompt": words, "negative_prompt": words, **_SEED}
_STYLE = {"style_preset": among(*STYLES)}
_RATIO = {"aspect_ratio": among(*SIZES)}
_STRENGTH = {"strength": number(0, 1)}
_SIDES = {side: whole(0, 2000) for side in ("left", "right", "up", "down")}
_CONTROL = {**_WORDS, "control_strength": number(0, 1)}

CREDITS_OF_SD3 = {
    "sd3.5-large": 6.5,
    "sd3.5-large-turbo": 4,
    "sd3.5-medium": 3.5,
    "sd3.5-flash": 2.5,
}

SERVICES = {
    "generate/ultra": Service(
        credits=8,
        fields={**_WORDS, **_RATIO, **_STYLE, **_STRENGTH},
        files=("image",),
        needs=("prompt",),
    ),
    "generate/core": Service(
        credits=3, fields={**_WORDS, **_RATIO, **_STYLE}, needs=("prompt",)
    ),
    "generate/sd3": Service(
        credits=0,  # by its model
        fields={
            **_WORDS,
            **_RATIO,
            **_STYLE,
            **_STRENGTH,
            "model": among(*CREDITS_OF_SD3),
            "mode": among("text-to-image", "image-to-image"),
            "cfg_scale": number(1, 10),
        },
        files=("image",),
        needs=("prompt",),
    ),
    "edit/erase": Service(
        credits=5,
        fields={**_SEED, "grow_mask": whole(0, 20)},
        files=("image", "mask"),
        needs=("image",),
    ),
    "edit/inpaint": Service(
        credits=5,
        fields={**_WORDS, **_STYLE, "grow_mask": whole(0, 100)},
        files=("image", "mask"),
        needs=("image", "prompt"),
    ),
    "edit/outpaint": Service(
        credits=4,
        fields={"prompt": words, **_SEED, **_SIDES, "creativity": number(0, 1)},
        files=("image",),
        needs=("image",),
    ),
    "edit/search-and-replace": Service(
        credits=5,
        fields={**_WORDS, "search_prompt": words, "grow_mask": whole(0, 20)},
        files=("image",),
        needs=("image", "prompt", "search_prompt"),
    ),
    "edit/search-and-recolor": Service(
        credits=5,
        fields={**_WORDS, "select_prompt": words, "grow_mask": whole(0, 20)},
        files=("image",),
        needs=("image", "prompt", "select_prompt"),
    ),
    "edit/remove-background": Service(
        credits=5,
        files=("image",),
        needs=("image",),
        formats=("png", "webp"),
        most_pixels=MOST_PIXELS_WITHOUT_BACKGROUND,
    ),
    "edit/replace-background-and-relight": Service(
        credits=8,
        fields={
            "background_prompt": words,
            "foreground_prompt": words,
            "negative_prompt": words,
            **_SEED,
            "preserve_original_subject": number(0, 1),
            "light_source_direction": among("above", "below", "right"),
        },
        files=("subject_image", "background_reference"),
        needs=("subject_image",),
        is_asynchronous=True,
    ),
    "upscale/fast": Service(credits=2, files=("image",), needs=("image",)),
    "upscale/conservative": Service(
        credits=40,
        fields={**_WORDS, "creativity": number(0.2, 0.5)},
        files=("image",),
        needs=("image", "prompt"),
    ),
    "upscale/creative": Service(
        credits=60,
        fields={**_WORDS, "creativity": number(0.1, 0.5)},
        files=("image",),
        needs=("image", "prompt"),
        is_asynchronous=True,
    ),
    "control/sketch": Service(
        credits=5, fields=_CONTROL, files=("image",), needs=("image", "prompt")
    ),
    "control/structure": Service(
        credits=5, fields=_CONTROL, files=("image",), needs=("image", "prompt")
    ),
    "control/style": Service(
        credits=5,
        fields={**_WORDS, **_RATIO, "fidelity": number(0, 1)},
        files=("image",),
        needs=("image", "prompt"),
    ),
    "control/style-transfer": Service(
        credits=8,
        fields={
            **_WORDS,
            "style_strength": number(0, 1),
            "composition_fidelity": number(0, 1),
            "change_strength": number(0.1, 1),
        },
        files=("init_image", "style_image"),
        needs=("init_image", "style_image"),
    ),
}


@dataclass(kw_only=True)
class Work:
    """A picture that was accepted, and how often it is still said to be in progress."""

    said: Mapping[str, Any]
    polls_left: int


class FakeStability(FakeService):
    """All paths under ``/v2beta/stable-image``, their results, and the balance."""

    routes = (
        ("POST", r"/v2beta/stable-image/(?P<path>[\w/-]+)", "draw"),
        ("GET", r"/v2beta/results/(?P<name>[^/]+)", "result"),
        ("GET", r"/v1/user/balance", "balance"),
    )

    def __init__(self) -> None:
        super().__init__()
        self.credits = 100_000.0
        self.refused: list[str] = []
        self.polls_until_done = 2
        self.is_quick = False
        self.result_key = "result"
        self._work: dict[str, Work] = {}

    def wrong_key(self) -> Reply:
        return told(401, "unauthorized", "authorization: invalid or missing key")

    def draw(self, call: Call) -> Reply:
        assert call.match is not None
        path = call.match["path"]
        if path not in SERVICES:
            return told(404, "not_found", "no such service")
        refusal = _wrong_call(call)
        if refusal is None:
            parts = call.parts  # parsed once: a body may have 10 MiB
            found = _wrong_parts(path, parts)
            refusal = told(400, "bad_request", *found) if found else None
        if refusal is not None:
            self.refused.append(refusal.content().decode())
            return refusal
        form = Form.of(path, parts)
        if "!refuse" in form.prompt:
            return told(403, "content_moderation", "Your request was flagged.")
        if form.price > self.credits:
            return told(402, "payment_required", "You lack sufficient credits.")
        self.credits -= form.price
        return self._answer(form)

    def _answer(self, form: "Form") -> Reply:
        request_id = uuid.uuid4().hex
        drawn = wire.picture(64, 64) if self.is_quick else _drawn(form)
        picture = base64.b64encode(drawn).decode()
        reason = "CONTENT_FILTERED" if "!filter" in form.prompt else "SUCCESS"
        said = {"seed": form.seed, "finish_reason": reason}
        if not SERVICES[form.path].is_asynchronous:
            answered = {"image": picture, **said}
            return Reply(json=answered, headers={"x-request-id": request_id})
        self._work[request_id] = Work(
            said={self.result_key: picture, **said}, polls_left=self.polls_until_done
        )
        return Reply(json={"id": request_id})

    def result(self, call: Call) -> Reply:
        assert call.match is not None
        work = self._work.get(call.match["name"])
        if work is None:
            return told(404, "not_found", "id: unknown or expired")
        if work.polls_left:
            work.polls_left -= 1
            said = {"id": call.match["name"], "status": "in-progress"}
            return Reply(status=202, json=said)
        return Reply(json=work.said)

    def balance(self, call: Call) -> Reply:
        return Reply(json={"credits": self.credits})

    def forget(self, name: str) -> None:
        """Throw a result away, as happens after 24 hours."""
        del self._work[name]


def told(status: int, name: str, *errors: str) -> Reply:
    """Return an error as the service words it."""
    said = {"id": uuid.uuid4().hex, "name": name, "errors": list(errors)}
    return Reply(status=status, json=said)


def _wrong_call(call: Call) -> Reply | None:
    if len(call.body) > MOST_BODY_BYTES:
        return told(413, "payload_too_large", "body: more than 10 MiB")
    if not call.headers["content-type"].startswith("multipart/form-data"):
        return told(400, "bad_request", "content-type: must be multipart/form-data")
    if call.headers.get("accept") not in ACCEPTABLE:
        return told(400, "bad_request", "accept: application/json or image/*")
    return None


def _wrong_parts(path: str, parts: Sequence[Part]) -> list[str]:
    service = SERVICES[path]
    allowed = {**service.fields, "output_format": among(*service.formats)}
    given = [part.name for part in parts]
    found = [f"{name}: is required" for name in service.needs if name not in given]
    found += [f"{name}: twice" for name in set(given) if given.count(name) > 1]
    for part in parts:
        if part.filename is not None:
            is_known = part.name in service.files
            problem = _wrong_picture(part, service.most_pixels) if is_known else "file"
            found += [f"{part.name}: {problem}"] if problem else []
        elif part.name not in allowed:
            found.append(f"{part.name}: is not known here")
        elif not allowed[part.name](part.text):
            found.append(f"{part.name}: {part.text[:40]!r} is not allowed")
    return found or _wrong_together(Form.of(path, parts))


def _wrong_picture(part: Part, most_pixels: int) -> str:
    try:
        picture = Image.open(io.BytesIO(part.content), formats=["PNG", "JPEG", "WEBP"])
        picture.load()
    except OSError:
        return "is no picture"
    if Image.MIME[picture.format or ""] != part.mime_type:
        return f"is not {part.mime_type}"
    if min(picture.size) < 64:
        return "needs 64 pixels a side"
    return "has too many pixels" if picture.width * picture.height > most_pixels else ""


def _wrong_together(form: "Form") -> list[str]:
    """Return what is wrong in parts that are right by themselves."""
    found = []
    has_image = "image" in form.files
    if form.path in {"generate/ultra", "generate/sd3"}:
        if has_image != ("strength" in form.fields):
            found.append("strength: goes with an image")
        if has_image and "aspect_ratio" in form.fields:
            found.append("aspect_ratio: not with an image")
    if form.path == "generate/sd3":
        mode = form.fields.get("mode", "text-to-image")
        if has_image != (mode == "image-to-image"):
            found.append("mode: does not fit the image")
    if form.path == "edit/outpaint" and not any(form.sides):
        found.append("left, right, up, down: one must be above 0")
    if form.path == "edit/replace-background-and-relight" and not (
        form.prompt or "background_reference" in form.files
    ):
        found.append("background_prompt: or background_reference is required")
    return found


@dataclass(frozen=True, kw_only=True)
class Form:
    """What was sent to one path. ``seed`` is the one that is used."""

    path: str
    fields: Mapping[str, str]
    files: Mapping[str, bytes]
    seed: int

    @classmethod
    def of(cls, path: str, parts: Sequence[Part]) -> "Form":
        fields = {part.name: part.text for part in parts if part.filename is None}
        files = {part.name: part.content for part in parts if part.filename is not None}
        drawn = random.randrange(1, LARGEST_SEED + 1)  # noqa: S311 (a picture's)
        seed = int(fields.get("seed", "0")) or drawn
        return cls(path=path, fields=fields, files=files, seed=seed)

    @property
    def prompt(self) -> str:
        return self.fields.get("prompt") or self.fields.get("background_prompt", "")

    @property
    def sides(self) -> list[int]:
        return [int(self.fields.get(side, "0")) for side in _SIDES]

    @property
    def price(self) -> float:
        of_path = SERVICES[self.path].credits
        return CREDITS_OF_SD3.get(self.fields.get("model", ""), of_path)

    @property
    def source(self) -> bytes | None:
        """Return the picture that is worked on; a guide of style is none."""
        if self.path == "control/style":
            return None
        names = ("image", "subject_image", "init_image")
        return next((self.files[name] for name in names if name in self.files), None)


def _drawn(form: Form) -> bytes:
    source = form.source
    if source is None:
        width, height = SIZES[form.fields.get("aspect_ratio", "1:1")]
        return wire.picture(width, height, words=form.prompt, seed=form.seed)
    before = Image.open(io.BytesIO(source)).convert("RGB")
    if "mask" in form.files:
        mask = Image.open(io.BytesIO(form.files["mask"]))
        return wire.repainted(source, mask, seed=form.seed)
    if form.path.startswith("upscale/"):
        return _png(before.resize((2 * before.width, 2 * before.height)))
    if form.path == "edit/remove-background":
        return _cut_out(before)
    left, right, up, down = form.sides
    size = (before.width + left + right, before.height + up + down)
    new = wire.picture(*size, words=form.prompt, seed=form.seed)
    after = Image.open(io.BytesIO(new))
    share = 1.0 if form.path == "edit/outpaint" else 0.5
    seen = Image.blend(
        after.crop((left, up, *_corner(before, left, up))), before, share
    )
    after.paste(seen, (left, up))
    return _png(after)


def _corner(before: Image.Image, left: int, up: int) -> tuple[int, int]:
    return left + before.width, up + before.height


def _cut_out(before: Image.Image) -> bytes:
    """Return a picture whose edges are transparent."""
    edge = min(before.size) // 8
    alpha = Image.new("L", before.size, 0)
    alpha.paste(255, (edge, edge, before.width - edge, before.height - edge))
    before.putalpha(alpha)
    return _png(before)


def _png(drawn: Image.Image) -> bytes:
    out = io.BytesIO()
    drawn.save(out, "PNG")
    return out.getvalue()
