"""The Celery application. Messages only wake a lane; the database is the truth."""

import os

from celery import Celery

os.environ.setdefault("DJANGO_SETTINGS_MODULE", "magicshot.settings")
app = Celery("magicshot")
app.config_from_object("django.conf:settings", namespace="CELERY")
app.autodiscover_tasks(
    ["accounts", "generators", "magicshot.dashboard", "magicshot.leaving"]
)
