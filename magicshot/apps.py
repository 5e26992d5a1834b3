"""The site itself: set-up and journeys across the apps."""

from django.apps import AppConfig


class MagicshotConfig(AppConfig):
    """Names the app."""

    name = "magicshot"
