"""The gallery app: pictures people keep."""

from django.apps import AppConfig


class GalleryConfig(AppConfig):
    """Names the app."""

    name = "gallery"
    default_auto_field = "django.db.models.BigAutoField"
