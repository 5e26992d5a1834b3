"""Admins who look at the site as somebody else, for a while and with a reason."""

from django.conf import settings
from django.db import models
from django.db.models import Q

from accounts.models.notices import Notice


class Impersonation(models.Model):
    """One look at the site as somebody. Written by ``accounts.impersonation`` alone.

    It is over at ``ended_at``, and at ``ends_at`` whether or not anybody ended it.
    """

    admin = models.ForeignKey(
        settings.AUTH_USER_MODEL,
        on_delete=models.SET_NULL,
        null=True,
        related_name="+",
    )
    admin_name = models.CharField(max_length=254)
    person = models.ForeignKey(
        settings.AUTH_USER_MODEL, on_delete=models.CASCADE, related_name="+"
    )
    reason = models.CharField(max_length=300)
    notice = models.ForeignKey(
        Notice,
        on_delete=models.SET_NULL,
        null=True,
        related_name="+",
        help_text="What the person is told of it.",
    )
    started_at = models.DateTimeField()
    ends_at = models.DateTimeField()
    ended_at = models.DateTimeField(null=True)

    class Meta:
        ordering = ["-id"]
        indexes = [
            models.Index(
                fields=["ends_at"],
                name="impersonation_not_ended",
                condition=Q(ended_at__isnull=True),
            )
        ]

    def __str__(self) -> str:
        return f"{self.admin_name} as {self.person}"
