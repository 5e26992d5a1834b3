"""What people are told on their next visit."""

from django.conf import settings
from django.db import models
from django.db.models import Q


class Notice(models.Model):
    """Words for one person, shown on every page until they put them away.

    Written by ``accounts.notices``.
    """

    class Level(models.TextChoices):
        INFO = "info"
        WARNING = "warning"

    user = models.ForeignKey(
        settings.AUTH_USER_MODEL, on_delete=models.CASCADE, related_name="notices"
    )
    level = models.CharField(max_length=16, choices=Level, default=Level.INFO)
    text = models.CharField(max_length=1000)
    created_at = models.DateTimeField(auto_now_add=True)
    dismissed_at = models.DateTimeField(null=True, blank=True)

    class Meta:
        ordering = ["-id"]
        indexes = [
            models.Index(
                fields=["user", "-id"],
                name="notice_shown_to_user",
                condition=Q(dismissed_at__isnull=True),
            )
        ]

    def __str__(self) -> str:
        return self.text
