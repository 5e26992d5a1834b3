"""Stands for a small server that speaks OpenAI's images protocol, as local ones do."""

import base64
import itertools
import re
from typing import Any

from tests.fakes import wire
from tests.fakes.wire import Call, FakeService, Reply

_FIELDS = {
    "model": str,
    "prompt": str,
    "n": int,
    "size": str,
    "response_format": str,
}


class FakeCompatible(FakeService):
    """Draws one picture a call, and knows no field beside those all servers know.

    ``takes_format``: whether it knows ``response_format`` (gateways to GPT image models
    refuse it); ``tells_urls``: it answers with an address below ``address``, whatever
    it is asked; ``needs_key``: some want none.
    """

    KEY = "local-test-key-7f3a9c"
    routes = (
        ("GET", "/v1/models", "models"),
        ("POST", "/v1/images/generations", "generate"),
        ("GET", r"/files/(?P<name>\w+)\.png", "file"),
    )
    names: tuple[str, ...] = ("black-forest-labs/FLUX.1-schnell", "sdxl-turbo")

    def __init__(self) -> None:
        super().__init__()
        self.takes_format = True
        self.tells_urls = False
        self.address = ""
        self.needs_key = True
        self.files: dict[str, bytes] = {}
        self.refusals: list[str] = []
        self._numbers = itertools.count(1)

    def is_open(self, call: Call) -> bool:
        return not self.needs_key or call.path.startswith("/files/")

    def wrong_key(self) -> Reply:
        return Reply(status=401, json={"detail": "Invalid or missing API key"})

    def models(self, call: Call) -> Reply:
        entries = [{"id": each, "object": "model"} for each in self.names]
        return Reply(json={"object": "list", "data": entries})

    def generate(self, call: Call) -> Reply:
        asked = call.json
        if wrong := self._wrong(asked):
            self.refusals.append(wrong)
            detail = [{"loc": ["body", wrong], "msg": "Extra or invalid input"}]
            return Reply(status=422, json={"detail": detail})
        if asked["model"] not in self.names:
            return Reply(status=404, json={"detail": "Model not found"})
        width, height = map(int, asked["size"].split("x"))
        number = next(self._numbers)
        drawn = self.draw(width, height, asked["prompt"], number)
        told = {"created": 1_780_000_000, "data": [self._entry(drawn, number)]}
        return Reply(json=told)

    def draw(self, width: int, height: int, prompt: str, number: int) -> bytes:
        """Return a picture, another one each time."""
        return wire.picture(width, height, words=prompt, seed=number)

    def file(self, call: Call) -> Reply:
        content = self.files.get(call.match["name"] if call.match else "")
        if content is None:
            return Reply(status=404, json={"detail": "Not Found"})
        return Reply(body=content, mime_type="image/png")

    def _entry(self, drawn: bytes, number: int) -> dict[str, str | None]:
        if self.tells_urls:
            self.files[str(number)] = drawn
            return {"url": f"{self.address}/files/{number}.png", "b64_json": None}
        return {"b64_json": base64.b64encode(drawn).decode()}

    def _wrong(self, asked: dict[str, Any]) -> str:
        for name, value in asked.items():
            if name not in _FIELDS or type(value) is not _FIELDS[name]:
                return name
        if "response_format" in asked and not self.takes_format:
            return "response_format"
        size = re.fullmatch(r"(\d+)x(\d+)", asked.get("size", ""))
        rules = {
            "model": bool(asked.get("model")),
            "prompt": bool(asked.get("prompt")),
            "n": asked.get("n", 1) == 1,
            "size": size is not None
            and all(
                64 <= int(each) <= 2048 and int(each) % 8 == 0 for each in size.groups()
            ),
            "response_format": asked.get("response_format", "b64_json")
            in {"b64_json", "url"},
        }
        return next((name for name, is_right in rules.items() if not is_right), "")
