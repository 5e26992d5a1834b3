"""How the site reaches remote providers: an admin's connections, and how they fare."""

import uuid

from django.db import models
from django.db.models import Q


class Connection(models.Model):
    """One way to a remote provider: an address, a key, and what is known of them.

    ``encrypted_key`` is written by ``generators.connections`` alone. What the circuit
    breaker knows (``breaker`` to ``last_trouble``) is written by ``generators.health``
    alone, from the outcomes of real jobs; ``checked_at`` to ``offered`` by a check.
    """

    class Breaker(models.TextChoices):
        """Closed lets jobs through, open none, half-open one to try."""

        CLOSED = "closed"
        OPEN = "open"
        HALF_OPEN = "half-open"

    public_id = models.UUIDField(default=uuid.uuid4, unique=True, editable=False)
    provider = models.CharField(max_length=64)
    label = models.CharField(max_length=100, help_text="A name for you.")
    base_url = models.CharField(  # a URLField knows no hosts without a dot
        "address",
        max_length=300,
        blank=True,
        help_text="Empty for the provider's own. A private address is allowed here.",
    )
    account = models.CharField(max_length=200, blank=True)
    result_hosts = models.CharField(
        "hosts of pictures",
        max_length=500,
        blank=True,
        help_text="Further hosts that finished pictures may come from, with commas "
        "between; .example.com is every host below it.",
    )
    encrypted_key = models.TextField(blank=True, editable=False)
    enabled = models.BooleanField(default=True)
    max_concurrency = models.PositiveIntegerField(
        default=100, help_text="Jobs in flight at most; more wait in the queue."
    )
    max_per_minute = models.PositiveIntegerField(
        default=0, help_text="Calls begun in a minute at most; 0 is no limit."
    )

    breaker = models.CharField(
        max_length=16, choices=Breaker, default=Breaker.CLOSED, editable=False
    )
    failures_in_a_row = models.PositiveIntegerField(default=0, editable=False)
    paused_until = models.DateTimeField(
        null=True, blank=True, editable=False, help_text="No job is sent before."
    )
    last_success_at = models.DateTimeField(null=True, blank=True, editable=False)
    last_trouble_at = models.DateTimeField(null=True, blank=True, editable=False)
    last_trouble = models.CharField(max_length=500, blank=True, editable=False)

    checked_at = models.DateTimeField(null=True, blank=True, editable=False)
    check_passed = models.BooleanField(null=True, blank=True, editable=False)
    check_words = models.CharField(max_length=500, blank=True, editable=False)
    balance = models.CharField(max_length=100, blank=True, editable=False)
    offered = models.JSONField(default=list, blank=True, editable=False)
    created_at = models.DateTimeField(auto_now_add=True)

    class Meta:
        ordering = ["provider", "label"]
        constraints = [
            models.UniqueConstraint(
                fields=["provider", "label"], name="connection_once_a_label"
            ),
            models.CheckConstraint(
                name="connection_lets_something_through",
                condition=Q(max_concurrency__gt=0),
                violation_error_message="Let at least one job through.",
            ),
        ]

    def __str__(self) -> str:
        return f"{self.provider}: {self.label}"
