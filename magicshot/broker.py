"""How Celery talks: its settings for each kind of broker, and our filesystem transport.

Messages only wake a lane, so losing or repeating one does no harm. They go through the
default exchange straight to the queue named in them.
"""

import contextlib
import time
import uuid
from pathlib import Path
from queue import Empty
from typing import Any

from kombu import Exchange, Queue
from kombu.transport import filesystem
from kombu.utils.json import dumps, loads

from magicshot.env import in_plain_words

POLLING_SECONDS = 0.05
LEFT_BEHIND_SECONDS = 3600
VISIBILITY_SECONDS = 3600
"""After how long Redis gives a message to another worker, whose job has then ended."""

CHECK_SECONDS = 300.0
"""How often connections that are not known to work are tried again."""

STRIPE_SECONDS = 30.0
"""How often news of payments is looked for that no message told of, and low balances."""

EXPORTS_SECONDS = 60.0
DELETIONS_SECONDS = 600.0
"""How often people's exports are looked after, and accounts deleted that are due."""

FIGURES_SECONDS = 60.0
"""How often the dashboard's figures are looked after, so that it need not add them up."""

LOOKS_SECONDS = 300.0
"""How often looks of admins who went away are ended."""


class Channel(filesystem.Channel):
    """Puts and takes messages by renaming, so that nobody reads one half written.

    Kombu's own writes in place, and takes a message through the machine's shared
    folder for temporary files. A message taken is deleted at once; the one that a
    killed process had in its hands is deleted when a channel is opened an hour later.
    """

    def __init__(self, *args: Any, **kwargs: Any) -> None:
        super().__init__(*args, **kwargs)
        long_ago = time.time() - LEFT_BEHIND_SECONDS
        for path in Path(self.processed_folder).iterdir():
            with contextlib.suppress(FileNotFoundError):  # another process clears too
                if path.stat().st_mtime < long_ago:
                    path.unlink()

    def _put(self, queue: str, message: Any, **kwargs: Any) -> None:  # type: ignore[override]
        name = self._name(queue)
        fresh = Path(self.processed_folder) / name
        fresh.write_text(dumps(message))
        fresh.replace(Path(self.data_folder_out) / name)

    def _get(self, queue: str, timeout: float | None = None) -> Any:
        suffix = f"{queue}.msg"
        folder = Path(self.data_folder_in)
        names = (path.name for path in folder.iterdir())
        for name in sorted(each for each in names if each.partition(".")[2] == suffix):
            taken = Path(self.processed_folder) / name
            with contextlib.suppress(FileNotFoundError):  # another worker was quicker
                (folder / name).replace(taken)
                payload = taken.read_text()
                taken.unlink()
                return loads(payload)
        raise Empty

    @staticmethod
    def _name(queue: str) -> str:
        return f"{time.time_ns():020d}_{uuid.uuid4().hex}.{queue}.msg"


class Transport(filesystem.Transport):
    """Kombu's filesystem transport with our channel."""

    Channel = Channel

    def drain_events(  # type: ignore[override]
        self, connection: Any, timeout: float | None = None
    ) -> None:
        """Look up often: Celery, which asks for 2 s, notices a stop only in between."""
        super().drain_events(connection, timeout=min(timeout or 0.5, 0.5))


def broker_settings(
    url: str, *, home: Path, queue_prefix: str, reconcile_seconds: float
) -> dict[str, Any]:
    """Return every ``CELERY_`` setting. Queues are the lanes, behind the prefix."""
    queues = {lane: f"{queue_prefix}{lane}" for lane in ("local", "remote")}
    return {
        "CELERY_BROKER_URL": url,
        "CELERY_BROKER_CONNECTION_RETRY_ON_STARTUP": True,
        "CELERY_BROKER_CONNECTION_MAX_RETRIES": None,
        "CELERY_BROKER_CONNECTION_TIMEOUT": 2,
        "CELERY_BROKER_TRANSPORT_OPTIONS": _transport_options(url, home, queue_prefix),
        "CELERY_TASK_QUEUES": [
            Queue(name, Exchange(""), routing_key=name) for name in queues.values()
        ],
        "CELERY_TASK_DEFAULT_QUEUE": queues["remote"],
        "CELERY_TASK_DEFAULT_EXCHANGE": "",
        "CELERY_TASK_ACKS_LATE": True,
        "CELERY_TASK_REJECT_ON_WORKER_LOST": True,
        "CELERY_TASK_IGNORE_RESULT": True,
        "CELERY_WORKER_PREFETCH_MULTIPLIER": 1,
        "CELERY_WORKER_ENABLE_REMOTE_CONTROL": False,
        "CELERY_WORKER_HIJACK_ROOT_LOGGER": False,
        "CELERY_WORKER_CANCEL_LONG_RUNNING_TASKS_ON_CONNECTION_LOSS": False,
        "CELERY_BEAT_SCHEDULE_FILENAME": str(home / "beat-schedule"),
        "CELERY_BEAT_MAX_LOOP_INTERVAL": min(reconcile_seconds, 5.0),
        "CELERY_BEAT_SCHEDULE": {
            "reconcile": {
                "task": "generators.reconcile",
                "schedule": reconcile_seconds,
                "options": {"expires": 2 * reconcile_seconds},
            },
            "sweep": {"task": "generators.sweep", "schedule": 24 * 3600.0},
            "follow Stripe": {
                "task": "accounts.follow_stripe",
                "schedule": STRIPE_SECONDS,
                "options": {"expires": STRIPE_SECONDS},
            },
            "backfill Stripe": {
                "task": "accounts.backfill_stripe",
                "schedule": 24 * 3600.0,
            },
            "audit": {"task": "accounts.audit_ledger", "schedule": 24 * 3600.0},
            "exports": {
                "task": "magicshot.look_after_exports",
                "schedule": EXPORTS_SECONDS,
                "options": {"expires": EXPORTS_SECONDS},
            },
            "deletions": {
                "task": "magicshot.delete_due_accounts",
                "schedule": DELETIONS_SECONDS,
                "options": {"expires": DELETIONS_SECONDS},
            },
            "keep figures": {
                "task": "magicshot.keep_figures",
                "schedule": FIGURES_SECONDS,
                "options": {"expires": FIGURES_SECONDS},
            },
            "end looks": {
                "task": "accounts.end_looks",
                "schedule": LOOKS_SECONDS,
                "options": {"expires": LOOKS_SECONDS},
            },
            "check connections": {
                "task": "generators.check_connections",
                "schedule": CHECK_SECONDS,
                "options": {"expires": CHECK_SECONDS},
            },
        },
    } | _transport(url)


def _transport(url: str) -> dict[str, str]:
    """Name the transport of ours for a broker, if it has one."""
    if _is_files(url):
        return {"CELERY_BROKER_TRANSPORT": f"{__name__}:Transport"}
    if url.startswith("redis:"):
        return {"CELERY_BROKER_TRANSPORT": "magicshot.redis_broker:Transport"}
    return {}


def _is_files(url: str) -> bool:
    return url.startswith("filesystem:")


def _transport_options(url: str, home: Path, queue_prefix: str) -> dict[str, Any]:
    if _is_files(url):
        folders = {name: home / "broker" / name for name in ("messages", "taken")}
        with in_plain_words(home):
            for folder in folders.values():
                folder.mkdir(parents=True, exist_ok=True, mode=0o700)
        return {
            "data_folder_in": str(folders["messages"]),
            "data_folder_out": str(folders["messages"]),
            "processed_folder": str(folders["taken"]),
            "control_folder": str(home / "broker" / "control"),
            "polling_interval": POLLING_SECONDS,
        }
    if url.startswith(("redis", "sentinel", "valkey")):
        return {
            "global_keyprefix": queue_prefix,
            "visibility_timeout": VISIBILITY_SECONDS,
            # Measured: with kombu's own 10 and 10 a lost message took 101 s.
            "unacked_restore_interval": 1,
            "unacked_restore_throttle": 1,
            "socket_connect_timeout": 2,
            "socket_keepalive": True,
        }
    return {}
