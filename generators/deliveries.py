"""From what a provider sent to pictures that are stored, checked and labelled."""

import logging
from collections.abc import Sequence
from dataclasses import dataclass

from django.utils import timezone

from gallery import storage
from generators.contracts import GenerationRequest, GenerationResult, ResultImage
from generators.errors import ContentRejected, UnexpectedResponse
from generators.models import GenerationJob

logger = logging.getLogger(__name__)


@dataclass(frozen=True, slots=True, kw_only=True)
class Delivery:
    """What a job delivered: pictures that are stored, but not yet in the gallery."""

    pictures: Sequence[storage.PreparedImage]
    model_seconds: float
    provider_request_id: str


def check_not_empty(result: GenerationResult) -> None:
    """Raise ContentRejected or UnexpectedResponse for a result without pictures."""
    if result.images:
        return
    if result.refused:
        raise ContentRejected
    raise UnexpectedResponse(detail="the result holds no picture")


def store(job: GenerationJob, result: GenerationResult, *, seconds: float) -> Delivery:
    """Store the pictures that are good, at most as many as were asked for.

    ``seconds`` is how long the work took, where the provider does not say. Raise
    BrokenPicture when none is good, StorageFailed when they cannot be written.
    """
    model_seconds = seconds if result.model_seconds is None else result.model_seconds
    images = result.images[: job.num_images]
    pictures: list[storage.PreparedImage] = []
    broken: storage.BrokenPicture | None = None
    for image in images:
        recipe = _recipe(
            job, image, position=len(pictures), seconds=model_seconds / len(images)
        )
        try:
            pictures.append(
                storage.prepare(image.content, recipe, created_at=timezone.now())
            )
        except storage.BrokenPicture as error:
            logger.warning("Job %s: a picture is no good: %s", job, error)
            broken = error
    if broken is not None and not pictures:
        raise broken
    return Delivery(
        pictures=tuple(pictures),
        model_seconds=model_seconds,
        provider_request_id=result.provider_request_id,
    )


def _recipe(
    job: GenerationJob, image: ResultImage, *, position: int, seconds: float
) -> storage.ImageRecipe:
    request = GenerationRequest.from_json(job.recipe)
    return storage.ImageRecipe(
        operation=request.operation,
        prompt=request.prompt,
        negative_prompt=request.negative_prompt,
        revised_prompt=image.revised_prompt,
        seed=image.seed,
        provider=job.provider,
        provider_model_id=request.provider_model_id,
        image_model_slug=job.image_model_slug,
        image_model_label=job.image_model_label,
        parameters=job.recipe,
        credits=job.price_credits,
        model_seconds=seconds,
        batch_id=job.generation.public_id,
        job_id=job.public_id,
        position=position,
    )
