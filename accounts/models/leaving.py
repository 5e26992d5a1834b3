"""What people leave with, and how they leave."""

import uuid

from django.conf import settings
from django.db import models
from django.db.models import Q


class Export(models.Model):
    """A zip of everything of one person's: asked for, built, offered for some days.

    Only ``magicshot.leaving.exports`` writes it. ``lease_token`` is held by the worker
    that builds it, and every write of that worker presents it; ``path`` lies in the
    default storage.
    """

    class State(models.TextChoices):
        """``REMOVED`` is no longer offered; the row goes once its file has."""

        WAITING = "waiting"
        BUILDING = "building"
        READY = "ready"
        FAILED = "failed"
        REMOVED = "removed"

    public_id = models.UUIDField(default=uuid.uuid4, unique=True, editable=False)
    user = models.ForeignKey(
        settings.AUTH_USER_MODEL, on_delete=models.CASCADE, related_name="exports"
    )
    state = models.CharField(max_length=16, choices=State, default=State.WAITING)
    num_pictures = models.PositiveIntegerField(default=0)
    num_done = models.PositiveIntegerField(default=0)
    num_troubled = models.PositiveIntegerField(
        default=0, help_text="Pictures whose file was missing or damaged."
    )
    path = models.CharField(max_length=255, blank=True)
    size = models.BigIntegerField(default=0, help_text="Bytes.")
    failure = models.CharField(max_length=300, blank=True)
    attempts = models.PositiveSmallIntegerField(
        default=0, help_text="Workers that were lost while they built it."
    )
    lease_token = models.UUIDField(null=True, blank=True)
    lease_expires_at = models.DateTimeField(null=True, blank=True)
    created_at = models.DateTimeField(auto_now_add=True)
    ready_at = models.DateTimeField(null=True, blank=True)
    expires_at = models.DateTimeField(null=True, blank=True)

    class Meta:
        indexes = [models.Index(fields=["state", "id"], name="export_by_state")]
        constraints = [
            models.UniqueConstraint(
                fields=["user"],
                condition=~Q(state="removed"),
                name="export_one_a_person",
            ),
            models.CheckConstraint(
                name="export_ready_has_a_file",
                condition=~Q(state="ready")
                | (~Q(path="") & Q(expires_at__isnull=False)),
            ),
            models.CheckConstraint(
                name="export_lease_only_while_building",
                condition=Q(lease_token__isnull=True) | Q(state="building"),
            ),
        ]

    def __str__(self) -> str:
        return str(self.public_id)

    @property
    def is_under_way(self) -> bool:
        """Say whether it waits or is being built."""
        return self.state in {self.State.WAITING, self.State.BUILDING}

    @property
    def is_building(self) -> bool:
        """Say whether a worker builds it now."""
        return self.state == self.State.BUILDING

    @property
    def is_ready(self) -> bool:
        """Say whether it may be downloaded."""
        return self.state == self.State.READY

    @property
    def is_failed(self) -> bool:
        """Say whether it came to nothing; ``failure`` says why."""
        return self.state == self.State.FAILED

    @property
    def percent(self) -> int:
        """Return how much of it is built, 0 to 100."""
        return min(100, 100 * self.num_done // max(1, self.num_pictures))


class Deletion(models.Model):
    """One account's way out: asked for, begun once its days are over, then gone.

    Only ``accounts.deletions`` writes it, with the day itself, ``deletion_due_at`` of
    the person. One without a person is done but for what outlives their row.
    """

    user = models.OneToOneField(
        settings.AUTH_USER_MODEL,
        on_delete=models.SET_NULL,
        null=True,
        related_name="deletion",
        error_messages={"unique": "This account is to be deleted already."},
    )
    requested_by = models.ForeignKey(
        settings.AUTH_USER_MODEL,
        on_delete=models.SET_NULL,
        null=True,
        blank=True,
        related_name="+",
        help_text="The person themselves, or the admin who asked for it.",
    )
    reason = models.CharField(
        max_length=200, help_text="For admins alone; goes with the account."
    )
    requested_at = models.DateTimeField(auto_now_add=True)
    warned_at = models.DateTimeField(null=True, blank=True)
    begun_at = models.DateTimeField(
        null=True, blank=True, help_text="From here on it cannot be taken back."
    )

    class Meta:
        ordering = ["-id"]

    def __str__(self) -> str:
        return f"Deletion {self.pk}"


class FormerAddress(models.Model):
    """A digest of a deleted account's address, so that free credits are given once.

    The address cannot be read from it. It is forgotten at ``forget_at``.
    """

    digest = models.CharField(max_length=64, unique=True)
    free_month = models.CharField(
        max_length=7, blank=True, help_text="As in the wallet of that account."
    )
    forget_at = models.DateTimeField()

    def __str__(self) -> str:
        return self.digest[:12]
