"""The accounts app: people, wallets, invitations."""

from django.apps import AppConfig


class AccountsConfig(AppConfig):
    """Names the app and registers its checks."""

    name = "accounts"
    verbose_name = "People"  # in the admin, where allauth's are the accounts
    default_auto_field = "django.db.models.BigAutoField"

    def ready(self) -> None:
        """Register the system checks."""
        from accounts import checks  # noqa: F401 - registers itself
