"""The gallery page by page, newest first.

Pages are found by key, never by counting: each begins below the last image of the one
before, so that pictures which come or go meanwhile neither repeat nor hide others. The
key is the row's own rising number; equal times cannot confuse it.
"""

import datetime as dt
import itertools
from collections.abc import Iterable
from dataclasses import dataclass

from django.utils import timezone

from accounts.models import User
from gallery.models import Image, Tag
from gallery.querysets import ImageQuerySet

PAGE_SIZE = 60
STRIP_SIZE = 24
_NEWEST = 2**63 - 1


@dataclass(frozen=True, slots=True, kw_only=True)
class Place:
    """An image on a page: the day it opens, if it is the first of that day, and whether
    the image before it came from the same press of the button."""

    image: Image
    day: dt.date | None
    is_joined: bool


@dataclass(frozen=True, slots=True, kw_only=True)
class GalleryPage:
    """One page of pictures; ``older`` is the key of the next, None on the last."""

    places: list[Place]
    older: int | None

    @property
    def images(self) -> list[Image]:
        """The images alone."""
        return [place.image for place in self.places]


@dataclass(frozen=True, slots=True, kw_only=True)
class Neighbours:
    """What lies beside an image in its gallery."""

    newer: Image | None
    older: Image | None


def read_key(text: str) -> int | None:
    """Return a page's key from an address, None for what is none."""
    if not (text.isascii() and text.isdigit() and len(text) < 20):
        return None
    key = int(text)
    return key if key <= _NEWEST else None


def gallery_page(
    user: User, *, before: int | None = None, tag: Tag | None = None
) -> GalleryPage:
    """Return the newest images of a person, or those below the image ``before``."""
    images = _in_gallery(user, tag, below=before).for_page()
    found = list(images[: PAGE_SIZE + 1])
    page = found[:PAGE_SIZE]
    above = Image.objects.filter(owner=user, pk=before).first() if before else None
    return GalleryPage(
        places=_places(above, page),
        older=page[-1].pk if len(found) > PAGE_SIZE else None,
    )


def trash_page(user: User, *, before: int | None = None) -> GalleryPage:
    """Return the images of a person's trash, newest first."""
    images = Image.objects.visible_to(user).trashed().for_page().order_by("-id")
    if before is not None:
        images = images.filter(id__lt=before)
    found = list(images[: PAGE_SIZE + 1])
    page = found[:PAGE_SIZE]
    return GalleryPage(
        places=[Place(image=image, day=None, is_joined=False) for image in page],
        older=page[-1].pk if len(found) > PAGE_SIZE else None,
    )


def neighbours(user: User, image: Image, *, tag: Tag | None = None) -> Neighbours:
    """Return the images beside this one, among those of the tag if there is one."""
    newer = _in_gallery(user, tag, above=image.pk).for_page()
    older = _in_gallery(user, tag, below=image.pk).for_page()
    return Neighbours(newer=newer.first(), older=older.first())


def siblings(user: User, image: Image) -> list[Image]:
    """Return the images of the same press of the button, this one among them."""
    images = Image.objects.visible_to(user).kept().of_batch(image.batch_id)
    found = list(images.for_page().order_by("id")[:STRIP_SIZE])
    return found if len(found) > 1 else []


def parents(user: User, image: Image) -> list[Image]:
    """Return the images that this one was made from, in the trash or not."""
    images = Image.objects.visible_to(user).filter(child_links__child=image)
    return list(images.for_page().distinct()[:STRIP_SIZE])


def children(user: User, image: Image) -> list[Image]:
    """Return the newest images that were made from this one."""
    images = Image.objects.visible_to(user).kept().filter(parent_links__parent=image)
    return list(images.for_page().distinct().order_by("-id")[:STRIP_SIZE])


def tags_of(images: Iterable[Image]) -> list[str]:
    """Return the tags that these images share most, at most a dozen."""
    keys = [image.pk for image in images]
    links = Image.tags.through.objects.filter(image_id__in=keys)
    counts: dict[str, int] = {}
    for name in links.values_list("tag__name", flat=True):
        counts[name] = counts.get(name, 0) + 1
    return sorted(counts, key=lambda name: (-counts[name], name))[:12]


def _in_gallery(
    user: User, tag: Tag | None, *, below: int | None = None, above: int | None = None
) -> ImageQuerySet:
    """Return kept images beyond a key, nearest to it first; without one, newest first.

    With a tag, the key is the tag's link to the image: only so can the database walk
    the tag's own index instead of sorting all that it finds.
    """
    key = "tag_links__image_id" if tag else "id"
    limits: dict[str, object] = {"tag_links__tag": tag} if tag else {}
    if below is not None:
        limits[f"{key}__lt"] = below
    if above is not None:
        limits[f"{key}__gt"] = above
    images = Image.objects.visible_to(user).kept().shown().filter(**limits)
    return images.order_by(key if above is not None else f"-{key}")


def _places(above: Image | None, images: list[Image]) -> list[Place]:
    return [
        Place(
            image=image,
            day=None if previous and _day(previous) == _day(image) else _day(image),
            is_joined=_is_joined(previous, image),
        )
        for previous, image in itertools.pairwise([above, *images])
        if image
    ]


def _day(image: Image) -> dt.date:
    return timezone.localdate(image.created_at)


def _is_joined(previous: Image | None, image: Image) -> bool:
    return (
        previous is not None
        and image.batch_id is not None
        and previous.batch_id == image.batch_id
        and _day(previous) == _day(image)
    )
