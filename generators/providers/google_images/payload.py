"""From a request to what ``generateContent`` takes."""

import base64
import json
import math
from typing import Any

from generators.capabilities import Capabilities, ImageRole, Size
from generators.contracts import GenerationRequest, InputImage
from generators.errors import UnsupportedRequest
from generators.providers import ratios

MAX_BODY_BYTES = 20_000_000
"""(m) The whole of an inline request, 2026-11-23; above it there is the Files API."""

RATIOS = (
    *("1:1", "2:3", "3:2", "3:4", "4:3", "4:5", "5:4", "9:16", "16:9", "21:9"),
    *("1:4", "4:1", "1:8", "8:1"),  # newer Flash only
)
USUAL_TIER = "1K"
_TIERS = {-1: "512", 0: USUAL_TIER, 1: "2K", 2: "4K"}
"""By how often the side of a square of the same area is twice 1024."""


def body_of(request: GenerationRequest, able: Capabilities) -> bytes:
    """Return the JSON of a call.

    Raises ``UnsupportedRequest`` for pictures that together are too large to be sent.
    """
    pictures = request.images_of(ImageRole.INIT) + request.images_of(
        ImageRole.REFERENCE
    )
    parts = [{"text": request.prompt}, *(_inline(each) for each in pictures)]
    told = {
        "contents": [{"role": "user", "parts": parts}],
        "generationConfig": {
            "responseModalities": ["IMAGE"],
            "candidateCount": 1,
            "imageConfig": _image_config(request, able),
        },
    }
    body = json.dumps(told).encode()
    if len(body) > MAX_BODY_BYTES:
        raise UnsupportedRequest(
            "These pictures are too large to be sent together. Use fewer or smaller ones.",
            field="images",
            detail=f"{len(body)} bytes",
        )
    return body


def _inline(image: InputImage) -> dict[str, Any]:
    content = base64.b64encode(image.content).decode()
    return {"inlineData": {"mimeType": image.mime_type, "data": content}}


def _image_config(request: GenerationRequest, able: Capabilities) -> dict[str, str]:
    """Return ratio and tier. A model that has but one tier is told none.

    A changed picture keeps the shape of its init image, as near as the model can.
    """
    own = {ratios.nearest(each.width, each.height, RATIOS) for each in able.sizes}
    config = {"aspectRatio": ratios.nearest(request.width, request.height, sorted(own))}
    if len({_tier(each) for each in able.sizes}) > 1:
        config["imageSize"] = _wanted_tier(request, able)
    return config


def _wanted_tier(request: GenerationRequest, able: Capabilities) -> str:
    if request.operation in able.sized_by_image:
        return request.option("resolution") or USUAL_TIER
    return _tier(Size(width=request.width, height=request.height))


def _tier(size: Size) -> str:
    return _TIERS[round(math.log2(size.width * size.height / 1024**2) / 2)]
