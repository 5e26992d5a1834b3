"""The admin's pages on pictures, files and tags: figures and owners, not the pictures."""

from django.conf import settings
from django.contrib import admin
from django.http import HttpRequest

from accounts.admin_pages import RecordAdmin
from gallery.models import Image, StoredFile, Tag


@admin.register(Image)
class ImageAdmin(RecordAdmin):
    """Pictures as rows. Staff see neither the picture nor the words it was made from."""

    private = ("prompt", "negative_prompt", "revised_prompt", "parameters")
    list_display = ("id", "owner", "kind", "image_model_label", "credits", "created_at")
    list_filter = ("kind",)
    list_select_related = ("owner",)
    search_fields = ("^owner__email", "public_id__exact")
    ordering = ("-id",)
    fields = (
        "public_id",
        "owner",
        "kind",
        "file",
        "operation",
        "image_model_label",
        "provider",
        "provider_model_id",
        "seed",
        "credits",
        "model_seconds",
        "job_id",
        "batch_id",
        "position",
        "prompt",
        "negative_prompt",
        "revised_prompt",
        "parameters",
        "created_at",
        "trashed_at",
    )


@admin.register(StoredFile)
class StoredFileAdmin(RecordAdmin):
    """Files, kept once by their content."""

    list_display = (
        "id",
        "content_hash",
        "mime_type",
        "size",
        "ref_count",
        "created_at",
    )
    search_fields = ("^content_hash",)
    ordering = ("-id",)
    fields = (
        "content_hash",
        "path",
        "mime_type",
        "size",
        "width",
        "height",
        "ref_count",
        "created_at",
    )


@admin.register(Tag)
class TagAdmin(RecordAdmin):
    """Tags by owner. Most are words of prompts, so staff see how many, not which."""

    private = ("name",)
    list_display = ("id", "owner", "name")
    list_select_related = ("owner",)
    search_fields = ("^owner__email",)
    ordering = ("-id",)
    fields = ("owner", "name", "pictures")
    readonly_fields = ("pictures",)

    def get_object(
        self, request: HttpRequest, object_id: str, from_field: str | None = None
    ) -> Tag | None:
        """Return the tag; its word, which would be the page's title, only if shown."""
        tag: Tag | None = super().get_object(request, object_id, from_field)
        if tag is not None and not settings.STAFF_SEES_PROMPTS:
            tag.name = f"Tag {tag.pk}"
        return tag

    @admin.display(description="Pictures")
    def pictures(self, tag: Tag) -> int:
        """How many pictures carry it."""
        return tag.image_links.count()
