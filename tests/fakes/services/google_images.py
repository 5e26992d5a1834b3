"""Google's Gemini API and Vertex, as far as pictures go: ``generateContent``.

Written from the fact sheet of 2026-11-23. It draws one picture a call, keeps nothing of
it, and refuses every field that the sheet does not know for the model, as the service
writes a refusal. A prompt with ``!refuse`` in it is refused by the moderation.
"""

import base64
import binascii
import functools
import io
import json
import time
import uuid
from collections.abc import Iterator
from dataclasses import dataclass
from typing import Any
from urllib.parse import parse_qs

from cryptography.hazmat.primitives import serialization
from cryptography.hazmat.primitives.asymmetric import rsa
from google.auth import jwt
from PIL import Image, ImageColor, ImageOps

from tests.fakes import wire
from tests.fakes.wire import Call, FakeService, Fault, Reply

MAX_BODY_BYTES = 20_000_000

_PIXELS = {
    "1:1": (1024, 1024),
    "2:3": (848, 1264),
    "3:2": (1264, 848),
    "3:4": (896, 1200),
    "4:3": (1200, 896),
    "4:5": (928, 1152),
    "5:4": (1152, 928),
    "9:16": (768, 1376),
    "16:9": (1376, 768),
    "21:9": (1584, 672),
}
_LONG_PIXELS = {
    "1:4": (512, 2048),
    "4:1": (2048, 512),
    "1:8": (384, 3072),
    "8:1": (3072, 384),
}
_OLD_PIXELS = {
    "1:1": (1024, 1024),
    "2:3": (832, 1248),
    "3:2": (1248, 832),
    "3:4": (864, 1184),
    "4:3": (1184, 864),
    "4:5": (896, 1152),
    "5:4": (1152, 896),
    "9:16": (768, 1344),
    "16:9": (1344, 768),
    "21:9": (1536, 672),
}
_FACTORS = {"512": 0.5, "1K": 1, "2K": 2, "4K": 4}
_OUTPUT_TOKENS = {"512": 747, "1K": 1120, "2K": 1680, "4K": 2520}


@dataclass(frozen=True, kw_only=True)
class Model:
    """What one model takes: (m) pixels, and how many pictures where the sheet is mute."""

    pixels: dict[str, tuple[int, int]]
    tiers: tuple[str, ...] = ("1K",)
    most_images: int = 14
    thinks: bool = True


MODELS = {
    "gemini-nano-banana-2.1": Model(
        pixels=_PIXELS, tiers=("1K", "2K", "4K"), most_images=9
    ),
    "gemini-3-pro-image": Model(pixels=_PIXELS, tiers=("1K", "2K", "4K")),
    "gemini-3.1-flash-image": Model(
        pixels=_PIXELS | _LONG_PIXELS, tiers=("512", "1K", "2K", "4K")
    ),
    "gemini-3.1-flash-lite-image": Model(pixels=_PIXELS),
    "gemini-2.5-flash-image": Model(pixels=_OLD_PIXELS, most_images=3, thinks=False),
}
_KINDS = {"image/png": "PNG", "image/jpeg": "JPEG", "image/webp": "WEBP"}

_TOP = {"contents", "generationConfig", "safetySettings"}
_CONFIG = {"responseModalities", "candidateCount", "seed", "imageConfig"}
_IMAGE_CONFIG = {"aspectRatio", "imageSize"}

INVALID_KEY = {
    "@type": "type.googleapis.com/google.rpc.ErrorInfo",
    "reason": "API_KEY_INVALID",
    "domain": "googleapis.com",
}
USED_UP_TODAY = {
    "@type": "type.googleapis.com/google.rpc.QuotaFailure",
    "violations": [{"quotaId": "GenerateRequestsPerDayPerProjectPerModel"}],
}
USED_UP_THIS_MINUTE = {
    "@type": "type.googleapis.com/google.rpc.QuotaFailure",
    "violations": [{"quotaId": "GenerateRequestsPerMinutePerProjectPerModel"}],
}


def wait(delay: str) -> dict[str, Any]:
    """Return the detail that asks to come back: ``23s``."""
    return {"@type": "type.googleapis.com/google.rpc.RetryInfo", "retryDelay": delay}


def error(code: int, status: str, *details: dict[str, Any], words: str = "") -> Reply:
    """Return an error as Google writes them."""
    told = {"code": code, "message": words or status, "status": status}
    if details:
        told["details"] = list(details)
    return Reply(status=code, json={"error": told})


def blocked(reason: str) -> Reply:
    """Return the first form of a refusal: the words were stopped, nobody drew."""
    return Reply(json={"promptFeedback": {"blockReason": reason}, "responseId": "r-1"})


def ended(reason: str, *parts: dict[str, Any]) -> Reply:
    """Return the other form, and an end without a picture."""
    candidate: dict[str, Any] = {"finishReason": reason, "index": 0}
    if parts:
        candidate["content"] = {"role": "model", "parts": list(parts)}
    return Reply(json={"candidates": [candidate], "responseId": "r-2"})


def inline(content: bytes, *, mime_type: str = "image/png") -> dict[str, Any]:
    """Return the part that holds a picture."""
    text = base64.b64encode(content).decode()
    return {"inlineData": {"mimeType": mime_type, "data": text}}


class FakeGoogleImages(FakeService):
    """The service; ``refused`` are the reasons for which it found a call invalid.

    ``left_today`` is how many pictures the day's quota still has; ``shrink`` divides
    the sides of what it draws, for tests that ask for many.
    """

    KEY = "AIza-test-7f3a9c"
    PROJECT = "painters"
    EMAIL = "painter@painters.iam.gserviceaccount.com"
    routes = (
        ("GET", "/v1beta/models", "list_models"),
        ("POST", r"/v1beta/models/(?P<model>[^/:]+):generateContent", "generate"),
        ("POST", "/token", "give_token"),
        (
            "POST",
            r"/v1/projects/(?P<project>[^/]+)/locations/(?P<location>[a-z0-9-]+)"
            r"/publishers/google/models/(?P<model>[^/:]+):generateContent",
            "generate_on_vertex",
        ),
    )

    def __init__(self, *, shrink: int = 1) -> None:
        super().__init__()
        self.shrink = shrink
        self.left_today: int | None = None
        self.drawn: list[dict[str, Any]] = []
        self.refused: list[str] = []
        self.token_seconds = 3600
        self.tokens: dict[str, float] = {}

    def answer(self, reply: Reply, *, times: int = 1) -> None:
        """Answer the next calls that draw so."""
        self.fail(Fault(reply=reply), times=times, on="POST /v1")

    def service_account(self, **changes: Any) -> str:
        """Return the file of an account that may draw here, as an admin pastes it."""
        told = {
            "type": "service_account",
            "project_id": self.PROJECT,
            "private_key_id": "key-1",
            "private_key": _keys()[0],
            "client_email": self.EMAIL,
            "token_uri": f"{self.url}/token",
        }
        return json.dumps(told | changes)

    # Who may

    def key_of(self, call: Call) -> str | None:
        if call.path.startswith("/v1/projects/"):
            return self.KEY  # whoever calls there shows a token, which the route checks
        return call.headers.get("x-goog-api-key")

    def wrong_key(self) -> Reply:
        words = "API key not valid. Please pass a valid API key."
        return error(400, "INVALID_ARGUMENT", INVALID_KEY, words=words)

    def is_open(self, call: Call) -> bool:
        return call.path == "/token"

    def give_token(self, call: Call) -> Reply:
        told = {
            name: values[0] for name, values in parse_qs(call.body.decode()).items()
        }
        if told.get("grant_type") != "urn:ietf:params:oauth:grant-type:jwt-bearer":
            return Reply(status=400, json={"error": "unsupported_grant_type"})
        try:
            claims = jwt.decode(
                told["assertion"], certs=_keys()[1], audience=f"{self.url}/token"
            )
        except (KeyError, ValueError) as problem:
            said = {"error": "invalid_grant", "error_description": str(problem)}
            return Reply(status=400, json=said)
        scope = "https://www.googleapis.com/auth/cloud-platform"
        if claims["iss"] != self.EMAIL or claims["scope"] != scope:
            return Reply(status=400, json={"error": "invalid_grant"})
        token = f"ya29.{uuid.uuid4().hex}"
        self.tokens[token] = time.monotonic() + self.token_seconds
        given = {"access_token": token, "token_type": "Bearer"}
        return Reply(json=given | {"expires_in": self.token_seconds})

    # What it does

    def list_models(self, call: Call) -> Reply:
        names = [*MODELS, "gemini-3-flash"]
        shown = names[: int(call.query.get("pageSize", "50"))]
        return Reply(
            json={
                "models": [
                    {
                        "name": f"models/{name}",
                        "supportedGenerationMethods": ["generateContent"],
                    }
                    for name in shown
                ]
            }
        )

    def generate_on_vertex(self, call: Call) -> Reply:
        assert call.match is not None
        token = call.headers.get("authorization", "").removeprefix("Bearer ")
        if self.tokens.get(token, 0) < time.monotonic():
            return error(401, "UNAUTHENTICATED")
        if call.match["project"] != self.PROJECT:
            return error(403, "PERMISSION_DENIED")
        return self.generate(call)

    def generate(self, call: Call) -> Reply:
        assert call.match is not None
        name = call.match["model"]
        model = MODELS.get(name)
        if model is None:
            words = f"models/{name} is not found for API version v1beta."
            return error(404, "NOT_FOUND", words=words)
        problem = next(_problems(call, model), None)
        if problem is not None:
            self.refused.append(problem)
            return error(400, "INVALID_ARGUMENT", words=problem)
        if self.left_today is not None:
            if not self.left_today:
                return error(429, "RESOURCE_EXHAUSTED", USED_UP_TODAY)
            self.left_today -= 1
        told = call.json
        if "!refuse" in _prompt(told):
            return ended("IMAGE_SAFETY")
        self.drawn.append({"model": name, **told})
        return self._drawn(told, name, model)

    def _drawn(self, told: dict[str, Any], name: str, model: Model) -> Reply:
        config = told["generationConfig"].get("imageConfig", {})
        tier = config.get("imageSize", "1K")
        width, height = (
            int(side * _FACTORS[tier]) // self.shrink
            for side in model.pixels[config.get("aspectRatio", "1:1")]
        )
        parts = [inline(_picture(told, width, height))]
        if model.thinks:  # an interim picture comes first, and is not the result
            thought = wire.picture(64, 64, words="thinking")
            parts = [
                {"text": "I think of it.", "thought": True},
                inline(thought) | {"thought": True},
                {"text": "Here it is."},
                parts[0] | {"thoughtSignature": "c2lnbmVk" * 100},
            ]
        content = {"role": "model", "parts": parts}
        usage = {
            "promptTokenCount": 10 + 1120 * len(_inlines(told)),
            "candidatesTokenCount": _OUTPUT_TOKENS[tier],
            "thoughtsTokenCount": 200 if model.thinks else 0,
        }
        usage["totalTokenCount"] = sum(usage.values())
        return Reply(
            json={
                "candidates": [
                    {"content": content, "finishReason": "STOP", "index": 0}
                ],
                "usageMetadata": usage,
                "modelVersion": name,
                "responseId": f"r-{uuid.uuid4()}",
            }
        )


def _problems(call: Call, model: Model) -> Iterator[str]:
    """Name what the service would not accept of a call."""
    if len(call.body) > MAX_BODY_BYTES:
        yield "Request payload size exceeds the limit."
        return
    told = call.json
    yield from _unknown(told, _TOP)
    yield from _config_problems(told.get("generationConfig", {}), model)
    contents = told.get("contents")
    if not contents or any(not each.get("parts") for each in contents):
        yield "contents are not specified"
        return
    for each in contents:
        yield from _unknown(each, {"role", "parts"})
        if each.get("role") not in {"user", "model"}:
            yield "Please use a valid role: user, model."
        for part in each["parts"]:
            yield from _part_problems(part)
    if len(_inlines(told)) > model.most_images:
        yield f"The model takes at most {model.most_images} images."


def _config_problems(config: dict[str, Any], model: Model) -> Iterator[str]:
    yield from _unknown(config, _CONFIG)
    wanted = set(config.get("responseModalities", ()))
    if "IMAGE" not in wanted or wanted - {"IMAGE", "TEXT"}:
        yield "The model supports the response modalities: IMAGE, TEXT."
    if config.get("candidateCount", 1) != 1:
        yield "Multiple candidates is not enabled for this model"
    drawn = config.get("imageConfig", {})
    yield from _unknown(drawn, _IMAGE_CONFIG)
    if drawn.get("aspectRatio", "1:1") not in model.pixels:
        yield f"aspectRatio {drawn['aspectRatio']} is not supported"
    if drawn.get("imageSize", "1K") not in model.tiers:
        yield f"imageSize {drawn['imageSize']} is not supported"


def _part_problems(part: dict[str, Any]) -> Iterator[str]:
    if set(part) == {"text"}:
        if not str(part["text"]).strip():
            yield "The text of a part is empty."
        return
    if set(part) != {"inlineData"} or set(part["inlineData"]) != {"mimeType", "data"}:
        yield f"Invalid part: {sorted(part)}"
        return
    kind = _KINDS.get(part["inlineData"]["mimeType"])
    try:
        content = base64.b64decode(part["inlineData"]["data"], validate=True)
        found = Image.open(io.BytesIO(content)).format
    except (binascii.Error, OSError):
        found = None
    if kind is None or found != kind:
        yield "Unable to process input image."


def _unknown(told: dict[str, Any], known: set[str]) -> Iterator[str]:
    for name in set(told) - known:
        yield f'Invalid JSON payload received. Unknown name "{name}": Cannot find field.'


def _prompt(told: dict[str, Any]) -> str:
    parts = [part for each in told["contents"] for part in each["parts"]]
    return " ".join(part["text"] for part in parts if "text" in part)


def _inlines(told: dict[str, Any]) -> list[bytes]:
    return [
        base64.b64decode(part["inlineData"]["data"])
        for each in told["contents"]
        for part in each["parts"]
        if "inlineData" in part
    ]


def _picture(told: dict[str, Any], width: int, height: int) -> bytes:
    """Draw the words, or the first picture in their colours with the others upon it."""
    words = _prompt(told)
    drawn = wire.picture(width, height, words=words)
    given = [Image.open(io.BytesIO(each)).convert("RGB") for each in _inlines(told)]
    if not given:
        return drawn
    tint = Image.open(io.BytesIO(drawn)).convert("RGB")
    changed = Image.blend(ImageOps.fit(given[0], (width, height)), tint, 0.35)
    side = max(8, min(width, height) // 5)
    for place, each in enumerate(given[1:]):
        small = ImageOps.expand(
            ImageOps.fit(each, (side, side)), 2, ImageColor.getrgb("white")
        )
        changed.paste(small, (place * (side + 6) % width, height - side - 6))
    out = io.BytesIO()
    changed.save(out, "PNG")
    return out.getvalue()


@functools.cache
def _keys() -> tuple[str, bytes]:
    """Return the service account's private key and the public one, as PEM."""
    key = rsa.generate_private_key(public_exponent=65537, key_size=2048)
    private = key.private_bytes(
        serialization.Encoding.PEM,
        serialization.PrivateFormat.PKCS8,
        serialization.NoEncryption(),
    )
    public = key.public_key().public_bytes(
        serialization.Encoding.PEM, serialization.PublicFormat.SubjectPublicKeyInfo
    )
    return private.decode(), public
