"""Presses of the button, and the jobs they became."""

import uuid

from django.conf import settings
from django.db import models
from django.db.models import Q
from django.db.models.functions import Now

from accounts.models import User, Wallet
from gallery.models import Image
from generators.capabilities import ImageRole
from generators.contracts import Lane
from generators.models.connections import Connection
from generators.models.image_models import ImageModel
from generators.models.prices import Price


class Generation(models.Model):
    """One press of the button.

    ``client_token`` comes from the page, so that a double press is one generation.
    """

    public_id = models.UUIDField(default=uuid.uuid4, unique=True, editable=False)
    owner = models.ForeignKey(
        settings.AUTH_USER_MODEL,
        on_delete=models.CASCADE,
        null=True,
        related_name="generations",
        help_text="Empty once their account was deleted.",
    )
    client_token = models.UUIDField(default=uuid.uuid4)
    prompt = models.TextField()
    created_at = models.DateTimeField(auto_now_add=True)

    class Meta:
        constraints = [
            models.UniqueConstraint(
                fields=["owner", "client_token"], name="generation_once_a_press"
            )
        ]

    def __str__(self) -> str:
        return str(self.public_id)


class GenerationJob(models.Model):
    """One image model's share of a generation: queued, charged, retried, canceled.

    Only ``generators.moves`` writes its status. ``lease_token`` is held by the worker
    that runs it; every write of that worker must present it. ``turn`` is its place in
    the round-robin between people, see ``generators.queue``.
    """

    class Status(models.TextChoices):
        QUEUED = "queued"
        RUNNING = "running"
        SUCCEEDED = "succeeded"
        FAILED = "failed"
        CANCELED = "canceled"
        UNKNOWN = "unknown"

    class FailureKind(models.TextChoices):
        REFUSED = "refused"
        INVALID = "invalid"
        RATE_LIMITED = "rate-limited"
        PROVIDER_DOWN = "provider-down"
        NOT_CONFIGURED = "not-configured"
        OUT_OF_MEMORY = "out-of-memory"
        TIMED_OUT = "timed-out"
        UNEXPECTED = "unexpected"
        DECLINED = "declined"

    class Phase(models.TextChoices):
        """What a job waits for or is busy with, in the words of the page."""

        APPROVAL = "approval"
        WAITING = "waiting"
        LOADING = "loading"
        DRAWING = "drawing"
        SAVING = "saving"

    public_id = models.UUIDField(default=uuid.uuid4, unique=True, editable=False)
    generation = models.ForeignKey(
        Generation, on_delete=models.CASCADE, related_name="jobs"
    )
    owner = models.ForeignKey(
        settings.AUTH_USER_MODEL,
        on_delete=models.CASCADE,
        null=True,
        related_name="jobs",
        help_text="Empty once their account was deleted: see generators.forgetting.",
    )
    wallet = models.ForeignKey(
        Wallet,
        on_delete=models.PROTECT,
        null=True,
        related_name="+",
        help_text="Which one pays; empty in old rows: the owner's.",
    )
    image_model = models.ForeignKey(
        ImageModel, on_delete=models.SET_NULL, null=True, related_name="jobs"
    )
    image_model_slug = models.CharField(max_length=100)
    image_model_label = models.CharField(max_length=100)
    provider = models.CharField(max_length=64)
    connection = models.ForeignKey(
        Connection,
        on_delete=models.SET_NULL,
        null=True,
        blank=True,
        related_name="jobs",
        help_text="Which one it was sent through; of remote providers only.",
    )
    lane = models.CharField(max_length=16, choices=[(x.value, x.value) for x in Lane])
    recipe = models.JSONField(
        help_text="The whole request, as generators.contracts.GenerationRequest."
    )
    num_images = models.PositiveSmallIntegerField(default=1)
    num_inputs = models.PositiveSmallIntegerField(
        default=0, help_text="Pictures it was given to work on."
    )
    width = models.PositiveIntegerField()
    height = models.PositiveIntegerField()
    price = models.ForeignKey(
        Price,
        on_delete=models.SET_NULL,
        null=True,
        blank=True,
        related_name="+",
        help_text="The version by which credits were set aside; empty in old rows.",
    )
    price_credits = models.PositiveIntegerField(help_text="Credits a picture.")
    settled_credits = models.PositiveIntegerField(null=True, blank=True)
    num_delivered = models.PositiveSmallIntegerField(default=0)
    estimated_usd_micros = models.PositiveBigIntegerField(
        null=True,
        blank=True,
        help_text="What it should cost the operator; empty where no cost is known.",
    )
    actual_usd_micros = models.PositiveBigIntegerField(
        null=True, blank=True, help_text="What the provider said it costs."
    )

    status = models.CharField(max_length=16, choices=Status, default=Status.QUEUED)
    phase = models.CharField(max_length=16, choices=Phase, default=Phase.WAITING)
    failure_kind = models.CharField(max_length=16, choices=FailureKind, blank=True)
    failure_message = models.CharField(max_length=500, blank=True)
    failure_detail = models.TextField(
        blank=True, help_text="For the operator; never shown to the person."
    )
    progress = models.FloatField(default=0, help_text="0 to 1.")
    version = models.PositiveBigIntegerField(default=1)

    turn = models.PositiveBigIntegerField(default=0)
    attempts = models.PositiveSmallIntegerField(
        default=0, help_text="Workers that were lost while they ran it."
    )
    lease_token = models.UUIDField(null=True, blank=True)
    lease_expires_at = models.DateTimeField(null=True, blank=True)
    next_action_at = models.DateTimeField(
        null=True, blank=True, help_text="Not before; empty while queued means now."
    )
    deadline_at = models.DateTimeField(null=True, blank=True)
    call_started_at = models.DateTimeField(
        null=True, blank=True, help_text="When a paid call was about to be sent."
    )
    cancel_requested_at = models.DateTimeField(null=True, blank=True)
    handle = models.JSONField(null=True, blank=True)
    provider_request_id = models.CharField(max_length=255, blank=True)

    created_at = models.DateTimeField(auto_now_add=True)
    changed_at = models.DateTimeField(
        db_default=Now(), help_text="By the database's clock, for the change feed."
    )
    started_at = models.DateTimeField(null=True, blank=True)
    drawing_since = models.DateTimeField(
        null=True, blank=True, help_text="When the latest try began, to measure it."
    )
    finished_at = models.DateTimeField(null=True, blank=True)
    model_seconds = models.FloatField(null=True, blank=True)

    class Meta:
        # Conditions are IS NULL only: SQLite uses a partial index when the query says
        # the same words, and a status would reach it as a parameter.
        indexes = [
            models.Index(
                fields=["lane", "status", "turn", "id"],
                name="job_ready_in_turn",
                condition=Q(next_action_at__isnull=True, finished_at__isnull=True),
            ),
            models.Index(
                fields=["lane", "status", "image_model", "turn", "id"],
                name="job_ready_of_model",
                condition=Q(next_action_at__isnull=True, finished_at__isnull=True),
            ),
            models.Index(
                fields=["lane", "status", "owner", "image_model", "turn", "id"],
                name="job_ready_of_owner",
                condition=Q(next_action_at__isnull=True, finished_at__isnull=True),
            ),
            models.Index(
                fields=["lane", "status", "next_action_at"],
                name="job_due",
                condition=Q(next_action_at__isnull=False),
            ),
            models.Index(
                fields=["lane", "-turn"],
                name="job_turn_of_lane",
                condition=Q(started_at__isnull=False),
            ),
            models.Index(fields=["owner", "lane", "-turn"], name="job_turn_of_owner"),
            models.Index(
                fields=["connection", "status"],
                name="job_in_flight",
                condition=Q(connection__isnull=False, finished_at__isnull=True),
            ),
            models.Index(
                fields=["connection", "-call_started_at"],
                name="job_calls_of_connection",
                condition=Q(call_started_at__isnull=False),
            ),
            models.Index(
                fields=["lease_expires_at"],
                name="job_leased",
                condition=Q(lease_expires_at__isnull=False),
            ),
            models.Index(
                fields=["deadline_at"],
                name="job_with_deadline",
                condition=Q(deadline_at__isnull=False),
            ),
            models.Index(fields=["owner", "changed_at"], name="job_news_of_owner"),
            models.Index(fields=["owner", "-id"], name="job_of_owner_newest_first"),
            models.Index(fields=["owner", "created_at"], name="job_of_owner_by_day"),
            models.Index(
                fields=["status", "owner"],
                name="job_unfinished_of_owner",
                condition=Q(finished_at__isnull=True),
            ),
            models.Index(
                fields=["image_model", "status", "-finished_at"],
                name="job_times_of_model",
            ),
            models.Index(fields=["finished_at"], name="job_by_end"),
            models.Index(fields=["status", "-id"], name="job_of_status"),
            models.Index(fields=["failure_kind", "-id"], name="job_of_failure_kind"),
        ]
        constraints = [
            models.CheckConstraint(
                name="job_failed_has_a_kind",
                condition=~Q(status="failed") | ~Q(failure_kind=""),
            ),
            models.CheckConstraint(
                name="job_ended_is_settled",
                condition=~Q(status__in=["succeeded", "failed", "canceled"])
                | Q(settled_credits__isnull=False, finished_at__isnull=False),
            ),
            models.CheckConstraint(
                # An unknown job keeps the token of its lost worker, so that one
                # that was only asleep can still deliver.
                name="job_lease_only_while_running",
                condition=Q(lease_token__isnull=True)
                | Q(status__in=["running", "unknown"]),
            ),
            models.CheckConstraint(
                name="job_of_nobody_has_ended",
                condition=Q(owner__isnull=False) | Q(finished_at__isnull=False),
            ),
        ]

    def __str__(self) -> str:
        return str(self.public_id)

    @property
    def person(self) -> User:
        """Return whose it is. Raise ValueError where that account was deleted."""
        if self.owner is None:
            raise ValueError("This job is nobody's any more.")
        return self.owner

    @property
    def payer(self) -> Wallet:
        """Return the wallet that its credits were set aside in."""
        return self.wallet or self.person.wallet

    @property
    def is_ended(self) -> bool:
        """Say whether nothing more will happen to it."""
        status = self.Status
        return self.status in {status.SUCCEEDED, status.FAILED, status.CANCELED}


class JobEvent(models.Model):
    """What happened to a job, in order. Append-only."""

    job = models.ForeignKey(
        GenerationJob, on_delete=models.CASCADE, related_name="events"
    )
    name = models.CharField(max_length=32)
    note = models.CharField(max_length=500, blank=True)
    created_at = models.DateTimeField(auto_now_add=True)

    class Meta:
        ordering = ["id"]

    def __str__(self) -> str:
        return f"{self.name} at {self.created_at:%H:%M:%S}"


class JobInput(models.Model):
    """A picture that a job works on, and what it is for.

    It is one of the owner's gallery; with it goes the job's use for it.
    """

    job = models.ForeignKey(
        GenerationJob, on_delete=models.CASCADE, related_name="inputs"
    )
    image = models.ForeignKey(
        Image, on_delete=models.CASCADE, related_name="used_by_jobs"
    )
    role = models.CharField(
        max_length=16, choices=[(role.value, role.value) for role in ImageRole]
    )
    position = models.PositiveSmallIntegerField(default=0)

    class Meta:
        ordering = ["position"]
        constraints = [
            models.UniqueConstraint(
                fields=["job", "position"], name="job_input_once_a_place"
            )
        ]

    def __str__(self) -> str:
        return f"{self.image_id} as {self.role}"
