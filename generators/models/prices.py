"""What pictures cost: versions of an image model's price, each from a moment on."""

from functools import cached_property
from typing import Any

from django.conf import settings
from django.core.validators import MaxValueValidator
from django.db import models
from django.db.models import Q
from django.utils import timezone
from django.utils.formats import date_format

from accounts.credit_words import price_words
from generators import record_json
from generators.models.image_models import ImageModel
from generators.terms import MOST_CREDITS, CostRule, PriceRule, Terms


class PriceChanged(Exception):
    """Somebody tried to change a version, which jobs may have been reserved by."""


class Price(models.Model):
    """One version of what an image model's pictures cost people and the operator.

    The version in force is the latest that has begun, so that no two overlap and none
    leaves a gap. A version is never changed: another takes its place. Made and withdrawn
    by ``generators.prices`` alone.
    """

    image_model = models.ForeignKey(
        ImageModel, on_delete=models.CASCADE, related_name="prices"
    )
    credits = models.PositiveIntegerField(
        validators=[MaxValueValidator(MOST_CREDITS)],
        help_text="Whole credits a picture by the usual settings; 0 is free.",
    )
    rules = models.JSONField(
        default=list, blank=True, help_text="As generators.terms.PriceRule records."
    )
    costs = models.JSONField(
        default=list,
        blank=True,
        help_text="What the operator pays, as generators.terms.CostRule records.",
    )
    valid_from = models.DateTimeField()
    made_by = models.ForeignKey(
        settings.AUTH_USER_MODEL,
        on_delete=models.SET_NULL,
        null=True,
        blank=True,
        related_name="+",
        help_text="Empty where the catalogue made it.",
    )
    note = models.CharField(max_length=200, blank=True)
    created_at = models.DateTimeField(auto_now_add=True)

    class Meta:
        default_permissions = ()  # they are their image model's
        ordering = ["-valid_from"]
        constraints = [
            models.UniqueConstraint(
                fields=["image_model", "valid_from"], name="price_once_a_moment"
            ),
            models.CheckConstraint(
                condition=Q(credits__lte=MOST_CREDITS), name="price_is_not_huge"
            ),
        ]

    def __str__(self) -> str:
        return f"{price_words(self.credits)} from {self._begins('j F Y, H:i')}"

    def save(self, *args: Any, **kwargs: Any) -> None:
        """Add the row. Raise ``PriceChanged`` if it is there already."""
        if not self._state.adding:
            raise PriceChanged("A price is never changed; make another version.")
        super().save(*args, **kwargs)

    @property
    def brief(self) -> str:
        """Return its credits and its day, for a narrow column."""
        return f"{price_words(self.credits)} from {self._begins('j M Y')}"

    @cached_property
    def terms(self) -> Terms:
        """Return what it says, typed. Raises ``ValueError`` if it was left malformed."""
        return Terms(
            credits=self.credits,
            rules=tuple(record_json.from_json(PriceRule, each) for each in self.rules),
            costs=tuple(record_json.from_json(CostRule, each) for each in self.costs),
        )

    def _begins(self, how: str) -> str:
        return date_format(timezone.localtime(self.valid_from), how)
