"""Filters over images that several places share."""

import datetime as dt
import uuid
from typing import TYPE_CHECKING, Self

from django.db import models
from django.utils import timezone

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

    def shown(self) -> Self:
        """Leave out masks, which are only of use beside the picture they mark."""
        return self.exclude(kind=self.model.Kind.MASK)

    def trashed(self) -> Self:
        """Keep only what lies in the trash."""
        return self.filter(trashed_at__isnull=False)

    def of_batch(self, batch_id: uuid.UUID | None) -> Self:
        """Keep what came from one press of the button."""
        return self.filter(batch_id=batch_id) if batch_id else self.none()

    def trash(self) -> int:
        """Put into the trash what is not there; return how many went."""
        return self.kept().update(trashed_at=timezone.now())

    def restore(self) -> int:
        """Take out of the trash; return how many came back."""
        return self.trashed().update(trashed_at=None)

    def for_page(self) -> Self:
        """Leave out what a page of many pictures does not show."""
        heavy = ("negative_prompt", "revised_prompt", "parameters")
        return self.select_related("file").defer(*heavy)

    def trashed_before(self, moment: dt.datetime) -> Self:
        """Keep what lies in the trash for longer than that."""
        return self.filter(trashed_at__lt=moment)
