"""A service that takes its time: OpenAI's images protocol, one picture after N seconds.

``python -m bench.slow_service PORT SECONDS BYTES``. One process, thousands of calls.
"""

import asyncio
import base64
import io
import json
import os
import sys

from PIL import Image

KEY = "bench-key"


def picture(num_bytes: int) -> bytes:
    """Return a PNG of 1024 pixels square and about that many bytes."""
    side = 1024
    rows = max(1, min(side, num_bytes // (side * 3)))
    drawn = Image.new("RGB", (side, side), (40, 90, 160))
    drawn.paste(Image.frombytes("RGB", (side, rows), os.urandom(side * rows * 3)))
    out = io.BytesIO()
    drawn.save(out, "PNG", compress_level=1)
    return out.getvalue()


async def main(port: int, seconds: float, num_bytes: int) -> None:
    """Serve until killed."""
    text = base64.b64encode(picture(num_bytes)).decode()
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
    asyncio.run(main(int(sys.argv[1]), float(sys.argv[2]), int(sys.argv[3])))
