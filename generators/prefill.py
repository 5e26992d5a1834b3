"""Fills the form from what somebody made before: their own job or their own picture."""

import uuid
from collections.abc import Mapping
from typing import TYPE_CHECKING, Any

from django.http import Http404
from django.shortcuts import get_object_or_404

from gallery.models import Image
from generators.models import GenerationJob

if TYPE_CHECKING:
    from accounts.models import User

_PLAIN = (
    "prompt",
    "negative_prompt",
    "num_images",
    "num_inference_steps",
    "guidance_scale",
    "scheduler",
)


def typed_from(user: "User", query: Mapping[str, str]) -> dict[str, str]:
    """Return the form's values that ``?job=`` or ``?image=`` asks for, or none.

    ``?image_model=`` beside them asks for another model. Raises ``Http404`` for what
    is not this person's.
    """
    if "job" in query:
        jobs = GenerationJob.objects.filter(owner=user)
        typed = typed_of_job(get_object_or_404(jobs, public_id=_uuid(query["job"])))
    elif "image" in query:
        images = Image.objects.visible_to(user)
        typed = _typed_of_image(
            get_object_or_404(images, public_id=_uuid(query["image"]))
        )
    else:
        return {}
    if "image_model" in query:
        typed["image_model"] = query["image_model"]
    return typed


def typed_of_job(job: GenerationJob) -> dict[str, str]:
    """Return what was typed for a job; its seed only if it has not been used up."""
    typed = _typed(job.recipe) | {"image_model": job.image_model_slug}
    if job.status != GenerationJob.Status.SUCCEEDED:
        typed |= _texts(job.recipe, ("seed",))
    return typed


def _typed_of_image(image: Image) -> dict[str, str]:
    typed = _typed(image.parameters) | {"image_model": image.image_model_slug}
    return typed | {"prompt": image.prompt, "num_images": "1"}


def _typed(recipe: Mapping[str, Any]) -> dict[str, str]:
    typed = _texts(recipe, _PLAIN)
    if recipe.get("width") and recipe.get("height"):
        size = f"{recipe['width']}x{recipe['height']}"
        typed |= {"size": size, "own_size": size}
    return typed


def _texts(recipe: Mapping[str, Any], names: tuple[str, ...]) -> dict[str, str]:
    given = {name: recipe.get(name) for name in names}
    return {name: str(value) for name, value in given.items() if value is not None}


def _uuid(text: str) -> uuid.UUID:
    try:
        return uuid.UUID(text)
    except ValueError:
        raise Http404 from None
