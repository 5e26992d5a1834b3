"""The invitations that let people in."""

import secrets
from datetime import datetime, timedelta

from django.conf import settings
from django.db import models
from django.utils import timezone

from accounts.models.people import Group


def new_invitation_token() -> str:
    """Return 256 random bits, safe in a link."""
    return secrets.token_urlsafe(32)


def invitation_expiry() -> datetime:
    """Return when an invitation made now expires unless told otherwise: in 14 days."""
    return timezone.now() + timedelta(days=14)


class InvitationQuerySet(models.QuerySet["Invitation"]):
    """Finds invitations that still count."""

    def usable(self) -> "InvitationQuerySet":
        """Keep those that nobody has accepted and that have not expired."""
        return self.filter(accepted_at__isnull=True, expires_at__gt=timezone.now())


class Invitation(models.Model):
    """Lets one person sign up while sign-up is by invitation, or join a group. Once.

    With an ``email`` only that address may use it; without one, whoever has the link.
    """

    token = models.CharField(
        max_length=64, unique=True, default=new_invitation_token, editable=False
    )
    email = models.EmailField("e-mail address", blank=True)
    group = models.ForeignKey(
        Group,
        on_delete=models.CASCADE,
        null=True,
        blank=True,
        related_name="invitations",
        help_text="Whoever accepts it belongs to this group.",
    )
    invited_by = models.ForeignKey(
        settings.AUTH_USER_MODEL,
        on_delete=models.SET_NULL,
        null=True,
        blank=True,
        related_name="invitations",
    )
    created_at = models.DateTimeField(auto_now_add=True)
    expires_at = models.DateTimeField(default=invitation_expiry)
    accepted_at = models.DateTimeField(null=True, blank=True)
    accepted_by = models.ForeignKey(
        settings.AUTH_USER_MODEL,
        on_delete=models.SET_NULL,
        null=True,
        blank=True,
        related_name="accepted_invitations",
    )

    objects = InvitationQuerySet.as_manager()

    class Meta:
        ordering = ["-id"]

    def __str__(self) -> str:
        return self.email or f"Invitation {self.pk}"
