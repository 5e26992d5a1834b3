"""Where settings come from: the environment, and one data folder for all state."""

import contextlib
import secrets
from pathlib import Path

import environ

BASE_DIR = Path(__file__).resolve().parent.parent

env = environ.FileAwareEnv()
"""Typed readers; each variable may also be given as ``NAME_FILE``, a file's path."""


def data_folder() -> Path:
    """Return ``MAGICSHOT_HOME``, made if missing: database, broker, cache, key, media."""
    home = (
        Path(env.str("MAGICSHOT_HOME", str(BASE_DIR / "data"))).expanduser().resolve()
    )
    home.mkdir(parents=True, exist_ok=True, mode=0o700)
    return home


def secret_key(home: Path) -> str:
    """Return ``SECRET_KEY``, or this data folder's own, made on the first start."""
    given: str = env.str("SECRET_KEY", "")
    if given:
        return given
    path = home / "secret_key"
    if not path.exists():
        fresh = home / f"secret_key.{secrets.token_hex(4)}"
        fresh.touch(mode=0o600)
        fresh.write_text(secrets.token_urlsafe(50))
        with contextlib.suppress(FileExistsError):
            path.hardlink_to(fresh)  # another process may have been first
        fresh.unlink()
    return path.read_text()
