"""A service that takes its time: OpenAI's images protocol, one picture after N seconds.

``python -m bench.slow_service PORT SECONDS PNG|JPEG``. One process, thousands of calls.
"""

import asyncio
import base64
import io
import json
import sys

from PIL import Image

KEY = "bench-key"


def picture(kind: str) -> bytes:
    """Return a picture of 1024 pixels square: PNG of 1.5 MB, or JPEG of 100 KB.

    Shapes of all sizes with little grain, as in photographs: rows of plain noise would
    be decoded at once and hard to make thumbnails of.
    """
    side, grain = 1024, 10
    channels = []
    for _ in range(3):
        channel = Image.new("L", (side, side), 128)
        for cells in (2**power for power in range(2, 11)):
            layer = Image.effect_noise((cells, cells), 90)
            layer = layer.resize((side, side), Image.Resampling.BICUBIC)
            channel = Image.blend(channel, layer, min(0.3, grain / cells))
        channels.append(channel)
    out = io.BytesIO()
    drawn = Image.merge("RGB", channels)
    if kind == "PNG":
        drawn.save(out, kind, compress_level=1)
    else:
        drawn.save(out, kind, quality=80)
    return out.getvalue()


async def main(port: int, seconds: float, kind: str) -> None:
    """Serve until killed."""
    text = base64.b64encode(picture(kind)).decode()
    body = json.dumps({"created": 0, "data": [{"b64_json": text}]}).encode()
    head = (
        "HTTP/1.1 200 OK\r\nContent-Type: application/json\r\nConnection: close\r\n"
        f"Content-Length: {len(body)}\r\n\r\n"
    ).encode()

    async def answer(
        reader: asyncio.StreamReader, writer: asyncio.StreamWriter
    ) -> None:
        asked = (await reader.readuntil(b"\r\n\r\n")).lower()
        _, _, rest = asked.partition(b"content-length:")
        if rest:
            await reader.readexactly(int(rest.split(b"\r\n")[0]))
        await asyncio.sleep(seconds)
        writer.write(head + body)
        await writer.drain()
        writer.close()

    server = await asyncio.start_server(answer, "127.0.0.1", port, backlog=2048)
    async with server:
        await server.serve_forever()


if __name__ == "__main__":
    asyncio.run(main(int(sys.argv[1]), float(sys.argv[2]), sys.argv[3]))
