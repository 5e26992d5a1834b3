"""Pictures people keep, the files behind them, and the words they are found by."""

import datetime as dt
import uuid

from django.conf import settings
from django.db import models
from django.db.models import Q, Value

from gallery.querysets import ImageQuerySet

SMALL_SIDE = 256
LARGE_SIDE = 768
"""The longer sides of the two thumbnails in pixels."""


class StoredFile(models.Model):
    """A file kept once by its content, however many images show it.

    ``content_hash`` is the SHA-256 of the original's bytes in hexadecimal. A row with
    ``ref_count`` 0 may be swept with its file and thumbnails.
    """

    content_hash = models.CharField(max_length=64, unique=True)
    path = models.CharField(max_length=255)
    small_path = models.CharField(max_length=255)
    large_path = models.CharField(max_length=255)
    mime_type = models.CharField(max_length=64)
    size = models.BigIntegerField(help_text="Bytes of the original.")
    width = models.PositiveIntegerField()
    height = models.PositiveIntegerField()
    ref_count = models.PositiveIntegerField(default=0)
    created_at = models.DateTimeField(auto_now_add=True)

    def __str__(self) -> str:
        return self.content_hash[:12]

    @property
    def ratio(self) -> float:
        """Width by height."""
        return self.width / self.height

    @property
    def small_width(self) -> int:
        """Pixels across the small thumbnail."""
        return self._width_within(SMALL_SIDE)

    @property
    def large_width(self) -> int:
        """Pixels across the large thumbnail."""
        return self._width_within(LARGE_SIDE)

    def _width_within(self, side: int) -> int:
        longer = max(self.width, self.height)
        return max(1, round(self.width * min(1, side / longer)))


class Image(models.Model):
    """One picture, with a copy of the recipe that made it.

    The recipe is copied, so that a retired model or a deleted job loses nothing.
    """

    class Kind(models.TextChoices):
        GENERATED = "generated"
        UPLOADED = "uploaded"
        MASK = "mask"

    public_id = models.UUIDField(default=uuid.uuid4, unique=True, editable=False)
    owner = models.ForeignKey(
        settings.AUTH_USER_MODEL, on_delete=models.CASCADE, related_name="images"
    )
    kind = models.CharField(max_length=16, choices=Kind, default=Kind.GENERATED)
    file = models.ForeignKey(
        StoredFile, on_delete=models.PROTECT, related_name="images"
    )
    batch_id = models.UUIDField(
        null=True, blank=True, help_text="The press of the button it came from."
    )
    job_id = models.UUIDField(null=True, blank=True)
    position = models.PositiveSmallIntegerField(
        default=0, help_text="Place among the pictures of its job, from 0."
    )
    parents = models.ManyToManyField(
        "self", through="ImageParent", symmetrical=False, related_name="children"
    )
    tags: "models.ManyToManyField[Tag, ImageTag]" = models.ManyToManyField(
        "Tag", through="ImageTag", related_name="images"
    )

    operation = models.CharField(max_length=32, default="text-to-image")
    prompt = models.TextField(blank=True)
    negative_prompt = models.TextField(blank=True)
    revised_prompt = models.TextField(blank=True)
    seed = models.BigIntegerField(null=True, blank=True)
    provider = models.CharField(max_length=64, blank=True)
    provider_model_id = models.CharField(max_length=255, blank=True)
    image_model_slug = models.CharField(max_length=100, blank=True)
    image_model_label = models.CharField(max_length=100, blank=True)
    parameters = models.JSONField(
        default=dict, blank=True, help_text="The raw recipe, as it was asked for."
    )
    credits = models.PositiveIntegerField(default=0)
    model_seconds = models.FloatField(null=True, blank=True)
    losses = models.JSONField(
        default=list,
        db_default=Value([], models.JSONField()),
        blank=True,
        help_text="The losses of its steps, where its pixels were optimised.",
    )

    created_at = models.DateTimeField(auto_now_add=True)
    trashed_at = models.DateTimeField(null=True, blank=True)

    objects = ImageQuerySet.as_manager()

    class Meta:
        indexes = [
            models.Index(
                fields=["owner", "-id"],
                name="image_of_owner_kept",
                condition=Q(trashed_at__isnull=True),
            ),
            models.Index(
                fields=["owner", "-id"],
                name="image_of_owner_trashed",
                condition=Q(trashed_at__isnull=False),
            ),
            models.Index(
                fields=["trashed_at"],
                name="image_trashed",
                condition=Q(trashed_at__isnull=False),
            ),
            models.Index(fields=["batch_id"], name="image_of_batch"),
            models.Index(fields=["kind", "-id"], name="image_of_kind"),
        ]
        constraints = [
            models.UniqueConstraint(
                fields=["job_id", "position"],
                condition=Q(job_id__isnull=False),
                name="image_once_a_place_in_its_job",
            )
        ]

    def __str__(self) -> str:
        return str(self.public_id)

    @property
    def alt_text(self) -> str:
        """What the picture shows, as far as its prompt tells, in at most 300 characters."""
        words = " ".join(self.prompt.split())
        if not words:
            return self.title
        return words if len(words) <= 300 else f"{words[:299]}…"

    @property
    def title(self) -> str:
        """What its page is headed with: the prompt, else what it is."""
        return self.prompt or _UNPROMPTED[self.Kind(self.kind)]

    @property
    def is_generated(self) -> bool:
        """Say whether a model made it, so that it has a recipe and bears the mark."""
        return self.kind == self.Kind.GENERATED

    @property
    def leaves_at(self) -> dt.datetime | None:
        """When it goes from the trash for ever; None for what is not there."""
        if self.trashed_at is None:
            return None
        return self.trashed_at + dt.timedelta(days=settings.TRASH_DAYS)


_UNPROMPTED = {
    Image.Kind.GENERATED: "Picture without a prompt",
    Image.Kind.UPLOADED: "Uploaded picture",
    Image.Kind.MASK: "Mask",
}


class ImageParent(models.Model):
    """Says that one image was made from another, and what it was used as."""

    child = models.ForeignKey(
        Image, on_delete=models.CASCADE, related_name="parent_links"
    )
    parent = models.ForeignKey(
        Image, on_delete=models.CASCADE, related_name="child_links"
    )
    role = models.CharField(max_length=16)

    class Meta:
        constraints = [
            models.UniqueConstraint(
                fields=["child", "parent", "role"], name="image_parent_once"
            )
        ]

    def __str__(self) -> str:
        return f"{self.child_id} from {self.parent_id} ({self.role})"


class Tag(models.Model):
    """A word of one account that its images are found by, in lower case."""

    owner = models.ForeignKey(
        settings.AUTH_USER_MODEL, on_delete=models.CASCADE, related_name="tags"
    )
    name = models.CharField(max_length=50)

    class Meta:
        constraints = [
            models.UniqueConstraint(fields=["owner", "name"], name="tag_once_an_owner")
        ]

    def __str__(self) -> str:
        return self.name


class ImageTag(models.Model):
    """One tag on one image, and where it came from."""

    class Source(models.TextChoices):
        TYPED = "typed"
        PROMPT = "prompt"

    image = models.ForeignKey(Image, on_delete=models.CASCADE, related_name="tag_links")
    tag = models.ForeignKey(Tag, on_delete=models.CASCADE, related_name="image_links")
    source = models.CharField(max_length=16, choices=Source, default=Source.TYPED)

    class Meta:
        indexes = [
            models.Index(fields=["tag", "-image"], name="image_tag_newest_first")
        ]
        constraints = [
            models.UniqueConstraint(fields=["image", "tag"], name="image_tag_once")
        ]

    def __str__(self) -> str:
        return f"{self.tag_id} on {self.image_id}"
