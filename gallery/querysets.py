"""Filters over images that several places share."""

from typing import TYPE_CHECKING, Self

from django.db import models

if TYPE_CHECKING:
    from accounts.models import User


class ImageQuerySet(models.QuerySet["Image"]):  # type: ignore[name-defined]
    """Images by who may see them and where they lie."""

    def visible_to(self, user: "User") -> Self:
        """Keep the images of this person; nobody else's are ever visible."""
        return self.filter(owner=user)

    def kept(self) -> Self:
        """Leave out what lies in the trash."""
        return self.filter(trashed_at__isnull=True)

    def trashed(self) -> Self:
        """Keep only what lies in the trash."""
        return self.filter(trashed_at__isnull=False)
