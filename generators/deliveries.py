"""From what a provider sent to pictures that are stored, checked and labelled."""

import logging
import time
from collections.abc import Iterator, Sequence
from dataclasses import dataclass

from django.utils import timezone

from gallery import storage
from gallery.decoding import RESULTS, num_pixels
from generators.bytes_in_flight import bytes_to_decode, gate
from generators.contracts import GenerationRequest, GenerationResult, ResultImage
from generators.errors import ContentRejected, UnexpectedResponse
from generators.models import GenerationJob
from generators.patience import let_go_of_database
from generators.spool import Spool

STORAGE_PAUSES = (0.5, 1, 2, 5, 10, 20, 20)
"""Seconds between the tries to store a job's pictures, about a minute in all."""

logger = logging.getLogger(__name__)


@dataclass(frozen=True, slots=True, kw_only=True)
class Delivery:
    """What a job delivered: pictures that are stored, but not yet in the gallery.

    ``trouble`` says why others are missing, if it was ours to store them.
    """

    pictures: Sequence[storage.PreparedImage]
    model_seconds: float
    provider_request_id: str
    trouble: str = ""


def check_not_empty(result: GenerationResult) -> None:
    """Raise ContentRejected or UnexpectedResponse for a result without pictures."""
    if result.images:
        return
    if result.refused:
        raise ContentRejected
    raise UnexpectedResponse(detail="the result holds no picture")


def store(job: GenerationJob, result: GenerationResult, *, seconds: float) -> Delivery:
    """Store the pictures that are good, at most as many as were asked for.

    ``seconds`` is how long the work took, where the provider does not say. A storage
    that fails is waited for. Raise BrokenPicture when none is good, StorageFailed when
    none could be written.
    """
    model_seconds = seconds if result.model_seconds is None else result.model_seconds
    images = result.images[: job.num_images]
    pictures: list[storage.PreparedImage] = []
    trouble: storage.BrokenPicture | storage.StorageFailed | None = None
    pauses = iter(STORAGE_PAUSES)
    for image in images:
        recipe = _recipe(
            job, image, position=len(pictures), seconds=model_seconds / len(images)
        )
        try:
            pictures.append(_store_one(image.content, recipe, pauses))
        except (storage.BrokenPicture, storage.StorageFailed) as error:
            logger.warning("Job %s: a picture is not kept: %s", job, error)
            trouble = error
    if trouble is not None and not pictures:
        raise trouble
    return Delivery(
        pictures=tuple(pictures),
        model_seconds=model_seconds,
        provider_request_id=result.provider_request_id,
        trouble="" if trouble is None else trouble.user_message,
    )


def _store_one(
    content: Spool, recipe: storage.ImageRecipe, pauses: Iterator[float]
) -> storage.PreparedImage:
    """Store a picture; try again after each pause that is left."""
    needed = _bytes_to_store(content)
    while True:
        try:
            with gate.hold(needed):
                return storage.prepare(
                    content.read(), recipe, created_at=timezone.now()
                )
        except storage.StorageFailed:
            pause = next(pauses, None)
            if pause is None:
                raise
            let_go_of_database()
            time.sleep(pause)


def _bytes_to_store(content: Spool) -> int:
    """Look at the header alone: a picture of 4K takes twenty times one of a megapixel.

    Raise BrokenPicture for what is no picture, or too large.
    """
    with gate.hold(content.size):
        return bytes_to_decode(content.size, num_pixels(content.read(), RESULTS))


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
        losses=image.losses,
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
