"""The way out to remote services: one client for calls, one for finished pictures.

What it promises to adapters:

- a key goes to the connection's own host, and to ``key_hosts`` over https, nowhere else;
- pictures come only from hosts that are named, never from a private address, but for
  the connection's own host, which an admin chose;
- no redirect is followed, no proxy, cookie or ``.netrc`` of the machine is used;
- each call ends within its seconds in all, and no answer is larger than it may be;
- a paid call is sent once, on a connection of its own: one kept open may just have
  been closed by the service, which would look like a call whose outcome is unknown;
- no error or log line holds the key.
"""

import datetime as dt
import email.utils
import re
from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import dataclass, field
from http.cookiejar import DefaultCookiePolicy
from typing import Any
from urllib.parse import urljoin, urlsplit

import requests
from requests.adapters import HTTPAdapter
from requests_hardened.ip_filter import InvalidIPAddress
from requests_hardened.ip_filter_adapter import IPFilterAdapter
from urllib3.exceptions import HTTPError

from generators import errors
from generators.hosts import origin
from generators.providers import bodies
from generators.providers.bodies import Document
from generators.providers.deadlines import Deadline, obey, watch
from generators.redaction import without
from generators.spool import Spool

CONNECT_SECONDS = 10.0
POLL_SECONDS = 30.0
PAID_SECONDS = 300.0
"""How long a call may take in all: a look at work, and a call that draws."""

DOWNLOAD_SECONDS = 120.0
MAX_PICTURE_BYTES = 64_000_000
"""As much as the gallery keeps of what a model sends."""

CHUNK_BYTES = 65_536
USER_AGENT = "Magicshot"
"""Some hosts of pictures refuse the name that ``requests`` gives itself."""

LONGEST_DETAIL = 500
_CODE = re.compile(r"[A-Za-z]\w{1,49}", re.ASCII)

OnChunk = Callable[[bytes], None]
"""Shown a body piece by piece, while it arrives."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Answer:
    """What a service answered. ``headers`` have lower-case names."""

    status: int
    headers: Mapping[str, str]
    body: Spool = field(repr=False)
    key: str = field(default="", repr=False)

    @property
    def is_good(self) -> bool:
        """Say whether it is a 2xx."""
        return 200 <= self.status < 300

    @property
    def retry_after(self) -> float | None:
        """Return how many seconds it asks us to wait, from either form of the header."""
        return retry_after(self.headers.get("retry-after", ""))

    def document(self, *picture_keys: str) -> Document:
        """Parse it as JSON, pictures under these keys taken out and decoded."""
        return bodies.read_document(self.body, keys=picture_keys)

    def said(self) -> Any:
        """Return its JSON, or ``None`` where it is none: for answers that refuse."""
        try:
            return self.document().value
        except errors.UnexpectedResponse:
            return None

    def detail(self) -> str:
        """Return status, code and the body's beginning for the operator, without our key.

        Only what stands before the colon is sure to repeat no words of a person's.
        """
        text = self.body.read(LONGEST_DETAIL).decode(errors="replace")
        head = f"HTTP {self.status} {self._code()}".rstrip()
        return f"{without(head, self.key)}: {without(text, self.key)}"

    def _code(self) -> str:
        """Return the service's own short name for what is wrong, where it gives one."""
        said = self.said()
        told = said.get("error", said) if isinstance(said, dict) else None
        if not isinstance(told, dict):
            return ""
        names = (told.get(each) for each in ("code", "status", "type", "name"))
        return next((e for e in names if isinstance(e, str) and _CODE.fullmatch(e)), "")


class Http:
    """Talks to one service for one connection; shared by all threads of a worker.

    ``headers`` carry the key. ``key_hosts`` and ``result_hosts`` name further hosts
    that get it and that pictures come from: ``example.com``, or ``.example.com`` for
    every host below. Raises ``NotConfigured`` for a key that no header can carry.
    """

    def __init__(
        self,
        base_url: str,
        *,
        headers: Mapping[str, str],
        key: str = "",
        key_hosts: Sequence[str] = (),
        result_hosts: Sequence[str] = (),
    ) -> None:
        if not all(text.isascii() and text.isprintable() for text in headers.values()):
            raise errors.NotConfigured(detail="the key has characters no key can have")
        self._base_url = base_url.rstrip("/") + "/"
        self._headers = dict(headers)
        self._key = key
        self._key_hosts = tuple(key_hosts)
        self._result_hosts = tuple(result_hosts)
        self._kept_open = _session(_open_adapter())
        self._guarded = _session(obey(IPFilterAdapter(is_https_proto=True)))

    def close(self) -> None:
        """Close what is kept open."""
        self._kept_open.close()
        self._guarded.close()

    def get(
        self, path: str, *, seconds: float = POLL_SECONDS, **options: Any
    ) -> Answer:
        """Ask for something at no cost; safe to repeat.

        Raises ``ProviderUnavailable`` when no whole answer comes.
        """
        return self._call("GET", path, seconds=seconds, is_paid=False, **options)

    def post(
        self, path: str, *, seconds: float = POLL_SECONDS, **options: Any
    ) -> Answer:
        """Send something that costs nothing; safe to repeat."""
        return self._call("POST", path, seconds=seconds, is_paid=False, **options)

    def pay(
        self,
        path: str,
        *,
        seconds: float = PAID_SECONDS,
        on_chunk: OnChunk | None = None,
        **options: Any,
    ) -> Answer:
        """Send a paid call, once. ``options`` are those of ``requests``.

        ``on_chunk`` sees what a service streams before the answer is whole. Raises
        ``ProviderUnavailable`` when it surely was not sent, and ``OutcomeUnknown`` when
        it may have been and no whole answer came, whatever ``on_chunk`` saw of it.
        """
        return self._call(
            "POST", path, seconds=seconds, is_paid=True, on_chunk=on_chunk, **options
        )

    def fetch(self, url: str, *, seconds: float = DOWNLOAD_SECONDS) -> Spool:
        """Download a finished picture; no key is sent along.

        A relative address is of the connection's own host. Raises
        ``UnexpectedResponse`` for a host that may not be asked, a picture that is gone
        or too large, ``ProviderUnavailable`` when it may be tried again.
        """
        url = self._whole(url)
        is_own = origin(url) == origin(self._base_url)
        if not is_own and not _is_among(url, self._result_hosts):
            raise errors.UnexpectedResponse(detail=f"a picture on {_host(url)}")
        session = self._kept_open if is_own else self._guarded
        with (
            watch.over(seconds) as deadline,
            _explained(deadline, is_paid=False, key=self._key),
        ):
            answer = self._send(
                session, "GET", url, deadline, max_bytes=MAX_PICTURE_BYTES
            )
        if answer.status in {429, 500, 502, 503, 504}:
            raise errors.ProviderUnavailable(detail=answer.detail())
        if not answer.is_good:
            raise errors.UnexpectedResponse(detail=answer.detail())
        return answer.body

    def _call(
        self, method: str, path: str, *, seconds: float, is_paid: bool, **options: Any
    ) -> Answer:
        url = self._whole(path)
        is_own = origin(url) == origin(self._base_url)
        if not is_own and not _is_among(url, self._key_hosts):
            raise errors.UnexpectedResponse(detail=f"told to ask {_host(url)}")
        headers = self._headers | options.pop("headers", {})
        session = _session(_open_adapter()) if is_paid else self._kept_open
        try:
            with (
                watch.over(seconds) as deadline,
                _explained(deadline, is_paid=is_paid, key=self._key),
            ):
                return self._send(
                    session,
                    method,
                    url,
                    deadline,
                    max_bytes=bodies.MAX_BODY_BYTES,
                    headers=headers,
                    **options,
                )
        finally:
            if is_paid:
                session.close()

    def _whole(self, url: str) -> str:
        """Return a whole address. Raises ``UnexpectedResponse`` for a malformed one."""
        try:
            whole = urljoin(self._base_url, url)
            origin(whole)
        except ValueError:
            raise errors.UnexpectedResponse(detail="a malformed address") from None
        return whole

    def _send(
        self,
        session: requests.Session,
        method: str,
        url: str,
        deadline: Deadline,
        *,
        max_bytes: int,
        on_chunk: OnChunk | None = None,
        **options: Any,
    ) -> Answer:
        left = deadline.left
        response = session.request(
            method,
            url,
            stream=True,
            allow_redirects=False,
            timeout=(min(CONNECT_SECONDS, left), left),
            **options,
        )
        with response:
            chunks = _chunks(response.raw, on_chunk)
            body = bodies.gather(chunks, max_bytes=max_bytes)
            if deadline.has_passed:
                raise _CutOff
            return Answer(
                status=response.status_code,
                headers={k.lower(): v for k, v in response.headers.items()},
                body=body,
                key=self._key,
            )


def _chunks(raw: Any, on_chunk: OnChunk | None) -> Iterator[bytes]:
    """Read a body; where somebody watches, each piece as soon as it is there."""
    if on_chunk is None:
        yield from raw.stream(CHUNK_BYTES, decode_content=True)
        return
    while chunk := raw.read1(CHUNK_BYTES, decode_content=True):
        yield chunk  # counted first: nobody is shown more than a body may hold
        on_chunk(chunk)


class _CutOff(Exception):
    """Our own deadline ended the call: what came may not be whole."""


def common_error(answer: Answer) -> errors.ProviderError:
    """Return what a refusing answer usually means, for adapters to differ from.

    5xx is ``ProviderFailed``: the request may have been accepted. An adapter whose
    sheet says that a 503 is sent before acceptance answers ``ProviderUnavailable``.
    """
    if answer.status == 429:
        return errors.RateLimited(
            retry_after=answer.retry_after, detail=answer.detail()
        )
    kind = _KINDS.get(answer.status)
    if kind is None:
        is_theirs = answer.status >= 500
        kind = errors.ProviderFailed if is_theirs else errors.UnexpectedResponse
    return kind(detail=answer.detail())


_KINDS: dict[int, type[errors.ProviderError]] = {
    400: errors.InvalidRequest,
    401: errors.AuthenticationFailed,
    402: errors.QuotaExhausted,
    403: errors.AuthenticationFailed,
    404: errors.ModelUnavailable,
    413: errors.InvalidRequest,
    422: errors.InvalidRequest,
}


def retry_after(header: str) -> float | None:
    """Read a ``Retry-After``: seconds or a date (RFC 9110); ``None`` for anything else."""
    text = header.strip()
    if text.replace(".", "", 1).isdecimal():
        return float(text)
    try:
        moment = email.utils.parsedate_to_datetime(text)
    except ValueError:
        return None
    if moment.tzinfo is None:
        moment = moment.replace(tzinfo=dt.UTC)
    return max(0.0, (moment - dt.datetime.now(dt.UTC)).total_seconds())


@contextmanager
def _explained(deadline: Deadline, *, is_paid: bool, key: str) -> Iterator[None]:
    """Tell what broke: surely nothing was sent, or the outcome is not known.

    The kind of error does not say which: TLS breaks in a handshake and in an answer.
    """
    try:
        yield
    except (_CutOff, requests.RequestException, HTTPError, OSError) as error:
        detail = _words(error, key)
        if isinstance(error, InvalidIPAddress):
            raise errors.UnexpectedResponse(detail=f"a private {detail}") from None
        if not is_paid or not deadline.was_connected:
            raise errors.ProviderUnavailable(detail=detail) from None
        raise errors.OutcomeUnknown(detail=detail) from None


def _words(error: Exception, key: str) -> str:
    """Return what broke; of urllib3's nested words those that say it."""
    reason = getattr(error.args[0], "reason", None) if error.args else None
    text = f"{type(error).__name__}: {error}"
    if isinstance(reason, Exception):
        text = f"{type(reason).__name__}: {str(reason).rpartition(': ')[2]}"
    return without(text, key)[:LONGEST_DETAIL]


def _session(adapter: HTTPAdapter) -> requests.Session:
    session = requests.Session()
    session.trust_env = False
    session.headers["User-Agent"] = USER_AGENT
    session.cookies.set_policy(DefaultCookiePolicy(allowed_domains=[]))
    session.mount("https://", adapter)
    session.mount("http://", adapter)
    return session


def _open_adapter() -> HTTPAdapter:
    return obey(HTTPAdapter(pool_maxsize=32))


def _host(url: str) -> str:
    return (urlsplit(url).hostname or "").rstrip(".").lower()


def _is_among(url: str, hosts: Sequence[str]) -> bool:
    """Say whether an https address lies on one of these hosts, on the usual port."""
    scheme, host, port = origin(url)
    if scheme != "https" or port != 443:
        return False
    return any(
        host == each or (each.startswith(".") and host.endswith(each)) for each in hosts
    )
