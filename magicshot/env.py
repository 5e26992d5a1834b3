"""Where settings come from: the environment, and one data folder for all state."""

import contextlib
import os
import secrets
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import environ
from django.core.exceptions import ImproperlyConfigured

BASE_DIR = Path(__file__).resolve().parent.parent


class Environment(environ.FileAwareEnv):  # type: ignore[misc]
    """Reads variables, and names the one whose value cannot be read."""

    def get_value(self, var: str, *args: Any, **options: Any) -> Any:
        """Raise ``ImproperlyConfigured`` with the variable's name for a bad value."""
        try:
            return super().get_value(var, *args, **options)
        except (OSError, ValueError) as error:
            raise ImproperlyConfigured(f"{var} cannot be read: {error}.") from error


env = Environment()
"""Typed readers; each variable may also be given as ``NAME_FILE``, a file's path."""


def data_folder() -> Path:
    """Return ``MAGICSHOT_HOME``, made if missing: database, broker, cache, key, media."""
    home = (
        Path(env.str("MAGICSHOT_HOME", str(BASE_DIR / "data"))).expanduser().resolve()
    )
    try:
        home.mkdir(parents=True, exist_ok=True, mode=0o700)
    except OSError as error:
        raise ImproperlyConfigured(
            f"MAGICSHOT_HOME={home} cannot be made: {error.strerror}."
        ) from error
    if not os.access(home, os.W_OK | os.X_OK):
        raise ImproperlyConfigured(f"MAGICSHOT_HOME={home} cannot be written.")
    return home


@contextlib.contextmanager
def in_plain_words(home: Path) -> Iterator[None]:
    """Name the data folder when the disk refuses what is done inside.

    Raises ``ImproperlyConfigured``, which ``manage.py`` prints as one sentence.
    """
    try:
        yield
    except OSError as error:
        raise ImproperlyConfigured(
            f"The data folder {home} cannot be used: {error.strerror or error}."
        ) from error


def secret_key(home: Path) -> str:
    """Return ``SECRET_KEY``, or this data folder's own, made on the first start."""
    given: str = env.str("SECRET_KEY", "")
    if given:
        return given
    with in_plain_words(home):
        return kept_secret(home / "secret_key", num_bytes=50)


def encryption_keys(home: Path) -> list[str]:
    """Return ``ENCRYPTION_KEYS``, the newest first, or this data folder's own one."""
    given: list[str] = env.list("ENCRYPTION_KEYS", default=[])
    if given:
        return given
    with in_plain_words(home):
        return [kept_secret(home / "encryption_key", num_bytes=50)]


def kept_secret(path: Path, *, num_bytes: int) -> str:
    """Return the secret in a file for its owner alone; made at random if missing."""
    if not path.exists():
        fresh = path.with_name(f"{path.name}.{secrets.token_hex(4)}")
        fresh.touch(mode=0o600)
        fresh.write_text(secrets.token_urlsafe(num_bytes))
        with contextlib.suppress(FileExistsError):
            path.hardlink_to(fresh)  # another process may have been first
        fresh.unlink()
    return path.read_text()
