"""The generators app: image models and jobs."""

from django.apps import AppConfig


class GeneratorsConfig(AppConfig):
    """Names the app."""

    name = "generators"
    default_auto_field = "django.db.models.BigAutoField"
