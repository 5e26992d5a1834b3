"""A small server that speaks the part of the Hugging Face hub's protocol we use.

Model info with file sizes and hashes, the tree, and resolve with ETag, X-Repo-Commit
and Range; large files go by way of a redirect, as the hub sends them to its store.
"""

import contextlib
import hashlib
import json
import threading
import urllib.parse
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path

COMMIT = "0123456789abcdef0123456789abcdef01234567"


class FakeHub:
    """Serves folders as repositories; every request is noted in ``requests``."""

    def __init__(self):
        self.repos: dict[str, Path] = {}
        self.commit = COMMIT
        self.gated: set[str] = set()
        self.cuts: dict[str, list[int]] = {}
        """By file name: after how many bytes to drop each of the next connections."""
        self.corrupt: set[str] = set()
        self.claimed_sizes: dict[str, int] = {}
        """By path in the repository: the size it says a file has."""
        self.requests: list[tuple[str, str, str]] = []
        hub = self

        class Handler(_Handler):
            server_hub = hub

        self._server = ThreadingHTTPServer(("127.0.0.1", 0), Handler)
        self._thread = threading.Thread(target=self._server.serve_forever, daemon=True)
        self._thread.start()

    @property
    def endpoint(self) -> str:
        """Where it listens."""
        return f"http://127.0.0.1:{self._server.server_address[1]}"

    def ranges_of(self, name: str) -> list[str]:
        """Return the Range header ("" for none) of each request for a file's bytes."""
        return [
            asked
            for method, path, asked in self.requests
            if method == "GET" and path.endswith(name) and "/store/" in path
        ]

    def close(self) -> None:
        """Stop."""
        self._server.shutdown()
        self._server.server_close()
        self._thread.join()


class _Handler(BaseHTTPRequestHandler):
    protocol_version = "HTTP/1.1"
    server_hub: FakeHub

    def log_message(self, *args):
        """Be quiet."""

    def do_HEAD(self):
        self._answer(has_body=False)

    def do_GET(self):
        self._answer(has_body=True)

    def _answer(self, *, has_body):
        path = urllib.parse.unquote(urllib.parse.urlsplit(self.path).path)
        asked = self.headers.get("Range", "")
        self.server_hub.requests.append((self.command, path, asked))
        parts = path.strip("/").split("/")
        if parts[:2] == ["api", "models"]:
            return self._api(parts[2:])
        if parts[0] == "store":
            return self._bytes(self._file("/".join(parts[1:3]), parts[3:]), has_body)
        if len(parts) > 4 and parts[2] == "resolve":
            return self._resolve("/".join(parts[:2]), parts[4:], has_body)
        return self._error(404, "EntryNotFound")

    def _api(self, parts):
        repo = "/".join(parts[:2])
        hub = self.server_hub
        if repo not in hub.repos:
            return self._error(404, "RepoNotFound")
        if repo in hub.gated:
            return self._error(403, "GatedRepo")
        revision = parts[3] if len(parts) > 3 else "main"
        if revision not in {"main", hub.commit}:
            return self._error(404, "RevisionNotFound")
        folder = hub.repos[repo]
        files = [each for each in sorted(folder.rglob("*")) if each.is_file()]
        told = {
            "id": repo,
            "modelId": repo,
            "sha": hub.commit,
            "private": False,
            "siblings": [self._sibling(folder, each) for each in files],
            "tags": [],
            "downloads": 1,
        }
        return self._json(200, told)

    def _sibling(self, folder, path):
        name = path.relative_to(folder).as_posix()
        size = self.server_hub.claimed_sizes.get(name, path.stat().st_size)
        told = {"rfilename": name, "size": size, "blobId": _sha256(path)[:40]}
        if path.suffix == ".safetensors":
            told["lfs"] = {"sha256": _sha256(path), "size": size, "pointerSize": 134}
        return told

    def _resolve(self, repo, parts, has_body):
        path = self._file(repo, parts)
        if path is None:
            return self._error(404, "EntryNotFound")
        if path.suffix != ".safetensors":
            return self._bytes(path, has_body)
        self.send_response(302)
        self.send_header("Location", f"/store/{repo}/{'/'.join(parts)}")
        self.send_header("X-Repo-Commit", self.server_hub.commit)
        self.send_header("X-Linked-Size", str(path.stat().st_size))
        self.send_header("X-Linked-ETag", f'"{_sha256(path)}"')
        self.send_header("Content-Length", "0")
        return self.end_headers()

    def _bytes(self, path, has_body):
        if path is None:
            return self._error(404, "EntryNotFound")
        content = path.read_bytes()
        if path.name in self.server_hub.corrupt:
            content = content[:-1] + bytes([content[-1] ^ 1])
        total, first = len(content), 0
        if asked := self.headers.get("Range"):
            first = int(asked.removeprefix("bytes=").split("-")[0])
        self.send_response(206 if asked else 200)
        self.send_header("ETag", f'"{_sha256(path)}"')
        self.send_header("X-Repo-Commit", self.server_hub.commit)
        self.send_header("Accept-Ranges", "bytes")
        if asked:
            self.send_header("Content-Range", f"bytes {first}-{total - 1}/{total}")
        self.send_header("Content-Length", str(total - first))
        self.end_headers()
        if has_body:
            with contextlib.suppress(ConnectionError):  # who asked was killed
                self._send(content[first:], self.server_hub.cuts.get(path.name, []))
        return None

    def _send(self, content, cuts):
        if not cuts:
            self.wfile.write(content)
            return
        self.wfile.write(content[: cuts.pop(0)])
        self.wfile.flush()
        self.close_connection = True

    def _file(self, repo, parts):
        folder = self.server_hub.repos.get(repo)
        path = folder.joinpath(*parts) if folder else None
        return path if path is not None and path.is_file() else None

    def _json(self, status, told):
        content = json.dumps(told).encode()
        self.send_response(status)
        self.send_header("Content-Type", "application/json")
        self.send_header("Content-Length", str(len(content)))
        self.end_headers()
        self.wfile.write(content)

    def _error(self, status, code):
        self.send_response(status)
        self.send_header("X-Error-Code", code)
        self.send_header("X-Error-Message", code)
        self.send_header("Content-Length", "0")
        self.end_headers()


def _sha256(path):
    return hashlib.sha256(path.read_bytes()).hexdigest()
