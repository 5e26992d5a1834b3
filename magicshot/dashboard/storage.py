"""How much is kept: files and their bytes, and whose pictures are the heaviest."""

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Final

from django.db.models import Count, Sum

from gallery.models import Image, StoredFile

HEAVIEST: Final = 200
"""Of how many people it is known; the page shows the first few."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Shelf:
    """One person's pictures, the trash included. A file that two show counts for both."""

    owner: int
    num_images: int
    num_bytes: int


@dataclass(frozen=True, slots=True, kw_only=True)
class Storage:
    """Originals, without their thumbnails; ``people`` begins with the heaviest."""

    num_files: int
    num_bytes: int
    people: Sequence[Shelf]


def measure() -> Storage:
    """Add up all files. It walks through every picture: keep what it returns."""
    files = StoredFile.objects.aggregate(number=Count("pk"), size=Sum("size"))
    rows = (
        Image.objects.order_by()
        .values_list("owner")
        .annotate(number=Count("pk"), size=Sum("file__size"))
        .order_by("-size")[:HEAVIEST]
    )
    return Storage(
        num_files=files["number"],
        num_bytes=files["size"] or 0,
        people=[
            Shelf(owner=owner, num_images=number, num_bytes=size)
            for owner, number, size in rows
        ],
    )
