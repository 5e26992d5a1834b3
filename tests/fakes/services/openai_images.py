"""Stands for OpenAI's images API (sheet of 2026-11-23), and refuses what that forbids."""

import base64
import io
import itertools
import re
import time
from collections.abc import Iterator
from dataclasses import dataclass
from typing import Any

from PIL import Image, ImageOps

from tests.fakes import wire
from tests.fakes.wire import Call, FakeService, Part, Reply

FORBIDDEN = "forbidden"
"""A word of the prompt that its moderation blocks."""

_LEVELS = ("low", "medium", "high")
_FINE_LEVELS = (*_LEVELS, "xhigh", "max")
_SIZES = {"auto", "1024x1024", "1536x1024", "1024x1536"}

_COMMON = {
    "model": str,
    "prompt": str,
    "n": int,
    "size": str,
    "quality": str,
    "background": str,
    "output_format": str,
    "output_compression": int,
    "moderation": str,
    "stream": bool,
    "partial_images": int,
    "complexity": str,
    "safety_identifier": str,
    "user": str,
}
_TOKENS = {"low": 200, "medium": 433, "high": 1767, "xhigh": 3133, "max": 7033}
"""Of a picture of 1024x1024 of the 2.5 generation, from its price."""


@dataclass(frozen=True, kw_only=True)
class Model:
    """What one model takes."""

    qualities: tuple[str, ...] = _LEVELS
    any_size: bool = False
    transparent: bool = False
    complexity: bool = False


_FINE = Model(qualities=_FINE_LEVELS, any_size=True, transparent=True)
_NEWEST = Model(qualities=_FINE_LEVELS, any_size=True, complexity=True)
MODELS = {
    "gpt-image-2.6-flare": _NEWEST,
    "gpt-image-2.6-sunburst": _NEWEST,
    "gpt-image-2.5-flare": _FINE,
    "gpt-image-2.5-sunburst": _FINE,
    "gpt-image-2": Model(any_size=True),
    "gpt-image-1.5": Model(),
    "gpt-image-1-mini": Model(),
    "chatgpt-image-latest": Model(),
}


class Refused(Exception):
    """A call that is answered with an error in the service's own form."""

    def __init__(self, message: str, *, param: str | None = None, **other: Any) -> None:
        super().__init__(message)
        self.status = other.get("status", 400)
        self.told = {
            "error": {
                "message": message,
                "type": other.get("type", "invalid_request_error"),
                "param": param,
                "code": other.get("code", "invalid_value"),
            }
        }


class FakeOpenAI(FakeService):
    """Draws at once. ``refusals`` are the parameters it found wrong."""

    KEY = "sk-test-openai-7f3a9c"
    routes = (
        ("GET", "/v1/models", "models"),
        ("POST", "/v1/images/generations", "generate"),
        ("POST", "/v1/images/edits", "edit"),
    )

    def __init__(self) -> None:
        super().__init__()
        self.live = dict(MODELS)
        self.refusals: list[str | None] = []
        self._numbers = itertools.count(1)

    def wrong_key(self) -> Reply:
        refused = Refused("Incorrect API key provided.", code="invalid_api_key")
        return Reply(status=401, json=refused.told)

    def models(self, call: Call) -> Reply:
        names = ["gpt-5.4", "text-embedding-4", *self.live]
        entries = [{"id": each, "object": "model"} for each in names]
        return Reply(json={"object": "list", "data": entries})

    def generate(self, call: Call) -> Reply:
        return self._answered(call.json, [], None)

    def edit(self, call: Call) -> Reply:
        pictures = call.files("image") + call.files("image[]")
        mask = next(iter(call.files("mask")), None)
        return self._answered(_typed(call.fields()), pictures, mask, is_edit=True)

    def _answered(
        self,
        asked: dict[str, Any],
        pictures: list[Part],
        mask: Part | None,
        *,
        is_edit: bool = False,
    ) -> Reply:
        try:
            self._check(asked)
            given = _checked_pictures(pictures) if is_edit else []
            marked = None if mask is None else _checked_mask(mask, given[0])
        except Refused as refused:
            self.refusals.append(refused.told["error"]["param"])
            return Reply(status=refused.status, json=refused.told)
        drawn = [
            self.draw(asked, number, given, marked)
            for number in range(asked.get("n", 1))
        ]
        kind = "image_edit" if is_edit else "image_generation"
        usage = _usage(asked, num_pictures=len(given))
        if asked.get("stream"):
            return Reply(events=_events(kind, asked, drawn, usage))
        told = _facts(asked) | {
            "created": int(time.time()),
            "data": [{"b64_json": _base64(each)} for each in drawn],
            "usage": usage,
        }
        return Reply(json=told, headers={"x-request-id": f"req_{next(self._numbers)}"})

    def draw(
        self,
        asked: dict[str, Any],
        number: int,
        given: list[Image.Image],
        mask: Image.Image | None,
    ) -> bytes:
        """Return a picture: new, like the first one given, or repainted."""
        size = asked.get("size", "auto")
        width, height = map(int, (size if size != "auto" else "1024x1024").split("x"))
        drawn = wire.picture(width, height, words=asked["prompt"], seed=number)
        if not given:
            return drawn
        first = ImageOps.fit(given[0].convert("RGB"), (width, height))
        if mask is not None:
            return wire.repainted(_png(first), mask, seed=number)
        return _png(Image.blend(first, _opened(drawn).convert("RGB"), 0.4))

    def _check(self, asked: dict[str, Any]) -> None:
        for name, value in asked.items():
            if name not in _COMMON:
                raise Refused(
                    f"Unknown parameter: '{name}'.",
                    param=name,
                    code="unknown_parameter",
                )
            if type(value) is not _COMMON[name]:
                raise Refused(f"Invalid type for '{name}'.", param=name)
        model = self.live.get(asked.get("model", ""))
        if model is None:
            raise Refused(
                f"The model '{asked.get('model')}' does not exist.",
                param="model",
                status=404,
                code="model_not_found",
            )
        wrong = [name for name, is_right in _rules(asked, model) if not is_right]
        if wrong:
            raise Refused(f"Invalid value: '{wrong[0]}'.", param=wrong[0])
        if FORBIDDEN in asked["prompt"]:
            raise Refused(
                "Your request was rejected by the safety system. "
                "safety_violations=[violence].",
                type="image_generation_user_error",
                code="moderation_blocked",
            )


def _rules(asked: dict[str, Any], model: Model) -> Iterator[tuple[str, bool]]:
    get = asked.get
    yield "prompt", 0 < len(get("prompt", "")) <= 32_000
    yield "n", 1 <= get("n", 1) <= 10
    yield "size", _fits(get("size", "auto"), model)
    yield "quality", get("quality", "auto") in {"auto", *model.qualities}
    backgrounds = {"auto", "opaque"} | ({"transparent"} if model.transparent else set())
    yield "background", get("background", "auto") in backgrounds
    yield "moderation", get("moderation", "auto") in {"auto", "low"}
    yield "output_format", get("output_format", "png") in {"png", "jpeg", "webp"}
    yield "output_compression", "output_compression" not in asked
    takes = set(_LEVELS) if model.complexity else set()
    yield "complexity", "complexity" not in asked or asked["complexity"] in takes
    partials = get("partial_images", 0)
    yield "partial_images", 0 <= partials <= (3 if get("stream") else 0)
    yield "safety_identifier", 0 < len(get("safety_identifier", "x")) <= 64
    yield "user", "user" not in asked


def _fits(size: str, model: Model) -> bool:
    if size in _SIZES or not model.any_size:
        return size in _SIZES
    found = re.fullmatch(r"(\d+)x(\d+)", size)
    if found is None:
        return False
    width, height = int(found[1]), int(found[2])
    return (
        width % 16 == height % 16 == 0
        and 0 < width <= 3 * height
        and 0 < height <= 3 * width
        and width <= 3840
        and height <= 2160
    )


def _typed(fields: dict[str, str]) -> dict[str, Any]:
    """Read a multipart form's texts as the types they stand for."""
    typed: dict[str, Any] = {}
    for name, text in fields.items():
        kind = _COMMON.get(name, str)
        if kind is int and text.isdecimal():
            typed[name] = int(text)
        elif kind is bool and text in {"true", "false"}:
            typed[name] = text == "true"
        else:
            typed[name] = text
    return typed


def _checked_pictures(pictures: list[Part]) -> list[Image.Image]:
    if not 1 <= len(pictures) <= 16:
        raise Refused("Between 1 and 16 images are needed.", param="image")
    for each in pictures:
        if each.mime_type not in {"image/png", "image/jpeg", "image/webp"}:
            raise Refused(f"Unsupported file: {each.mime_type}.", param="image")
        if len(each.content) >= 50_000_000:
            raise Refused("The image is too large.", param="image")
    if len(pictures) > 1 and any(each.name != "image[]" for each in pictures):
        raise Refused("Duplicate parameter: 'image'.", param="image")
    return [_opened(each.content) for each in pictures]


def _checked_mask(mask: Part, first: Image.Image) -> Image.Image:
    """Return the mask with white where it is transparent, which is what is edited."""
    if mask.mime_type != "image/png" or len(mask.content) >= 4_000_000:
        raise Refused("The mask must be a PNG of less than 4 MB.", param="mask")
    picture = _opened(mask.content)
    if picture.format != "PNG" or "A" not in picture.getbands():
        raise Refused("The mask must be a PNG with an alpha channel.", param="mask")
    if picture.size != first.size:
        raise Refused("The mask must be of the image's size.", param="mask")
    return ImageOps.invert(picture.getchannel("A"))


def _opened(content: bytes) -> Image.Image:
    try:
        picture = Image.open(io.BytesIO(content), formats=["PNG", "JPEG", "WEBP"])
        picture.load()
    except (OSError, ValueError) as error:
        raise Refused("Invalid image file.", param="image") from error
    return picture


def _facts(asked: dict[str, Any]) -> dict[str, Any]:
    return {
        "size": asked.get("size", "1024x1024"),
        "quality": asked.get("quality", "medium"),
        "background": asked.get("background", "opaque"),
        "output_format": "png",
    }


def _usage(asked: dict[str, Any], *, num_pictures: int) -> dict[str, Any]:
    text, image = len(asked["prompt"]) // 4 + 1, 300 * num_pictures
    size = asked.get("size", "auto")
    width, height = map(int, (size if size != "auto" else "1024x1024").split("x"))
    tokens = _TOKENS.get(asked.get("quality", "medium"), _TOKENS["medium"])
    out = round(tokens * width * height / 1024**2) * asked.get("n", 1)
    return {
        "input_tokens": text + image,
        "input_tokens_details": {"text_tokens": text, "image_tokens": image},
        "output_tokens": out,
        "output_tokens_details": {"text_tokens": 0, "image_tokens": out},
        "total_tokens": text + image + out,
    }


def _events(
    kind: str, asked: dict[str, Any], drawn: list[bytes], usage: dict[str, Any]
) -> list[tuple[str, Any]]:
    """Return the events of a stream: the picture from coarse to fine, then whole."""
    events: list[tuple[str, Any]] = []
    for index in range(asked.get("partial_images", 0)):
        part: dict[str, Any] = {
            "type": f"{kind}.partial_image",
            "b64_json": _base64(_coarse(drawn[0], 8 + 24 * index)),
            "created_at": int(time.time()),
            "partial_image_index": index,
        }
        events.append((part["type"], _facts(asked) | part))
    for each in drawn:
        whole: dict[str, Any] = {
            "type": f"{kind}.completed",
            "b64_json": _base64(each),
            "created_at": int(time.time()),
            "usage": usage,
        }
        events.append((whole["type"], _facts(asked) | whole))
    return events


def _coarse(picture: bytes, cells: int) -> bytes:
    fine = _opened(picture).convert("RGB")
    return _png(fine.resize((cells, cells)).resize(fine.size))


def _png(picture: Image.Image) -> bytes:
    out = io.BytesIO()
    picture.save(out, "PNG")
    return out.getvalue()


def _base64(content: bytes) -> str:
    return base64.b64encode(content).decode()
