"""The way to Vertex: tokens for a service account, and the addresses there."""

import json
import re
import threading
import time
from urllib.parse import urlsplit

from generators.contracts import Access
from generators.errors import (
    AuthenticationFailed,
    NotConfigured,
    ProviderUnavailable,
    UnexpectedResponse,
)
from generators.providers.http import Answer, Http

GOOGLES_TOKENS = "https://oauth2.googleapis.com/"
SCOPE = "https://www.googleapis.com/auth/cloud-platform"
GRANT_TYPE = "urn:ietf:params:oauth:grant-type:jwt-bearer"
ASSERTION_SECONDS = 3600
SPARE_SECONDS = 60.0
"""A token that ends sooner is not used for a new call."""

_ACCOUNT = re.compile(r"(?P<project>[a-z0-9][a-z0-9.:-]*)/(?P<location>[a-z0-9-]+)")


def is_service_account(key: str) -> bool:
    """Say whether a key is a service account's JSON file and not an API key."""
    return key.startswith("{")


class Vertex:
    """Talks to Vertex as a service account; shared by all threads of a worker.

    Raises ``NotConfigured`` for a file or an account that makes no sense.
    """

    def __init__(self, access: Access) -> None:
        self._file = _read(access.api_key)
        place = _ACCOUNT.fullmatch(access.account)
        if place is None:
            raise NotConfigured(detail="a service account needs project/location")
        self._project, self._location = place["project"], place["location"]
        self._base_url = base_url_of(access.base_url, self._location)
        if not self._token_uri.startswith(_token_start(access.base_url)):
            host = urlsplit(self._token_uri).hostname
            raise NotConfigured(detail=f"the service account asks {host} for tokens")
        self._lock = threading.Lock()
        self._http: Http | None = None
        self._good_until = 0.0

    def http(self) -> Http:
        """Return a client with a token that is good for a while."""
        with self._lock:
            if self._http is None or time.monotonic() > self._good_until:
                token, seconds = self._fetch_token()
                self._close()
                headers = {"Authorization": f"Bearer {token}"}
                self._http = Http(self._base_url, headers=headers, key=token)
                self._good_until = time.monotonic() + seconds - SPARE_SECONDS
            return self._http

    def path_of(self, model: str) -> str:
        """Return the path of a model, as the project sees it."""
        place = f"v1/projects/{self._project}/locations/{self._location}"
        return f"{place}/publishers/google/models/{model}"

    def close(self) -> None:
        """Close what is kept open and forget the token."""
        with self._lock:
            self._close()

    def _close(self) -> None:
        if self._http is not None:
            self._http.close()
            self._http = None

    @property
    def _token_uri(self) -> str:
        return self._file["token_uri"]

    def _fetch_token(self) -> tuple[str, float]:
        """Return a fresh token and its seconds; free, so that it may be repeated.

        The asking is not left to google-auth, which repeats it and asks further hosts.
        """
        assertion = self._assertion()
        http = Http(self._token_uri, headers={}, key=assertion)
        try:
            answer = http.post(
                self._token_uri,
                data={"grant_type": GRANT_TYPE, "assertion": assertion},
            )
        finally:
            http.close()
        return _token_in(answer)

    def _assertion(self) -> str:
        """Sign a request for a token, as google-auth does it."""
        from google.auth import crypt, jwt

        now = int(time.time())
        claims = {
            "iss": self._file["client_email"],
            "scope": SCOPE,
            "aud": self._token_uri,
            "iat": now,
            "exp": now + ASSERTION_SECONDS,
        }
        try:
            signer = crypt.RSASigner.from_service_account_info(self._file)  # type: ignore[no-untyped-call]
            signed: bytes = jwt.encode(signer, claims)  # type: ignore[no-untyped-call]
        except (TypeError, ValueError):  # whose words may hold parts of the key
            raise NotConfigured(detail="the service account's key is damaged") from None
        return signed.decode()


def _read(key: str) -> dict[str, str]:
    """Return a service account's file."""
    try:
        file = json.loads(key)
    except ValueError:
        raise NotConfigured(detail="the service account is no JSON") from None
    wanted = ("client_email", "private_key", "token_uri")
    if not all(isinstance(file.get(name), str) for name in wanted):
        raise NotConfigured(detail=f"the service account lacks one of {wanted}")
    return {name: text for name, text in file.items() if isinstance(text, str)}


def _is_googles(base_url: str) -> bool:
    host = urlsplit(base_url).hostname or ""
    return f".{host}".endswith(".googleapis.com")


def base_url_of(base_url: str, location: str) -> str:
    """Return where a location lives; an address that is not Google's stays."""
    if not _is_googles(base_url):
        return base_url
    region = "" if location == "global" else f"{location}-"
    return f"https://{region}aiplatform.googleapis.com"


def _token_start(base_url: str) -> str:
    """Return how the address that gives tokens begins, for each kind of connection."""
    if _is_googles(base_url):
        return GOOGLES_TOKENS
    return base_url.rstrip("/") + "/"


def _token_in(answer: Answer) -> tuple[str, float]:
    if answer.status == 429 or answer.status >= 500:
        raise ProviderUnavailable(detail=answer.detail())
    if not answer.is_good:
        raise AuthenticationFailed(detail=answer.detail())
    said = answer.said()
    if not isinstance(said, dict) or not isinstance(said.get("access_token"), str):
        raise UnexpectedResponse(detail="no token in the answer")
    seconds = said.get("expires_in")
    return said["access_token"], float(seconds) if isinstance(seconds, int) else 0.0
