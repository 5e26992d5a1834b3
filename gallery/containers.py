"""Where XMP lies inside PNG, JPEG and WebP files, without touching a pixel.

Each function rewrites the container around the compressed picture: an older XMP packet
goes, ours comes in. A provider's C2PA manifest goes too: it signs the exact bytes, so
with any change it would call the file tampered with. What trails the end of a picture
goes with it.
"""

import struct
import zlib
from collections.abc import Callable, Iterator

PNG_SIGNATURE = b"\x89PNG\r\n\x1a\n"
PNG_XMP_KEYWORD = b"XML:com.adobe.xmp\0"
JPEG_XMP_HEADER = b"http://ns.adobe.com/xap/1.0/\0"
JPEG_XMP_EXTENSION_HEADER = b"http://ns.adobe.com/xmp/extension/\0"
MAX_XMP_BYTES = 65_533 - len(JPEG_XMP_HEADER)  # what one JPEG segment holds

_WEBP_HAS_XMP = 0x04
_WEBP_HAS_ALPHA = 0x10


class BrokenContainer(Exception):
    """The file's own structure does not hold together."""


def insert_xmp(
    content: bytes, image_format: str, packet: bytes, *, size: tuple[int, int]
) -> bytes:
    """Return the same picture with ``packet`` as its only XMP.

    ``image_format`` is Pillow's name (PNG, JPEG or WEBP), ``size`` the stored width and
    height in pixels, ``packet`` at most ``MAX_XMP_BYTES`` long. Raise BrokenContainer
    for a file that ends early.
    """
    if len(packet) > MAX_XMP_BYTES:
        raise ValueError("The XMP packet is too long for a JPEG segment.")
    insert: dict[str, Callable[[], bytes]] = {
        "PNG": lambda: _insert_into_png(content, packet),
        "JPEG": lambda: _insert_into_jpeg(content, packet),
        "WEBP": lambda: _insert_into_webp(content, packet, size),
    }
    try:
        return insert[image_format]()
    except (struct.error, IndexError) as error:
        raise BrokenContainer("The file ends early.") from error


def _png_chunk(kind: bytes, body: bytes) -> bytes:
    checksum = zlib.crc32(kind + body)
    return struct.pack(">I", len(body)) + kind + body + struct.pack(">I", checksum)


def _png_chunks(content: bytes) -> Iterator[tuple[bytes, bytes]]:
    """Yield each chunk's kind and all of its bytes, up to and with the end mark."""
    at = len(PNG_SIGNATURE)
    while True:
        (length,) = struct.unpack_from(">I", content, at)
        kind = content[at + 4 : at + 8]
        chunk = content[at : at + 12 + length]
        if len(chunk) != 12 + length:
            raise BrokenContainer("The file ends early.")
        yield kind, chunk
        if kind == b"IEND":
            return
        at += len(chunk)


def _insert_into_png(content: bytes, packet: bytes) -> bytes:
    ours = _png_chunk(b"iTXt", PNG_XMP_KEYWORD + b"\0\0\0\0" + packet)
    parts = [PNG_SIGNATURE]
    for kind, chunk in _png_chunks(content):
        is_older_xmp = kind == b"iTXt" and chunk[8:].startswith(PNG_XMP_KEYWORD)
        if not is_older_xmp and kind != b"caBX":
            parts.append(chunk)
        if kind == b"IHDR":
            parts.append(ours)
    return b"".join(parts)


def _jpeg_segments(content: bytes) -> Iterator[tuple[int, bytes]]:
    """Yield each segment's marker and bytes; the last is the scan with all that follows."""
    at = 2
    while True:
        while content[at] == 0xFF and content[at + 1] == 0xFF:
            at += 1  # fill bytes
        if content[at] != 0xFF:
            raise BrokenContainer("A segment does not begin where it should.")
        marker = content[at + 1]
        if marker == 0xDA:
            yield marker, content[at:]
            return
        (length,) = struct.unpack_from(">H", content, at + 2)
        yield marker, content[at : at + 2 + length]
        at += 2 + length


def _insert_into_jpeg(content: bytes, packet: bytes) -> bytes:
    body = JPEG_XMP_HEADER + packet
    ours = b"\xff\xe1" + struct.pack(">H", len(body) + 2) + body
    head = [content[:2]]
    rest: list[bytes] = []
    for marker, segment in _jpeg_segments(content):
        is_older_xmp = marker == 0xE1 and segment[4:].startswith(
            (JPEG_XMP_HEADER, JPEG_XMP_EXTENSION_HEADER)
        )
        if is_older_xmp or marker == 0xEB:
            continue
        (head if marker == 0xE0 and not rest else rest).append(segment)
    return b"".join([*head, ours, *rest])


def _webp_chunk(kind: bytes, body: bytes) -> bytes:
    return kind + struct.pack("<I", len(body)) + body + b"\0" * (len(body) % 2)


def _webp_chunks(content: bytes) -> Iterator[tuple[bytes, bytes]]:
    """Yield each chunk's kind and body."""
    (riff_length,) = struct.unpack_from("<I", content, 4)
    at, end = 12, 8 + riff_length
    while at + 8 <= end:
        (length,) = struct.unpack_from("<I", content, at + 4)
        body = content[at + 8 : at + 8 + length]
        if len(body) != length:
            raise BrokenContainer("The file ends early.")
        yield content[at : at + 4], body
        at += 8 + length + length % 2


def _insert_into_webp(content: bytes, packet: bytes, size: tuple[int, int]) -> bytes:
    dropped = {b"VP8X", b"XMP ", b"C2PA"}
    flags, parts = 0, []
    for kind, body in _webp_chunks(content):
        if kind == b"VP8X":
            flags = body[0]
        elif kind == b"VP8L" and body[4] & 0x10:
            flags |= _WEBP_HAS_ALPHA
        if kind not in dropped:
            parts.append(_webp_chunk(kind, body))
    width, height = size
    header = (
        bytes([flags | _WEBP_HAS_XMP, 0, 0, 0])
        + (width - 1).to_bytes(3, "little")
        + (height - 1).to_bytes(3, "little")
    )
    inside = b"".join(
        [_webp_chunk(b"VP8X", header), *parts, _webp_chunk(b"XMP ", packet)]
    )
    return b"RIFF" + struct.pack("<I", len(inside) + 4) + b"WEBP" + inside
