"""Stands for a remote service: a real HTTP server on loopback, with fault switches.

A service is a subclass with ``routes``; it keeps what it was told as the real one
would (accepted work, finished pictures), logs every call, and breaks as it is asked to.
"""

import email.parser
import email.policy
import hashlib
import io
import json
import re
import socket
import threading
import time
from collections import deque
from collections.abc import Callable, Iterable, Mapping
from contextlib import suppress
from dataclasses import dataclass, field
from functools import partial
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from typing import Any, ClassVar, Self
from urllib.parse import parse_qs, urlsplit

from PIL import Image, ImageDraw

HANG_SECONDS = 30.0


@dataclass(frozen=True, kw_only=True)
class Part:
    """One part of a multipart form: a field's text, or a file."""

    name: str
    content: bytes
    filename: str | None = None
    mime_type: str = "text/plain"

    @property
    def text(self) -> str:
        return self.content.decode()


@dataclass(frozen=True, kw_only=True)
class Call:
    """One request as it arrived. ``headers`` have lower-case names."""

    method: str
    path: str
    query: Mapping[str, str]
    headers: Mapping[str, str]
    body: bytes
    match: re.Match[str] | None = None

    @property
    def json(self) -> Any:
        return json.loads(self.body)

    @property
    def parts(self) -> list[Part]:
        """Return the parts of a multipart form, in order."""
        head = f"Content-Type: {self.headers['content-type']}\r\n\r\n".encode()
        parser = email.parser.BytesParser(policy=email.policy.HTTP)
        message = parser.parsebytes(head + self.body)
        return [
            Part(
                name=part.get_param("name", header="content-disposition"),
                content=part.get_payload(decode=True) or b"",
                filename=part.get_filename(),
                mime_type=part.get_content_type(),
            )
            for part in message.iter_parts()
        ]

    def fields(self) -> dict[str, str]:
        """Return the plain fields of a multipart form."""
        return {part.name: part.text for part in self.parts if part.filename is None}

    def files(self, name: str) -> list[Part]:
        """Return the files of one field of a multipart form."""
        return [p for p in self.parts if p.name == name and p.filename is not None]


@dataclass(frozen=True, kw_only=True)
class Reply:
    """What a route answers: ``json``, or ``body``, or ``events`` one after the other."""

    status: int = 200
    json: Any = None
    body: bytes = b""
    events: Iterable[tuple[str, Any]] = ()
    headers: Mapping[str, str] = field(default_factory=dict)
    mime_type: str = "application/json"

    def content(self) -> bytes:
        return json.dumps(self.json).encode() if self.json is not None else self.body


@dataclass(frozen=True, kw_only=True)
class Fault:
    """How one call goes wrong. At most one of these is set.

    ``reply`` takes the place of the route's. The others come after the route has done
    its work, as when a service accepted a call and the line broke: ``hangs`` never
    answers, ``cuts`` closes without an answer, ``cuts_body`` in the middle of it,
    ``drips`` sends so many bytes a second, ``wrong_length`` promises more than comes.
    """

    reply: Reply | None = None
    hangs: bool = False
    cuts: bool = False
    cuts_body: bool = False
    drips: float = 0
    wrong_length: bool = False


def status(code: int, said: Any = None, **headers: str) -> Fault:
    """Return the fault of an answer with that status, and JSON if there is some."""
    named = {name.replace("_", "-"): text for name, text in headers.items()}
    return Fault(reply=Reply(status=code, json=said, headers=named))


def html(code: int = 502) -> Fault:
    """Return the fault of a gateway that answers with a page."""
    page = b"<html><body><h1>502 Bad Gateway</h1></body></html>"
    return Fault(reply=Reply(status=code, body=page, mime_type="text/html"))


Route = Callable[["FakeService", Call], Reply]


class FakeService:
    """A service on a free port of loopback; ``with`` starts and stops it.

    ``key_of`` finds the key in a call, wrong ones get ``wrong_key``'s answer.
    ``fail(fault, times=n, on="POST /v1/images")`` breaks the next calls whose method
    and path begin so. ``calls`` is everything that arrived.
    """

    KEY: ClassVar[str] = "test-key-7f3a9c"
    routes: ClassVar[tuple[tuple[str, str, str], ...]] = ()
    """Method, pattern of the whole path, name of the method that answers."""

    def __init__(self) -> None:
        self.calls: list[Call] = []
        self._faults: deque[tuple[str, Fault]] = deque()
        self._lock = threading.Lock()
        self._server: ThreadingHTTPServer | None = None
        self._going = threading.Event()

    def __enter__(self) -> Self:
        self.start()
        return self

    def __exit__(self, *error: object) -> None:
        self.stop()

    def start(self, port: int = 0) -> None:
        """Begin to answer."""
        service = self

        class Handler(_Handler):
            pass

        Handler.service = service
        self._server = _Server(("127.0.0.1", port), Handler)
        serve = partial(self._server.serve_forever, poll_interval=0.02)
        threading.Thread(target=serve, daemon=True).start()

    def stop(self) -> None:
        """Stop answering, also those that hang."""
        self._going.set()
        if self._server is not None:
            self._server.shutdown()
            self._server.server_close()
            self._server = None

    @property
    def url(self) -> str:
        assert self._server is not None, "it is not started"
        return f"http://127.0.0.1:{self._server.server_address[1]}"

    def fail(self, fault: Fault, *, times: int = 1, on: str = "") -> None:
        """Break the next calls whose ``METHOD /path`` begins with ``on``."""
        self._faults.extend([(on, fault)] * times)

    def forgive(self) -> None:
        """Take back the faults that nothing has met yet."""
        self._faults.clear()

    def calls_to(self, start: str) -> list[Call]:
        """Return the calls whose ``METHOD /path`` begins so, oldest first."""
        return [c for c in self.calls if f"{c.method} {c.path}".startswith(start)]

    def key_of(self, call: Call) -> str | None:
        """Return the key that a call carries; override where it is elsewhere."""
        return call.headers.get("authorization", "").removeprefix("Bearer ")

    def wrong_key(self) -> Reply:
        """Return the answer to a call without the right key."""
        return Reply(status=401, json={"error": {"message": "Incorrect API key"}})

    def is_open(self, call: Call) -> bool:
        """Say whether a call needs no key, as one for a finished picture."""
        return call.path.startswith("/pictures/")

    def take(self, call: Call) -> tuple[Reply, Fault | None]:
        """Log a call and answer it."""
        with self._lock:
            self.calls.append(call)
            fault = self._next_fault(call)
        if fault is not None and fault.reply is not None:
            return fault.reply, None
        if not self.is_open(call) and self.key_of(call) != self.KEY:
            return self.wrong_key(), fault
        for method, pattern, name in self.routes:
            found = re.fullmatch(pattern, call.path)
            if found and method == call.method:
                call = Call(**{**vars(call), "match": found})
                return getattr(self, name)(call), fault
        return Reply(status=404, json={"error": {"message": "no such path"}}), fault

    def _next_fault(self, call: Call) -> Fault | None:
        name = f"{call.method} {call.path}"
        for waiting in list(self._faults):
            if name.startswith(waiting[0]):
                self._faults.remove(waiting)
                return waiting[1]
        return None

    def let_go(self) -> None:
        """Break the line of all calls that hang."""
        self._going.set()

    def wait_while_hanging(self) -> None:
        """Hold a call until the service stops or lets go."""
        self._going.wait(HANG_SECONDS)


class _Server(ThreadingHTTPServer):
    daemon_threads = True
    request_queue_size = 1024

    def handle_error(self, request: Any, client_address: Any) -> None:
        """Say nothing: clients go away, and here that is the point."""


class _Handler(BaseHTTPRequestHandler):
    protocol_version = "HTTP/1.1"
    disable_nagle_algorithm = True  # it holds a small body back for 40 ms
    service: FakeService

    def log_message(self, *arguments: Any) -> None:
        """Keep quiet."""

    def _any(self) -> None:
        length = int(self.headers.get("Content-Length") or 0)
        body = self.rfile.read(length) if length else self._chunked()
        parts = urlsplit(self.path)
        call = Call(
            method=self.command,
            path=parts.path,
            query={name: values[0] for name, values in parse_qs(parts.query).items()},
            headers={name.lower(): text for name, text in self.headers.items()},
            body=body,
        )
        reply, fault = self.service.take(call)
        self._answer(reply, fault or Fault())

    def _chunked(self) -> bytes:
        if self.headers.get("Transfer-Encoding", "").lower() != "chunked":
            return b""
        body = b""
        while size := int(self.rfile.readline().strip() or b"0", 16):
            body += self.rfile.read(size)
            self.rfile.readline()
        self.rfile.readline()
        return body

    do_GET = do_POST = do_PUT = do_DELETE = _any  # noqa: N815 (names of the base class)

    def _answer(self, reply: Reply, fault: Fault) -> None:
        if fault.hangs:
            self.service.wait_while_hanging()
        if fault.hangs or fault.cuts:
            self._break()
            return
        if reply.events:
            self._stream(reply)
            return
        content = reply.content()
        self.send_response(reply.status)
        self.send_header("Content-Type", reply.mime_type)
        promised = len(content) + (1000 if fault.wrong_length else 0)
        self.send_header("Content-Length", str(promised))
        for name, text in reply.headers.items():
            self.send_header(name, text)
        self.end_headers()
        if fault.drips:
            self._drip(content, fault.drips)
        elif fault.cuts_body or fault.wrong_length:
            self.wfile.write(content[: len(content) // 2])
            self._break()
        else:
            self.wfile.write(content)

    def _drip(self, content: bytes, per_second: float) -> None:
        for byte in content:
            self.wfile.write(bytes([byte]))
            self.wfile.flush()
            if self.service._going.wait(1 / per_second):
                break
        self._break()

    def _stream(self, reply: Reply) -> None:
        self.send_response(reply.status)
        self.send_header("Content-Type", "text/event-stream")
        self.send_header("Connection", "close")
        self.end_headers()
        for name, told in reply.events:
            text = told if isinstance(told, str) else json.dumps(told)
            self.wfile.write(f"event: {name}\ndata: {text}\n\n".encode())
            self.wfile.flush()
        self.close_connection = True

    def _break(self) -> None:
        self.close_connection = True
        with suppress(OSError):
            self.connection.shutdown(socket.SHUT_RDWR)


def picture(
    width: int, height: int, *, words: str = "", seed: int = 0, kind: str = "PNG"
) -> bytes:
    """Draw a picture that tells words and seeds apart, the same for the same ones."""
    mixed = hashlib.sha256(f"{words}|{seed}".encode()).digest()
    drawn = Image.new("RGB", (width, height), tuple(mixed[:3]))
    pencil = ImageDraw.Draw(drawn)
    for step in range(4):
        x, y = mixed[3 + step] / 255 * width, mixed[7 + step] / 255 * height
        colour = tuple(mixed[11 + step : 14 + step])
        pencil.ellipse((x / 2, y / 2, x, y), fill=colour)
    pencil.text((8, 8), words[:40], fill="white")
    out = io.BytesIO()
    drawn.save(out, kind)
    return out.getvalue()


def repainted(init: bytes, mask: Image.Image, *, seed: int = 0) -> bytes:
    """Return a picture with another colour where the mask is white."""
    drawn = Image.open(io.BytesIO(init)).convert("RGB")
    mixed = hashlib.sha256(f"repaint|{seed}".encode()).digest()
    colour = tuple(255 - part if part == 127 else part for part in mixed[:3])
    drawn.paste(colour, mask=mask.convert("L").resize(drawn.size))
    out = io.BytesIO()
    drawn.save(out, "PNG")
    return out.getvalue()


def soon(is_true: Callable[[], bool], *, seconds: float = 5) -> bool:
    """Wait for something to become true; answer whether it did."""
    end = time.monotonic() + seconds
    while time.monotonic() < end:
        if is_true():
            return True
        time.sleep(0.02)
    return False
