"""A small S3 on loopback: one bucket in memory, the five calls that a storage makes."""

import datetime as dt
import hashlib
import threading
from dataclasses import dataclass
from email.utils import format_datetime
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from urllib.parse import parse_qs, unquote, urlsplit
from xml.sax.saxutils import escape


@dataclass
class Stored:
    """One object, and when it came."""

    content: bytes
    mime_type: str
    modified: dt.datetime


class FakeS3:
    """Serves ``http://127.0.0.1:PORT/BUCKET``; with ``is_failing`` answers only 503."""

    def __init__(self) -> None:
        self.objects: dict[str, Stored] = {}
        self.is_failing = False
        handler = type("Handler", (_Handler,), {"fake": self})
        self._server = ThreadingHTTPServer(("127.0.0.1", 0), handler)
        self.url = f"http://127.0.0.1:{self._server.server_port}"
        threading.Thread(target=self._server.serve_forever, daemon=True).start()

    def close(self) -> None:
        """Stop serving."""
        self._server.shutdown()
        self._server.server_close()


class _Handler(BaseHTTPRequestHandler):
    fake: FakeS3
    protocol_version = "HTTP/1.1"

    def log_message(self, *_: object) -> None:
        """Keep quiet."""

    def do_PUT(self) -> None:
        body = self.rfile.read(int(self.headers["Content-Length"]))
        if "aws-chunked" in self.headers.get("Content-Encoding", ""):
            body = _unchunked(body)
        if not self._refused():
            mime_type = self.headers.get("Content-Type", "")
            now = dt.datetime.now(dt.UTC)
            self.fake.objects[self._key()] = Stored(body, mime_type, now)
            self._answer(200, {"ETag": f'"{hashlib.sha256(body).hexdigest()}"'})

    def do_GET(self) -> None:
        if self._refused():
            return
        if urlsplit(self.path).path.count("/") == 1:
            self._answer(200, {"Content-Type": "application/xml"}, self._listing())
        else:
            self._send_object()

    def do_HEAD(self) -> None:
        if not self._refused():
            self._send_object()

    def do_DELETE(self) -> None:
        if not self._refused():
            self.fake.objects.pop(self._key(), None)
            self._answer(204)

    def _key(self) -> str:
        return unquote(urlsplit(self.path).path).split("/", 2)[2]

    def _refused(self) -> bool:
        if self.fake.is_failing:
            self._answer(503)
        return self.fake.is_failing

    def _send_object(self) -> None:
        found = self.fake.objects.get(self._key())
        if found is None:
            body = b"<Error><Code>NoSuchKey</Code><Message>No</Message></Error>"
            self._answer(404, {"Content-Type": "application/xml"}, body)
            return
        headers = {
            "Content-Type": found.mime_type,
            "Last-Modified": format_datetime(found.modified, usegmt=True),
            "ETag": f'"{hashlib.sha256(found.content).hexdigest()}"',
        }
        self._answer(200, headers, found.content)

    def _listing(self) -> bytes:
        query = {k: v[0] for k, v in parse_qs(urlsplit(self.path).query).items()}
        prefix, delimiter = query.get("prefix", ""), query.get("delimiter", "")
        files, folders = [], set()
        for key in sorted(k for k in self.fake.objects if k.startswith(prefix)):
            head, cut, _ = key.removeprefix(prefix).partition(delimiter)
            if cut:
                folders.add(prefix + head + delimiter)
            else:
                files.append(key)
        inside = "".join(f"<Contents><Key>{escape(k)}</Key></Contents>" for k in files)
        inside += "".join(
            f"<CommonPrefixes><Prefix>{escape(f)}</Prefix></CommonPrefixes>"
            for f in sorted(folders)
        )
        return f"<ListBucketResult><IsTruncated>false</IsTruncated>{inside}</ListBucketResult>".encode()

    def _answer(
        self, status: int, headers: dict[str, str] | None = None, body: bytes = b""
    ) -> None:
        self.send_response(status)
        for name, value in (headers or {}).items():
            self.send_header(name, value)
        self.send_header("Content-Length", str(len(body)))
        self.end_headers()
        if self.command != "HEAD":
            self.wfile.write(body)


def _unchunked(body: bytes) -> bytes:
    """Return what an aws-chunked body carries."""
    content = b""
    while True:
        line, _, body = body.partition(b"\r\n")
        size = int(line.split(b";")[0], 16)
        if not size:
            return content
        content, body = content + body[:size], body[size + 2 :]
