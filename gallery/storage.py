"""Keeps pictures: their files first, then their rows.

``prepare`` writes files and knows no database; ``add`` writes rows and touches no file.
So a crash between the two leaves only files that no row knows, which the sweep removes
after a while, and never a row without its file.

Every prepared picture has a path of its own, beginning with the hash of its content.
Equal content is kept once: the first row's path wins, later copies are dropped when
their transaction ends. No two rows ever share a path, so whoever removes a row may
remove its files, however many others add the same content meanwhile.
"""

import contextlib
import datetime as dt
import hashlib
import io
import secrets
from collections.abc import Sequence
from dataclasses import dataclass
from functools import partial

from django.db import IntegrityError, transaction
from django.db.models import F

from accounts.models import User
from gallery import metadata, thumbnails
from gallery.clean_text import clean
from gallery.containers import BrokenContainer
from gallery.decoding import (
    MIME_TYPES,
    RESULTS,
    BrokenPicture,
    DecodedPicture,
    decode,
)
from gallery.files import StorageFailed, remove_files, write_files
from gallery.models import Image, ImageParent, StoredFile
from gallery.querysets import ImageQuerySet
from gallery.recipes import ImageRecipe
from gallery.tagging import tag_from_prompt

__all__ = [
    "BrokenPicture",
    "ImageRecipe",
    "Parent",
    "PreparedImage",
    "StorageFailed",
    "add",
    "delete_forever",
    "prepare",
    "write",
]

FOLDER = "pictures"
_EXTENSIONS = {"PNG": "png", "JPEG": "jpg", "WEBP": "webp"}


@dataclass(frozen=True, slots=True, kw_only=True)
class PreparedImage:
    """A picture whose files are written and whose row is not. Sizes in pixels and bytes."""

    content_hash: str
    path: str
    small_path: str
    large_path: str
    mime_type: str
    size: int
    width: int
    height: int
    recipe: ImageRecipe
    kind: Image.Kind = Image.Kind.GENERATED

    @property
    def paths(self) -> tuple[str, str, str]:
        """Return where its files lie."""
        return (self.path, self.small_path, self.large_path)


@dataclass(frozen=True, slots=True, kw_only=True)
class Parent:
    """An image of the same owner that another was made from, and what it was used as."""

    image: Image
    role: str


def prepare(
    content: bytes, recipe: ImageRecipe, *, created_at: dt.datetime
) -> PreparedImage:
    """Check a picture that a model sent, label it, and write it with two thumbnails.

    May be called outside any transaction and repeated: what is not added is swept. Raise
    BrokenPicture for bytes that are no fit picture and StorageFailed where files cannot
    be written.
    """
    picture = decode(content, RESULTS)
    original, image_format = _labelled(
        content, picture, recipe=recipe, created_at=created_at
    )
    return write(
        original,
        thumbnails.make_thumbnails(picture.pixels),
        image_format=image_format,
        size=picture.pixels.size,
        recipe=recipe,
    )


def write(
    original: bytes,
    small_and_large: tuple[bytes, bytes],
    *,
    image_format: str,
    size: tuple[int, int],
    recipe: ImageRecipe,
    kind: Image.Kind = Image.Kind.GENERATED,
) -> PreparedImage:
    """Write a checked picture and its two thumbnails.

    Raise StorageFailed where files cannot be written.
    """
    content_hash = hashlib.sha256(original).hexdigest()
    stem = f"{FOLDER}/{content_hash[:2]}/{content_hash}-{secrets.token_hex(8)}"
    path = f"{stem}.{_EXTENSIONS[image_format]}"
    small_path, large_path = f"{stem}.small.webp", f"{stem}.large.webp"
    small, large = small_and_large
    write_files({path: original, small_path: small, large_path: large})
    return PreparedImage(
        content_hash=content_hash,
        path=path,
        small_path=small_path,
        large_path=large_path,
        mime_type=MIME_TYPES[image_format],
        size=len(original),
        width=size[0],
        height=size[1],
        recipe=recipe,
        kind=kind,
    )


def _labelled(
    content: bytes,
    picture: DecodedPicture,
    *,
    recipe: ImageRecipe,
    created_at: dt.datetime,
) -> tuple[bytes, str]:
    """Return what is kept as the original, labelled, and its format.

    AVIF, and a file whose container is odd though it decodes, becomes PNG: the same
    pixels, in a file that can carry the mark and that every program opens.
    """
    label = partial(metadata.label, recipe=recipe, created_at=created_at)
    if picture.image_format in MIME_TYPES:
        with contextlib.suppress(BrokenContainer):
            kept = label(content, picture.image_format, size=picture.stored_size)
            return kept, picture.image_format
    target = io.BytesIO()
    pixels = thumbnails.to_web_mode(picture.pixels)
    pixels.save(target, "PNG", icc_profile=pixels.info.get("icc_profile"))
    return label(target.getvalue(), "PNG", size=pixels.size), "PNG"


def add(
    prepared: PreparedImage, *, owner: User, parents: Sequence[Parent] = ()
) -> Image:
    """Write the rows of a prepared picture inside the caller's transaction.

    The same job and position a second time returns the first image and drops the second
    copy. Raise ValueError for a parent of another owner.
    """
    if any(parent.image.owner_id != owner.pk for parent in parents):
        raise ValueError("A parent image belongs to somebody else.")
    image = _create(prepared, owner, parents)
    if image.file.path != prepared.path:
        transaction.on_commit(partial(remove_files, prepared.paths))
    return image


def _existing(recipe: ImageRecipe) -> Image | None:
    if recipe.job_id is None:
        return None
    images = Image.objects.select_related("file")
    return images.filter(job_id=recipe.job_id, position=recipe.position).first()


def _create(prepared: PreparedImage, owner: User, parents: Sequence[Parent]) -> Image:
    try:
        with transaction.atomic():
            image = _create_image(prepared, _referenced(prepared), owner)
    except IntegrityError:
        # It is there: this, or another worker, was first with this place of this job.
        if (image_of_other := _existing(prepared.recipe)) is None:
            raise
        return image_of_other
    ImageParent.objects.bulk_create(
        [ImageParent(child=image, parent=p.image, role=p.role) for p in parents]
    )
    tag_from_prompt(image)
    return image


def _create_image(prepared: PreparedImage, file: StoredFile, owner: User) -> Image:
    recipe = prepared.recipe
    return Image.objects.create(
        owner=owner,
        file=file,
        kind=prepared.kind,
        batch_id=recipe.batch_id,
        job_id=recipe.job_id,
        position=recipe.position,
        operation=recipe.operation,
        prompt=recipe.prompt,
        negative_prompt=recipe.negative_prompt,
        revised_prompt=clean(recipe.revised_prompt),
        seed=recipe.seed,
        provider=recipe.provider,
        provider_model_id=recipe.provider_model_id,
        image_model_slug=recipe.image_model_slug,
        image_model_label=recipe.image_model_label,
        parameters=dict(recipe.parameters),
        credits=recipe.credits,
        model_seconds=recipe.model_seconds,
        losses=list(recipe.losses),
    )


def _referenced(prepared: PreparedImage) -> StoredFile:
    """Return the row of this content with one more reference, made if need be.

    Safe beside others that add or remove the same content: whichever statement comes
    second waits for the first one's transaction, and a row that went away in between is
    made anew.
    """
    rows = StoredFile.objects.filter(content_hash=prepared.content_hash)
    while True:
        StoredFile.objects.bulk_create([_row(prepared)], ignore_conflicts=True)
        if rows.update(ref_count=F("ref_count") + 1):
            return rows.get()


def _row(prepared: PreparedImage) -> StoredFile:
    return StoredFile(
        content_hash=prepared.content_hash,
        path=prepared.path,
        small_path=prepared.small_path,
        large_path=prepared.large_path,
        mime_type=prepared.mime_type,
        size=prepared.size,
        width=prepared.width,
        height=prepared.height,
    )


def delete_forever(due: ImageQuerySet, *, at_most: int | None = None) -> int:
    """Delete those of these images that lie in the trash; return how many went.

    Looked up under a lock, so that one restored a moment ago stays. Files that nothing
    shows any more go after the commit; one that could not be removed is left to the
    sweep.
    """
    with transaction.atomic():
        trashed = due.trashed().select_for_update().order_by("file_id", "pk")
        images = list(trashed.only("pk", "file_id")[:at_most])
        for image in images:
            image.delete()
            _release(image.file_id)
    return len(images)


def _release(file_id: int) -> None:
    rows = StoredFile.objects.filter(pk=file_id)
    rows.update(ref_count=F("ref_count") - 1)
    for file in rows.filter(ref_count=0):
        file.delete()
        paths = (file.path, file.small_path, file.large_path)
        transaction.on_commit(partial(remove_files, paths))
