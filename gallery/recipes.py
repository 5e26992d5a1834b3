"""How a picture was made: the copy that its row and its file carry."""

import uuid
from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any

from gallery.models import Image


@dataclass(frozen=True, slots=True, kw_only=True)
class ImageRecipe:
    """Everything that made one picture; enough to ask for it again.

    ``parameters`` holds plain JSON values as they were asked for, ``credits`` is what
    this picture cost, ``model_seconds`` the model's own time for it. ``batch_id`` is
    the press of the button, ``position`` the place among its job's pictures, from 0.
    """

    operation: str = "text-to-image"
    prompt: str = ""
    negative_prompt: str = ""
    revised_prompt: str = ""
    seed: int | None = None
    provider: str = ""
    provider_model_id: str = ""
    image_model_slug: str = ""
    image_model_label: str = ""
    parameters: Mapping[str, Any] = field(default_factory=dict)
    credits: int = 0
    model_seconds: float | None = None
    batch_id: uuid.UUID | None = None
    job_id: uuid.UUID | None = None
    position: int = 0


def recipe_of(image: Image) -> ImageRecipe:
    """Return the recipe that a kept image carries."""
    return ImageRecipe(
        operation=image.operation,
        prompt=image.prompt,
        negative_prompt=image.negative_prompt,
        revised_prompt=image.revised_prompt,
        seed=image.seed,
        provider=image.provider,
        provider_model_id=image.provider_model_id,
        image_model_slug=image.image_model_slug,
        image_model_label=image.image_model_label,
        parameters=image.parameters,
        credits=image.credits,
        model_seconds=image.model_seconds,
        batch_id=image.batch_id,
        job_id=image.job_id,
        position=image.position,
    )
