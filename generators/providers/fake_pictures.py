"""Pictures of the fake provider: always the same for the same words and seed."""

import hashlib
import io
import random
import struct
import zlib

from PIL import Image, ImageDraw

from generators.capabilities import ImageRole, Operation
from generators.contracts import GenerationRequest

HTML_PAGE = b"<!doctype html><title>502 Bad Gateway</title><h1>502 Bad Gateway</h1>"


def draw(request: GenerationRequest, *, prompt: str, seed: int) -> bytes:
    """Return a PNG of coloured shapes that depends on words, seed, steps and size."""
    parts = (prompt, seed, request.num_inference_steps, request.provider_model_id)
    digest = hashlib.sha256(repr(parts).encode("utf-8", "replace")).digest()
    chance = random.Random(digest)  # noqa: S311 (no secret, only a picture)
    sky, ground = (_colour(chance) for _ in range(2))
    size = (request.width, request.height)
    gradient = Image.linear_gradient("L").resize(size)
    picture = Image.composite(
        Image.new("RGB", size, ground), Image.new("RGB", size, sky), gradient
    )
    pen = ImageDraw.Draw(picture)
    for _ in range(6):
        left, top = chance.randrange(size[0]), chance.randrange(size[1])
        side = chance.randrange(min(size) // 8, min(size) // 3)
        shape = chance.choice((pen.ellipse, pen.rectangle))
        shape((left, top, left + side, top + side), fill=_colour(chance))
    return _encoded(picture, "PNG")


def work_on(drawn: bytes, request: GenerationRequest) -> bytes:
    """Return what the operation makes of the pictures given and of what was drawn."""
    init = _first(request, ImageRole.INIT)
    if init is None:
        return drawn
    new = _opened(drawn)
    init = init.convert("RGB")
    if request.operation in (Operation.INPAINT, Operation.ERASE):
        return _encoded(_repainted(init, new, request), "PNG")
    if request.operation is Operation.OUTPAINT:
        left = int(request.option("expand_left") or 0)
        new.paste(init, (left, int(request.option("expand_top") or 0)))
        return _encoded(new, "PNG")
    if request.operation is Operation.UPSCALE:
        return _encoded(init.resize((init.width * 2, init.height * 2)), "PNG")
    if request.operation is Operation.REMOVE_BACKGROUND:
        init.putalpha(Image.radial_gradient("L").resize(init.size).point(_is_near))
        return _encoded(init, "PNG")
    share = 0.5 if request.strength is None else request.strength
    return _encoded(Image.blend(init, new.resize(init.size), share), "PNG")


def _repainted(
    init: Image.Image, new: Image.Image, request: GenerationRequest
) -> Image.Image:
    """Return the init image, with what was drawn where the mask is white."""
    mask = _first(request, ImageRole.MASK)
    if mask is None:
        return init
    return Image.composite(new.resize(init.size), init, mask.convert("L"))


def _first(request: GenerationRequest, role: ImageRole) -> Image.Image | None:
    given = request.images_of(role)
    return _opened(given[0].content) if given else None


def _opened(content: bytes) -> Image.Image:
    return Image.open(io.BytesIO(content))


def _is_near(distance: int) -> int:
    return 255 if distance < 160 else 0


def preview(request: GenerationRequest, *, fraction: float) -> bytes:
    """Return a small WebP that gets brighter with progress."""
    level = round(255 * fraction)
    picture = Image.new("RGB", (32, 32), (level, level, level))
    return _encoded(picture, "WEBP")


def bomb() -> bytes:
    """Return a PNG of a few kilobytes that decodes to 169 megapixels."""
    side = 13_000
    row = bytes(1 + (side + 7) // 8)  # a filter byte, then one bit a pixel
    packer = zlib.compressobj(9)
    body = b"".join(packer.compress(row) for _ in range(side)) + packer.flush()
    header = struct.pack(">IIBBBBB", side, side, 1, 0, 0, 0, 0)
    chunks = ((b"IHDR", header), (b"IDAT", body), (b"IEND", b""))
    return b"\x89PNG\r\n\x1a\n" + b"".join(_chunk(*each) for each in chunks)


def _chunk(name: bytes, body: bytes) -> bytes:
    check = struct.pack(">I", zlib.crc32(name + body))
    return struct.pack(">I", len(body)) + name + body + check


def content(
    request: GenerationRequest,
    asked: dict[str, float | None],
    *,
    words: str,
    seed: int,
) -> bytes:
    """Return a picture, or the bad bytes that the prompt asks for."""
    if "bomb" in asked:
        return bomb()
    if "html" in asked:
        return HTML_PAGE
    if "broken" in asked:
        return b"\x89PNG\r\n\x1a\nthis is no picture"
    picture = draw(request, prompt=words, seed=seed)
    picture = work_on(picture, request)
    return picture[: len(picture) // 2] if "truncated" in asked else picture


def _colour(chance: random.Random) -> tuple[int, int, int]:
    return chance.randrange(256), chance.randrange(256), chance.randrange(256)


def _encoded(picture: Image.Image, form: str) -> bytes:
    out = io.BytesIO()
    picture.save(out, form)
    return out.getvalue()
