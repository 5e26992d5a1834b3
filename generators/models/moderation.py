"""What may not be asked for, and who asked for it."""

from django.conf import settings
from django.core.exceptions import ValidationError
from django.db import models

from accounts.models import Group
from generators.models.jobs import Generation
from generators.prompt_rules.matching import problem_with


class Action(models.TextChoices):
    """What happens to a press that a rule catches."""

    REFUSE = "refuse"
    FLAG = "flag"


class PromptRule(models.Model):
    """Words that are refused, or drawn and flagged, for everybody or for a group."""

    phrase = models.CharField(
        max_length=200,
        help_text="Words in any spelling people disguise them with. child* begins a "
        "word; * between words is any one word.",
    )
    action = models.CharField(max_length=16, choices=Action, default=Action.REFUSE)
    group = models.ForeignKey(
        Group,
        on_delete=models.CASCADE,
        null=True,
        blank=True,
        related_name="prompt_rules",
        help_text="For its members alone; without one for everybody.",
    )
    enabled = models.BooleanField(default=True)
    note = models.CharField(
        max_length=200, blank=True, help_text="Why; for admins alone."
    )
    created_at = models.DateTimeField(auto_now_add=True)

    class Meta:
        ordering = ["phrase"]

    def __str__(self) -> str:
        return self.phrase

    def clean(self) -> None:
        """Refuse what is no phrase."""
        if problem := problem_with(self.phrase):
            raise ValidationError({"phrase": problem})


class PromptVerdict(models.Model):
    """One press that a rule caught, and what staff decided. Prompts are hidden from most.

    What was caught never changes; the decision is written by ``generators.moderation``.
    """

    class State(models.TextChoices):
        """Where a press that was drawn and flagged stands; empty for what was refused."""

        OPEN = "open"
        DISMISSED = "dismissed"
        ACTED = "acted"

    owner = models.ForeignKey(
        settings.AUTH_USER_MODEL, on_delete=models.CASCADE, related_name="+"
    )
    generation = models.ForeignKey(
        Generation,
        on_delete=models.CASCADE,
        null=True,
        related_name="verdicts",
        help_text="What was drawn all the same; empty for what was refused.",
    )
    action = models.CharField(max_length=16, choices=Action)
    rule = models.CharField(max_length=200)
    prompt = models.TextField()
    state = models.CharField(max_length=16, choices=State, blank=True)
    decided_by = models.ForeignKey(
        settings.AUTH_USER_MODEL, on_delete=models.SET_NULL, null=True, related_name="+"
    )
    decided_at = models.DateTimeField(null=True)
    created_at = models.DateTimeField(auto_now_add=True)

    class Meta:
        verbose_name = "caught prompt"
        ordering = ["-id"]
        indexes = [
            models.Index(fields=["owner", "-id"], name="verdict_of_owner"),
            models.Index(fields=["state", "-id"], name="verdict_in_queue"),
        ]

    def __str__(self) -> str:
        return f"{self.action}: {self.rule}"
