"""Stands for the FLUX API: takes work, draws it, and refuses what its pages forbid.

From the fact sheet of 2026-11-23. Fields that an endpoint does not have are refused too,
so that nothing is sent for nothing.
"""

import base64
import binascii
import hashlib
import hmac
import io
import json
import math
import threading
import time
import uuid
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from typing import Any

from PIL import Image, ImageFilter

from tests.fakes import wire
from tests.fakes.wire import FakeService, Reply

MEGAPIXEL = 1024 * 1024
RESULT_SECONDS = 600
MOST_ACTIVE = 24

Check = Callable[[Any], str | None]


def whole(least: int, most: int, *, step: int = 1) -> Check:
    def check(value: Any) -> str | None:
        if not isinstance(value, int) or isinstance(value, bool):
            return "Input should be a valid integer"
        if not least <= value <= most:
            return f"Input should be from {least} to {most}"
        return None if value % step == 0 else f"Input should be a multiple of {step}"

    return check


def number(least: float, most: float) -> Check:
    def check(value: Any) -> str | None:
        if not isinstance(value, int | float) or isinstance(value, bool):
            return "Input should be a valid number"
        return None if least <= value <= most else f"Not from {least} to {most}"

    return check


def text(value: Any) -> str | None:
    return None if isinstance(value, str) else "Input should be a valid string"


def flag(value: Any) -> str | None:
    return None if isinstance(value, bool) else "Input should be a valid boolean"


def output_format(value: Any) -> str | None:
    return None if value in {"jpeg", "png", "webp"} else "No such format"


def picture(value: Any) -> str | None:
    try:
        opened(value).load()
    except (AttributeError, binascii.Error, OSError, SyntaxError):
        return "Input should be an image in base64"
    return None


def ratio(value: Any) -> str | None:
    try:
        width, height = map(int, value.split(":"))
        quotient = width / height
    except (AttributeError, ValueError, ZeroDivisionError):
        return "Input should be a ratio such as 16:9"
    return None if 9 / 21 <= quotient <= 21 / 9 else "Not between 21:9 and 9:21"


def address(value: Any) -> str | None:
    is_one = isinstance(value, str) and value.startswith(("http://", "https://"))
    return None if is_one and len(value) <= 2083 else "Input should be a valid URL"


def auto_or(check: Check) -> Check:
    return lambda value: None if value == 0 else check(value)


def opened(value: str) -> Image.Image:
    return Image.open(io.BytesIO(base64.b64decode(value, validate=True)))


@dataclass(frozen=True, kw_only=True)
class Endpoint:
    """What one model takes and costs: the first megapixel, and each more, in credits."""

    fields: Mapping[str, Check]
    required: tuple[str, ...] = ()
    credits: float
    more: float = 0


BASE: dict[str, Check] = {
    "seed": whole(0, 2**32 - 1),
    "output_format": output_format,
    "webhook_url": address,
    "webhook_secret": text,
}


def safety(most: int) -> dict[str, Check]:
    return {"safety_tolerance": whole(0, most)}


def inputs(count: int) -> dict[str, Check]:
    names = ["input_image", *(f"input_image_{n}" for n in range(2, count + 1))]
    return dict.fromkeys(names, picture)


def flux_2(cost: float, more: float, *, images: int = 8, **extra: Check) -> Endpoint:
    side = auto_or(whole(64, 65_536, step=16))
    fields = BASE | safety(5) | inputs(images) | {"width": side, "height": side}
    return Endpoint(
        fields=fields | {"prompt": text} | extra,
        required=("prompt",),
        credits=cost,
        more=more,
    )


def flux_1(cost: float, *required: str, **extra: Check) -> Endpoint:
    fields = BASE | safety(6) | {"prompt": text, "prompt_upsampling": flag}
    return Endpoint(fields=fields | extra, required=required, credits=cost)


def sized() -> dict[str, Check]:
    return dict.fromkeys(("width", "height"), whole(256, 1440, step=32))


DRAWN = {"steps": whole(15, 50), "guidance": number(1.5, 100)}
KONTEXT = inputs(4) | {"aspect_ratio": ratio}
SIDES = dict.fromkeys(("top", "bottom", "left", "right"), whole(0, 2048))

ENDPOINTS: dict[str, Endpoint] = {
    "flux-2-max": flux_2(7, 3),
    "flux-2-pro": flux_2(3, 1.5),
    "flux-2-flex": flux_2(
        5, 5, steps=whole(1, 50), guidance=number(1.5, 10), prompt_upsampling=flag
    ),
    "flux-2-klein-9b": flux_2(1.5, 0.2, images=4),
    "flux-2-klein-4b": flux_2(1.4, 0.1, images=4),
    "flux-kontext-pro": flux_1(4, "prompt", **KONTEXT),
    "flux-kontext-max": flux_1(8, "prompt", **KONTEXT),
    "flux-pro-1.1": flux_1(4, image_prompt=picture, **sized()),
    "flux-pro-1.1-ultra": flux_1(
        6,
        image_prompt=picture,
        image_prompt_strength=number(0, 1),
        aspect_ratio=ratio,
        raw=flag,
    ),
    "flux-dev": flux_1(
        2.5,
        image_prompt=picture,
        steps=whole(1, 50),
        guidance=number(1.5, 5),
        **sized(),
    ),
    "flux-pro-1.0-fill": flux_1(5, "image", image=picture, mask=picture, **DRAWN),
    "flux-pro-1.0-expand": flux_1(5, "image", image=picture, **SIDES, **DRAWN),
    # (?) its price; seed, safety and format are of a client generated in 2026-09.
    "flux-tools/erase-v1": Endpoint(
        fields=BASE
        | safety(5)
        | {"image": picture, "mask": picture, "dilate_pixels": whole(0, 25)},
        required=("image", "mask"),
        credits=3,
    ),
}

# The pixels of Kontext and, doubled, of Ultra (?, 2026-11-26): a reseller's.
RATIO_SIZES = {
    "1:1": (1024, 1024),
    "4:3": (1184, 880),
    "3:2": (1248, 832),
    "16:9": (1392, 752),
    "21:9": (1568, 672),
}
ULTRA_SIZES = {"4:3": (2368, 1792), "16:9": (2752, 1536)}


@dataclass(kw_only=True)
class Task:
    """One piece of accepted work."""

    model: str
    body: Mapping[str, Any]
    polls_left: int
    ends_as: str = "Ready"
    is_over: bool = False
    id: str = field(default_factory=lambda: str(uuid.uuid4()))

    @property
    def seed(self) -> int:
        told = self.body.get("seed")
        drawn = int.from_bytes(hashlib.sha256(self.id.encode()).digest()[:4])
        return drawn if told is None else int(told)


class FakeBlackForestLabs(FakeService):
    """The API on loopback. Prompts with "forbidden" or "withheld" are moderated.

    ``polls`` is how often work is pending before it ends, ``credits`` the balance.
    ``next_end`` is how the next work ends; ``poll_url`` stands in for the next polling
    URL, ``result`` for the result of work that is ready, ``content`` for its picture.
    """

    KEY = "bfl-test-key-7f3a9c"
    routes = (
        ("POST", r"/v1/(?P<model>flux-.+)", "submit"),
        ("GET", "/v1/get_result", "get_result"),
        ("GET", "/v1/credits", "get_credits"),
        ("GET", r"/pictures/(?P<token>[\w-]+)/sample\.\w+", "get_picture"),
    )

    def __init__(self) -> None:
        super().__init__()
        self.tasks: dict[str, Task] = {}
        self.issued: dict[str, tuple[Task, float]] = {}
        self.polls = 1
        self.credits = 1234.5
        self.next_end = ""
        self.poll_url = ""
        self.result: Any = None
        self.content: bytes | None = None
        self._tasks_lock = threading.Lock()

    def key_of(self, call: wire.Call) -> str | None:
        return call.headers.get("x-key")

    def wrong_key(self) -> Reply:
        return Reply(status=403, json={"detail": "Not authenticated"})

    # Routes

    def submit(self, call: wire.Call) -> Reply:
        """Take work, and say what it costs."""
        assert call.match is not None
        endpoint = ENDPOINTS.get(call.match["model"])
        if endpoint is None:
            return Reply(status=404, json={"detail": "Not Found"})
        faults = faults_of(endpoint, call.json)
        if faults:
            return Reply(status=422, json={"detail": faults})
        with self._tasks_lock:
            return self._take_in(call.match["model"], endpoint, call.json)

    def get_result(self, call: wire.Call) -> Reply:
        """Tell how work is doing."""
        with self._tasks_lock:
            task = self.tasks.get(call.query.get("id", ""))
            if task is None:
                return Reply(json=told(call.query.get("id", ""), "Task not found"))
            if task.polls_left > 0:
                task.polls_left -= 1
                progress = 1 / (task.polls_left + 2)
                return Reply(json=told(task.id, "Pending", progress=progress))
            task.is_over = True
            if task.ends_as != "Ready":
                details = {"Moderation Reasons": ["Derivative Works Filter"]}
                return Reply(json=told(task.id, task.ends_as, details=details))
            return Reply(json=told(task.id, "Ready", result=self._result_of(task)))

    def get_credits(self, call: wire.Call) -> Reply:
        """Tell the balance."""
        return Reply(json={"credits": self.credits})

    def get_picture(self, call: wire.Call) -> Reply:
        """Deliver a picture while its URL holds."""
        assert call.match is not None
        task, until = self.issued.get(call.match["token"], (None, 0.0))
        if task is None or time.monotonic() > until:
            page = b"<Error><Code>AuthenticationFailed</Code></Error>"
            return Reply(status=403, body=page, mime_type="application/xml")
        content = drawn(task) if self.content is None else self.content
        return Reply(body=content, mime_type="image/png")

    # Switches

    def ring_of(self, task_id: str) -> tuple[dict[str, str], bytes]:
        """Return the headers and the body of the webhook call about some work."""
        secret = self.tasks[task_id].body["webhook_secret"]
        body = json.dumps({"id": task_id, "status": "Ready"}).encode()
        digest = hmac.new(secret.encode(), body, hashlib.sha256).hexdigest()
        return {"x-bfl-signature": f"sha256={digest}"}, body

    def _take_in(
        self, model: str, endpoint: Endpoint, body: Mapping[str, Any]
    ) -> Reply:
        if sum(not task.is_over for task in self.tasks.values()) >= MOST_ACTIVE:
            return Reply(status=429, json={"detail": "Too many active tasks"})
        taken, given = pixels_in(body), math.prod(size_of(model, body))
        # (?) each picture is rounded up for itself.
        extra = sum(math.ceil(pixels / MEGAPIXEL) for pixels in (*taken, given)) - 1
        cost = round(endpoint.credits + endpoint.more * extra, 4)
        if cost > self.credits:
            return Reply(status=402, json={"detail": "Insufficient credits"})
        self.credits -= cost
        task = Task(model=model, body=body, polls_left=self.polls)
        task.ends_as = self.next_end or moderation_of(body) or "Ready"
        self.next_end = ""
        self.tasks[task.id] = task
        sizes = {
            "cost": cost,
            "input_mp": round(sum(taken) / MEGAPIXEL, 2),
            "output_mp": round(given / MEGAPIXEL, 2),
        }
        if url := body.get("webhook_url"):
            answer = {"id": task.id, "status": "Pending", "webhook_url": url}
        else:
            url = self.poll_url or f"{self.url}/v1/get_result?id={task.id}"
            answer = {"id": task.id, "polling_url": url}
        return Reply(json=answer | sizes)

    def _result_of(self, task: Task) -> Any:
        if self.result is not None:
            return self.result
        token = uuid.uuid4().hex
        self.issued[token] = (task, time.monotonic() + RESULT_SECONDS)
        kind = task.body.get("output_format", "jpeg")
        return {
            "sample": f"{self.url}/pictures/{token}/sample.{kind}?sig=abc",
            "prompt": task.body.get("prompt", ""),
            "seed": task.seed,
        }


def told(task_id: str, status: str, **more: Any) -> dict[str, Any]:
    """Return what a poll answers."""
    empty = {"result": None, "progress": None, "details": None, "preview": None}
    return {"id": task_id, "status": status} | empty | more


def moderation_of(body: Mapping[str, Any]) -> str:
    words = body.get("prompt", "")
    if "forbidden" in words:
        return "Request Moderated"
    return "Content Moderated" if "withheld" in words else ""


def faults_of(endpoint: Endpoint, body: Any) -> list[dict[str, Any]]:
    """Return what is wrong with a body, as the service says it."""
    if not isinstance(body, dict):
        return [fault("", "Input should be an object")]
    faults = [fault(n, "Field required") for n in endpoint.required if n not in body]
    for name, value in body.items():
        check = endpoint.fields.get(name)
        words = "Extra inputs are not permitted" if check is None else check(value)
        faults += [fault(name, words)] if words else []
    return faults or together(body)


def together(body: Mapping[str, Any]) -> list[dict[str, Any]]:
    """Return what is wrong with fields that fit one by one."""
    faults = []
    if body.get("width", 0) * body.get("height", 0) > 4 * MEGAPIXEL:
        faults.append(fault("width", "At most 4 megapixels"))
    if "mask" in body and opened(body["mask"]).size != opened(body["image"]).size:
        faults.append(fault("mask", "Mask and image should be of one size"))
    if "webhook_secret" in body and "webhook_url" not in body:
        faults.append(fault("webhook_secret", "A secret without a URL"))
    return faults


def fault(name: str, words: str) -> dict[str, Any]:
    return {"loc": ["body", name], "msg": words, "type": "value_error"}


def pixels_in(body: Mapping[str, Any]) -> list[int]:
    pictures = [v for name, v in body.items() if name.startswith("input_image")]
    return [math.prod(opened(each).size) for each in pictures]


def size_of(model: str, body: Mapping[str, Any]) -> tuple[int, int]:
    """Return the size of what will be drawn."""
    if "image" in body:
        width, height = opened(body["image"]).size
        return (
            width + body.get("left", 0) + body.get("right", 0),
            height + body.get("top", 0) + body.get("bottom", 0),
        )
    if body.get("width") and body.get("height"):
        return body["width"], body["height"]
    if "aspect_ratio" in body:
        return ratio_size(model, body["aspect_ratio"])
    if "input_image" in body:
        return near(opened(body["input_image"]).size)
    return 1024, 1024


def ratio_size(model: str, name: str) -> tuple[int, int]:
    width, height = map(int, name.split(":"))
    wide = f"{max(width, height)}:{min(width, height)}"
    long, short = RATIO_SIZES.get(wide, (1024, 1024))
    if model == "flux-pro-1.1-ultra":
        long, short = ULTRA_SIZES.get(wide, (2 * long, 2 * short))
    return (long, short) if width >= height else (short, long)


def near(size: tuple[int, int]) -> tuple[int, int]:
    """Return a size like another one, in steps of 16, of at most 4 megapixels."""
    factor = min(1.0, math.sqrt(4 * MEGAPIXEL / math.prod(size)))
    width, height = (max(64, int(side * factor) // 16 * 16) for side in size)
    return width, height


def drawn(task: Task) -> bytes:
    """Draw what some work asks for."""
    body = task.body
    kind = body.get("output_format", "jpeg").upper()
    if "mask" in body:
        mask = opened(body["mask"]).convert("L")
        grown = 2 * body.get("dilate_pixels", 0) + 1
        mask = mask.filter(ImageFilter.MaxFilter(grown)) if grown > 1 else mask
        init = base64.b64decode(body["image"])
        return converted(wire.repainted(init, mask, seed=task.seed), kind)
    width, height = size_of(task.model, body)
    words = body.get("prompt", "")
    content = wire.picture(width, height, words=words, seed=task.seed)
    canvas: Image.Image = Image.open(io.BytesIO(content))
    if "image" in body:
        corner = (body.get("left", 0), body.get("top", 0))
        canvas.paste(opened(body["image"]).convert("RGB"), corner)
    elif given := body.get("input_image") or body.get("image_prompt"):
        under = opened(given).convert("RGB").resize(canvas.size)
        canvas = Image.blend(under, canvas, 0.4)
    out = io.BytesIO()
    canvas.save(out, kind)
    return out.getvalue()


def converted(content: bytes, kind: str) -> bytes:
    out = io.BytesIO()
    Image.open(io.BytesIO(content)).save(out, kind)
    return out.getvalue()
