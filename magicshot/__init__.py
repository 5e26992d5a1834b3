"""The site itself. Loading it makes the Celery application the current one."""

from magicshot.celery import app as celery_app

__all__ = ["celery_app"]
