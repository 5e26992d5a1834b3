"""Secrets at rest: encrypted by the site's own keys, which no database dump holds.

``settings.ENCRYPTION_KEYS`` are texts of any length, the newest first. What was written
under an older one is still read, so that a key is changed by putting a new one before it.
"""

import base64
import functools

from cryptography.fernet import Fernet, InvalidToken, MultiFernet
from cryptography.hazmat.primitives.hashes import SHA256
from cryptography.hazmat.primitives.kdf.hkdf import HKDF
from django.conf import settings


class CannotDecrypt(Exception):
    """The secret was written under a key that the site no longer has."""


def encrypt(text: str) -> str:
    """Return a secret as it may lie in the database; empty stays empty."""
    return _box().encrypt(text.encode()).decode() if text else ""


def decrypt(token: str) -> str:
    """Return the secret that ``encrypt`` was given. Raises ``CannotDecrypt``."""
    if not token:
        return ""
    try:
        return _box().decrypt(token.encode()).decode()
    except InvalidToken:
        raise CannotDecrypt from None


def is_encrypted(text: str) -> bool:
    """Say whether a text looks like what ``encrypt`` returns: a Fernet token, version 128."""
    return text.startswith("gAAAA")


def _box() -> MultiFernet:
    return _box_of(tuple(settings.ENCRYPTION_KEYS))


@functools.lru_cache(maxsize=8)
def _box_of(keys: tuple[str, ...]) -> MultiFernet:
    return MultiFernet([Fernet(_derived(key)) for key in keys])


def _derived(key: str) -> bytes:
    derivation = HKDF(algorithm=SHA256(), length=32, salt=None, info=b"magicshot")
    return base64.urlsafe_b64encode(derivation.derive(key.encode()))
