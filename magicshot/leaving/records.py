"""Pictures and presses as the plain JSON of an export: all that their pages show.

Rows are read some at a time, so that the memory holds few of them.
"""

import uuid
from collections.abc import Collection, Iterator, Mapping
from typing import Any, Final, TypeVar

from django.db.models import Model, Prefetch, QuerySet

from accounts.models import User
from accounts.receipts import Receipt, receipts_of
from gallery.models import Image, ImageParent, ImageTag
from generators.models import Generation, GenerationJob, JobInput, PromptVerdict
from generators.models.moderation import Action

Row = TypeVar("Row", bound=Model)
AT_ONCE: Final = 200


def images_of(user: User) -> Iterator[Image]:
    """Yield every picture of a person's, trash, uploads and masks too, oldest first."""
    tags = ImageTag.objects.select_related("tag").order_by("source", "tag__name")
    parents = ImageParent.objects.select_related("parent").order_by("pk")
    images = Image.objects.filter(owner=user).select_related("file")
    yield from _in_parts(
        images.prefetch_related(
            Prefetch("tag_links", tags), Prefetch("parent_links", parents)
        )
    )


def of_image(image: Image, name: str | None) -> dict[str, Any]:
    """Return one picture with its recipe; ``name`` is its file in the zip, if it is in."""
    file = image.file
    return {
        "id": str(image.public_id),
        "file": name,
        "kind": image.kind,
        "created_at": image.created_at,
        "in_trash_since": image.trashed_at,
        "width": file.width,
        "height": file.height,
        "mime_type": file.mime_type,
        "bytes": file.size,
        "sha256": file.content_hash,
        "operation": image.operation,
        "prompt": image.prompt,
        "negative_prompt": image.negative_prompt,
        "prompt_as_rewritten": image.revised_prompt,
        "seed": image.seed,
        "image_model": image.image_model_label,
        "image_model_slug": image.image_model_slug,
        "provider": image.provider,
        "provider_model_id": image.provider_model_id,
        "parameters": image.parameters,
        "credits": image.credits,
        "model_seconds": image.model_seconds,
        "losses": image.losses,
        "tags": [
            {"name": link.tag.name, "from": link.source}
            for link in image.tag_links.all()
        ],
        "made_from": [
            {"id": str(link.parent.public_id), "as": link.role}
            for link in image.parent_links.all()
        ],
        "generation": _text_of(image.batch_id),
        "job": _text_of(image.job_id),
        "place_in_job": image.position,
    }


def generations_of(user: User) -> Iterator[dict[str, Any]]:
    """Yield every press of a person's with its jobs, failed ones too, oldest first."""
    inputs = JobInput.objects.select_related("image").order_by("position")
    jobs = GenerationJob.objects.order_by("pk")
    presses = Generation.objects.filter(owner=user).prefetch_related(
        Prefetch("jobs", jobs.prefetch_related(Prefetch("inputs", inputs)))
    )
    for part in _parts(presses):
        receipts = receipts_of([job.public_id for g in part for job in g.jobs.all()])
        yield from (_of_generation(each, receipts) for each in part)


def refused_prompts_of(user: User) -> Iterator[dict[str, Any]]:
    """Yield the words of a person's that a rule of this site refused."""
    refused = PromptVerdict.objects.filter(owner=user, action=Action.REFUSE)
    for each in _in_parts(refused):
        yield {"refused_at": each.created_at, "words": each.prompt}


def _of_generation(
    generation: Generation, receipts: Mapping[uuid.UUID, Receipt]
) -> dict[str, Any]:
    return {
        "id": str(generation.public_id),
        "created_at": generation.created_at,
        "prompt": generation.prompt,
        "jobs": [
            _of_job(job, receipts[job.public_id]) for job in generation.jobs.all()
        ],
    }


def _of_job(job: GenerationJob, receipt: Receipt) -> dict[str, Any]:
    return {
        "id": str(job.public_id),
        "status": job.status,
        "failure_kind": job.failure_kind,
        "failure": job.failure_message,
        "image_model": job.image_model_label,
        "image_model_slug": job.image_model_slug,
        "provider": job.provider,
        "recipe": job.recipe,
        "worked_on": [
            {"id": str(each.image.public_id), "as": each.role}
            for each in job.inputs.all()
        ],
        "pictures_asked_for": job.num_images,
        "pictures_delivered": job.num_delivered,
        "credits_a_picture": job.price_credits,
        "credits_set_aside": receipt.reserved,
        "credits_taken": receipt.settled,
        "credits_given_back": receipt.refunded,
        "created_at": job.created_at,
        "started_at": job.started_at,
        "finished_at": job.finished_at,
        "model_seconds": job.model_seconds,
    }


def _in_parts(rows: QuerySet[Row, Row]) -> Iterator[Row]:
    for part in _parts(rows):
        yield from part


def _parts(rows: QuerySet[Row, Row]) -> Iterator[Collection[Row]]:
    """Yield some rows at a time, found by key: nothing stays open in between."""
    last = 0
    while part := list(rows.filter(pk__gt=last).order_by("pk")[:AT_ONCE]):
        yield part
        last = part[-1].pk


def _text_of(key: uuid.UUID | None) -> str | None:
    return None if key is None else str(key)
