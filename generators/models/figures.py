"""What each day's jobs add up to, so that no page adds up history."""

from django.conf import settings
from django.db import models

from generators.models.jobs import GenerationJob


class DayFigure(models.Model):
    """What the jobs that ended on one day add up to, by one thing.

    Only ``generators.day_figures`` writes it, and can always make it anew. Days are the
    site's. ``buckets`` count jobs by how long something took, see
    ``generators.time_buckets``.
    """

    class Subject(models.TextChoices):
        """What the key names."""

        DAY = "day"  # the time zone by which all of the day's rows were added up
        OUTCOME = "outcome"  # a status
        IMAGE_MODEL = "image-model"
        PROVIDER = "provider"
        FAILURE = "failure"  # a kind of failure
        WAITING = "waiting"  # a lane: the times from the press to the drawing
        DRAWING = "drawing"  # a lane: the times of drawing

    day = models.DateField()
    subject = models.CharField(max_length=16, choices=Subject)
    key = models.CharField(max_length=100)
    num_jobs = models.PositiveBigIntegerField(default=0)
    num_pictures = models.PositiveBigIntegerField(default=0)
    credits = models.PositiveBigIntegerField(default=0, help_text="Taken, in the end.")
    cost_usd_micros = models.PositiveBigIntegerField(
        default=0, help_text="What providers told, else what was estimated."
    )
    told_usd_micros = models.PositiveBigIntegerField(default=0)
    buckets = models.JSONField(default=dict)
    example = models.ForeignKey(
        GenerationJob,
        on_delete=models.SET_NULL,
        null=True,
        related_name="+",
        help_text="The latest of its jobs.",
    )
    made_at = models.DateTimeField(auto_now_add=True)

    class Meta:
        constraints = [
            models.UniqueConstraint(
                fields=["day", "subject", "key"], name="day_figure_once"
            )
        ]

    def __str__(self) -> str:
        return f"{self.day}: {self.subject} {self.key}"


class PersonDay(models.Model):
    """What one person's jobs that ended on one day add up to; as ``DayFigure``."""

    day = models.DateField()
    owner = models.ForeignKey(
        settings.AUTH_USER_MODEL, on_delete=models.CASCADE, related_name="+"
    )
    num_jobs = models.PositiveBigIntegerField()
    num_pictures = models.PositiveBigIntegerField()
    credits = models.PositiveBigIntegerField()

    class Meta:
        constraints = [
            models.UniqueConstraint(fields=["day", "owner"], name="person_day_once")
        ]

    def __str__(self) -> str:
        return f"{self.day}: {self.owner_id}"
