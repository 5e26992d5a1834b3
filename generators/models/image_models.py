"""Image models of the dropdown, and the other names they are found by."""

from django.db import models
from django.db.models import Q

from generators.models.connections import Connection


class ImageModel(models.Model):
    """One entry of the dropdown.

    ``catalog_entry`` is what the catalogue last wrote here: a column that differs from
    it was changed by an admin and is left alone by the next fill.
    """

    class Family(models.TextChoices):
        DIFFUSION = "diffusion"
        GAN = "gan"
        VAE = "vae"
        STYLE_TRANSFER = "style-transfer"
        REMOTE = "remote"

    slug = models.SlugField(max_length=100, unique=True)
    provider = models.CharField(max_length=64)
    connection = models.ForeignKey(
        Connection,
        on_delete=models.CASCADE,
        null=True,
        blank=True,
        related_name="image_models",
        help_text="The one whose server offers it; empty where any of the provider's do.",
    )
    provider_model_id = models.CharField(max_length=255)
    label = models.CharField(max_length=100)
    description = models.CharField(max_length=200, blank=True)
    good_at = models.CharField(
        max_length=200, blank=True, help_text="Words, separated by commas."
    )
    family = models.CharField(max_length=16, choices=Family)
    capabilities = models.JSONField(
        default=dict, blank=True, help_text="See generators.contracts.Capabilities."
    )
    price = models.ForeignKey(
        "Price",
        on_delete=models.RESTRICT,
        null=True,
        blank=True,
        editable=False,
        related_name="+",
        help_text="The version in force; empty until one has begun.",
    )
    enabled = models.BooleanField(default=False)
    order = models.PositiveIntegerField(default=100)
    sunset_date = models.DateField(null=True, blank=True)
    successor = models.ForeignKey(
        "self", on_delete=models.SET_NULL, null=True, blank=True
    )
    retired = models.BooleanField(default=False)
    catalog_entry = models.JSONField(default=dict, blank=True, editable=False)
    created_at = models.DateTimeField(auto_now_add=True)

    class Meta:
        ordering = ["order", "label"]
        constraints = [
            models.UniqueConstraint(
                fields=["provider", "provider_model_id"],
                condition=Q(connection__isnull=True),
                name="image_model_once_a_provider",
            ),
            models.UniqueConstraint(
                fields=["connection", "provider_model_id"],
                condition=Q(connection__isnull=False),
                name="image_model_once_a_connection",
            ),
            models.CheckConstraint(
                # A retired one cannot be pressed; it is only found by its name.
                condition=Q(enabled=False) | Q(retired=True) | Q(price__isnull=False),
                name="image_model_enabled_has_a_price",
                violation_error_message="Set a price before enabling this model.",
            ),
        ]

    def __str__(self) -> str:
        return self.label


class ImageModelAlias(models.Model):
    """Another name an image model is found by."""

    name = models.CharField(max_length=100, unique=True)
    image_model = models.ForeignKey(
        ImageModel, on_delete=models.CASCADE, related_name="aliases"
    )

    class Meta:
        verbose_name_plural = "image model aliases"

    def __str__(self) -> str:
        return self.name
