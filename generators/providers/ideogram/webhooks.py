"""Makes sure that a webhook was sent by Ideogram, and just now."""

import base64
import binascii
import hashlib
import json
import threading
import time
from collections.abc import Callable, Mapping
from typing import Any

from cryptography.exceptions import InvalidSignature
from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PublicKey

from generators.contracts import WebhookNews
from generators.errors import AuthenticationFailed, ProviderError

KEYS_PATH = "v1/.well-known/jwks.json"
MOST_SECONDS_OFF = 300
KEYS_SECONDS = 3600.0
"""How long fetched keys are good for; the service allows a day (d)."""

ASK_AGAIN_SECONDS = 10.0
"""Unknown key ids, which anybody can make up, let us ask no more often."""

_PREFIX = "x-ideogram-webhook-"
Keys = Mapping[str, Ed25519PublicKey]


_SIGNED = ("generation-id", "user-id", "timestamp")


def signed_message(headers: Mapping[str, str], body: bytes) -> bytes:
    """Return what is signed: ids and time as sent, and the hash of the raw body.

    The sheet says only "over the raw body"; the four lines are the documentation's (d).
    """
    lines = [headers.get(_PREFIX + name, "") for name in _SIGNED]
    return "\n".join([*lines, hashlib.sha256(body).hexdigest()]).encode()


class Webhooks:
    """Reads webhooks of one connection; keeps the service's keys for a while."""

    def __init__(self, ask: Callable[[], Any]) -> None:
        self._ask = ask
        self._lock = threading.Lock()
        self._keys: Keys = {}
        self._good_until = 0.0
        self._ask_again_at = 0.0

    def read(self, headers: Mapping[str, str], body: bytes) -> WebhookNews:
        """Return what a webhook is about.

        The same one may come again: it is a hint, so that does no harm. Raises
        ``AuthenticationFailed`` unless the service signed it within five minutes.
        """
        _refuse_unless_recent(headers.get(_PREFIX + "timestamp", ""))
        key = self._key(headers.get(_PREFIX + "key-id", ""))
        try:
            signature = bytes.fromhex(headers.get(_PREFIX + "signature", ""))
            key.verify(signature, signed_message(headers, body))
        except (InvalidSignature, ValueError):
            raise AuthenticationFailed(detail="a webhook of a forger") from None
        subject = _subject(body)
        if not subject or subject != headers.get(_PREFIX + "generation-id"):
            raise AuthenticationFailed(detail="a webhook about two generations")
        return WebhookNews(external_id=subject)

    def _key(self, key_id: str) -> Ed25519PublicKey:
        with self._lock:
            now = time.monotonic()
            if now >= self._good_until:
                self._fetch(now)
            elif key_id not in self._keys and now >= self._ask_again_at:
                self._ask_again_at = now + ASK_AGAIN_SECONDS
                self._fetch(now)
            key = self._keys.get(key_id)
        if key is None:
            raise AuthenticationFailed(detail="a webhook signed with an unknown key")
        return key

    def _fetch(self, now: float) -> None:
        try:
            self._keys = _read_keys(self._ask())
            self._good_until = now + KEYS_SECONDS
        except ProviderError as error:
            self._good_until = now + ASK_AGAIN_SECONDS
            if not self._keys:  # a check that cannot be made is a failure
                detail = f"the keys of webhooks: {error.detail}"
                raise AuthenticationFailed(detail=detail) from error


def _refuse_unless_recent(timestamp: str) -> None:
    is_number = timestamp.isascii() and timestamp.isdecimal()
    if not is_number or abs(time.time() - int(timestamp[:20])) > MOST_SECONDS_OFF:
        raise AuthenticationFailed(detail="a webhook from another time")


def _read_keys(value: Any) -> Keys:
    listed = value.get("keys") if isinstance(value, dict) else None
    keys = {}
    for each in listed if isinstance(listed, list) else ():
        is_ours = isinstance(each, dict) and each.get("crv") == "Ed25519"
        if is_ours and (key := _read_key(each.get("x"))) is not None:
            keys[str(each.get("kid"))] = key
    return keys


def _read_key(coordinate: Any) -> Ed25519PublicKey | None:
    try:
        raw = base64.urlsafe_b64decode(str(coordinate) + "==")
        return Ed25519PublicKey.from_public_bytes(raw)
    except (binascii.Error, ValueError):
        return None


def _subject(body: bytes) -> str:
    try:
        value = json.loads(body)
    except (ValueError, RecursionError):
        return ""
    subject = value.get("generation_id") if isinstance(value, dict) else None
    return subject if isinstance(subject, str) else ""
