"""What people may use."""

from typing import Any

from django.core.exceptions import ValidationError
from django.core.validators import MaxValueValidator, MinValueValidator
from django.db import models
from django.db.models import Q

from accounts.models.people import Group, User
from accounts.models.wallets import MAX_CREDITS

NO_LIMIT = -1


def _limit(help_text: str, **options: Any) -> Any:
    return models.BigIntegerField(
        null=True,
        blank=True,
        validators=[MinValueValidator(NO_LIMIT), MaxValueValidator(MAX_CREDITS)],
        help_text=help_text,
        **options,
    )


class Quota(models.Model):
    """What one person, each member of a group, or everybody may use.

    An empty field says nothing: the group's counts, or everybody's. ``NO_LIMIT`` says
    that there is none, whatever a wider quota says.
    """

    user = models.OneToOneField(
        User,
        on_delete=models.CASCADE,
        null=True,
        blank=True,
        related_name="quota",
        help_text="The one person it is for.",
    )
    group = models.OneToOneField(
        Group,
        on_delete=models.CASCADE,
        null=True,
        blank=True,
        related_name="quota",
        help_text="The group it is for. Without a person or group it is for everybody.",
    )
    images_per_day = _limit("Pictures a day, each person.")
    images_per_month = _limit("Pictures a calendar month, each person.")
    credits_per_day = _limit("Credits a day, each person.")
    credits_per_month = _limit("Credits a calendar month, each person.")
    running_jobs = _limit("Jobs being drawn at once; further ones wait.")
    waiting_jobs = _limit("Jobs that may wait or be drawn at once.")
    storage_mb = _limit(
        "Megabytes of pictures kept, the trash included.",
        verbose_name="storage in MB",
    )
    longest_side = _limit("Pixels of a picture's longer side.")
    monthly_credits = _limit(
        "Free credits each month; what is left of them at its end is gone."
    )
    ask_above = _limit("Credits a press; what costs more waits until an admin agrees.")
    image_models = models.JSONField(
        null=True,
        blank=True,
        help_text="Only these image models, by their slugs.",
    )
    operations = models.JSONField(
        null=True,
        blank=True,
        help_text="Only these operations.",
    )

    class Meta:
        constraints = [
            models.CheckConstraint(
                name="quota_of_a_person_or_a_group",
                condition=Q(user__isnull=True) | Q(group__isnull=True),
                violation_error_message="Choose a person or a group, not both.",
            ),
            models.UniqueConstraint(
                models.Value(1),
                name="quota_of_everybody_once",
                condition=Q(user__isnull=True, group__isnull=True),
                violation_error_message="There is a quota for everybody already.",
            ),
        ]

    def __str__(self) -> str:
        return f"Quota of {self.scope}"

    @property
    def scope(self) -> str:
        """Return whom it is for."""
        if self.user is not None:
            return str(self.user)
        return f"group {self.group}" if self.group is not None else "everybody"

    def clean(self) -> None:
        """Refuse lists that are no lists of words."""
        for name in ("image_models", "operations"):
            value = getattr(self, name)
            is_list = isinstance(value, list) and all(
                isinstance(each, str) for each in value
            )
            if value is not None and not is_list:
                raise ValidationError({name: "Expected a list of words."})
