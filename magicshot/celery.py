"""The Celery application. Messages only wake a lane; the database is the truth."""

import os

from celery import Celery, signals

from magicshot import gate

os.environ.setdefault("DJANGO_SETTINGS_MODULE", "magicshot.settings")
app = Celery("magicshot")
app.config_from_object("django.conf:settings", namespace="CELERY")
app.autodiscover_tasks(
    ["accounts", "generators", "magicshot.dashboard", "magicshot.leaving"]
)


@signals.worker_init.connect
@signals.beat_init.connect
def wait_until_prepared(**_: object) -> None:
    """Wait for the tables, where the run command is still making them."""
    gate.wait()
