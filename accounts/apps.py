"""The accounts app: people, wallets, invitations."""

from django.apps import AppConfig


class AccountsConfig(AppConfig):
    """Names the app."""

    name = "accounts"
    default_auto_field = "django.db.models.BigAutoField"
