"""Bodies of answers: on disk when they are large, read once, pictures decoded once.

Services that answer with pictures inside JSON (base64) would otherwise cost a worker
the text, its copy in an object model and the bytes, times the jobs in flight.
"""

import binascii
import json
import re
from collections.abc import Iterable
from dataclasses import dataclass, field
from typing import Any

from generators.bytes_in_flight import gate
from generators.errors import UnexpectedResponse
from generators.spool import Spool

MAX_BODY_BYTES = 128_000_000
"""Ten pictures of the largest size a service sends, as base64."""

SHORTEST_PICTURE = 256
"""Characters of base64; what is shorter stays in the document."""

SMALLEST_PICTURE = 32
"""Bytes: no file of a format that is kept has fewer."""

_PLACE = "\x00picture:"


def gather(chunks: Iterable[bytes], *, max_bytes: int = MAX_BODY_BYTES) -> Spool:
    """Gather a body piece by piece.

    Raises ``UnexpectedResponse`` once it is larger than ``max_bytes``.
    """
    body = Spool()
    for chunk in chunks:
        if body.size + len(chunk) > max_bytes:
            raise UnexpectedResponse(detail=f"a body of more than {max_bytes} bytes")
        body.write(chunk)
    return body


@dataclass(frozen=True, slots=True, kw_only=True)
class Document:
    """An answer in JSON, its pictures taken out: ``value`` names them by their place."""

    value: Any
    files: tuple[Spool, ...] = field(default=(), repr=False)

    def picture(self, place: object) -> Spool | None:
        """Return the picture a value of the document stood for, ``None`` if none did."""
        if not isinstance(place, str) or not place:
            return None
        if place.startswith(_PLACE):
            return self.files[int(place.removeprefix(_PLACE))]
        return _tiny_picture(place.rpartition(",")[2])


def read_document(body: Spool, *, keys: tuple[str, ...]) -> Document:
    """Parse JSON; long base64 texts under ``keys`` become files, decoded just once.

    Raises ``UnexpectedResponse`` for what is no JSON, or base64 that is damaged.
    """
    with gate.hold(2 * body.size):
        text = body.read()
        rest, files = _take_pictures_out(text, keys) if keys else (text, [])
        try:
            value = json.loads(rest)
        except (ValueError, RecursionError) as error:
            raise UnexpectedResponse(detail=f"no JSON: {rest[:200]!r}") from error
    return Document(value=value, files=tuple(files))


def _take_pictures_out(body: bytes, keys: tuple[str, ...]) -> tuple[bytes, list[Spool]]:
    names = b"|".join(re.escape(key.encode()) for key in keys)
    long_text = re.compile(
        rb'"(?:%s)"\s*:\s*"((?:data:[a-z/+-]+;base64,)?)([A-Za-z0-9+/=\\]{%d,})"'
        % (names, SHORTEST_PICTURE)
    )
    kept: list[bytes] = []
    files: list[Spool] = []
    end = 0
    for found in long_text.finditer(body):
        place = json.dumps(f"{_PLACE}{len(files)}").encode()
        files.append(_decoded(memoryview(body)[found.start(2) : found.end(2)]))
        kept += (body[end : found.start(1) - 1], place)
        end = found.end()
    return b"".join((*kept, body[end:])), files


def _tiny_picture(text: str) -> Spool | None:
    """Decode one that was so short that it stayed in the document."""
    try:
        content = binascii.a2b_base64(text, strict_mode=True)
    except ValueError:
        return None
    return Spool(content) if len(content) >= SMALLEST_PICTURE else None


def _decoded(text: memoryview) -> Spool:
    try:
        content = binascii.a2b_base64(text, strict_mode=True)
    except binascii.Error:
        content = _decoded_with_escapes(text.tobytes())
    return Spool(content)


def _decoded_with_escapes(text: bytes) -> bytes:
    """Decode base64 in which signs are escaped (``\\/``, ``\\u003d``), as JSON allows."""
    try:
        return binascii.a2b_base64(json.loads(b'"%s"' % text), strict_mode=True)
    except ValueError as error:
        raise UnexpectedResponse(detail=f"damaged base64: {error}") from error
