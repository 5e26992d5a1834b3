"""Fills the form from what somebody made before: their own job or their own picture."""

import uuid
from collections.abc import Iterable, Mapping
from typing import TYPE_CHECKING, Any

from django.http import Http404
from django.shortcuts import get_object_or_404
from django.utils.datastructures import MultiValueDict

from gallery.models import Image, ImageParent
from generators.capabilities import ImageRole
from generators.models import Generation, GenerationJob
from generators.operations import FIELDS
from generators.validation import OPTION_PREFIX

if TYPE_CHECKING:
    from accounts.models import User

_PLAIN = (
    "prompt",
    "negative_prompt",
    "num_images",
    "num_inference_steps",
    "guidance_scale",
    "strength",
    "scheduler",
    "operation",
)

Fields = MultiValueDict[str, str]


def typed_from(user: "User", query: Fields) -> Fields | None:
    """Return the form's values that the address asks for, or ``None``.

    ``?job=``, ``?generation=`` or ``?image=`` fills in a recipe, ``?use=`` adds a
    picture for a ``?role=``; ``?image_model=`` beside them asks for another model.
    Raises ``Http404`` for what is not this person's.
    """
    typed = _recipe_from(user, query)
    if "use" in query:
        typed = typed or MultiValueDict()
        images = Image.objects.visible_to(user)
        image = get_object_or_404(images, public_id=_uuid(query["use"]))
        _add(typed, image, str(query.get("role", ImageRole.INIT)))
    if typed is not None and "image_model" in query:
        typed.setlist("image_model", query.getlist("image_model"))
    return typed


def _recipe_from(user: "User", query: Fields) -> Fields | None:
    jobs = GenerationJob.objects.filter(owner=user)
    if "job" in query:
        return typed_of_job(get_object_or_404(jobs, public_id=_uuid(query["job"])))
    if "generation" in query:
        presses = Generation.objects.filter(owner=user)
        public_id = _uuid(query["generation"])
        return _typed_of_press(get_object_or_404(presses, public_id=public_id))
    if "image" in query:
        images = Image.objects.visible_to(user)
        public_id = _uuid(query["image"])
        return _typed_of_image(get_object_or_404(images, public_id=public_id))
    return None


def typed_of_job(job: GenerationJob) -> Fields:
    """Return what was typed for a job; its seed only if it has not been used up."""
    typed = _typed(job.recipe, [job.image_model_slug])
    if job.status != GenerationJob.Status.SUCCEEDED:
        typed.update(_texts(job.recipe, ("seed",)))
    for row in job.inputs.select_related("image"):
        _add(typed, row.image, row.role)
    return typed


def _typed_of_press(generation: Generation) -> Fields:
    """Return what was typed for all models of a press, as far as the first one shows it."""
    jobs = list(generation.jobs.order_by("pk"))
    if not jobs:
        raise Http404
    typed = typed_of_job(jobs[0])
    slugs = dict.fromkeys(job.image_model_slug for job in jobs)
    typed.setlist("image_model", list(slugs))
    typed["num_images"] = str(
        sum(job.num_images for job in jobs if job.image_model_slug == next(iter(slugs)))
    )
    return typed


def _typed_of_image(image: Image) -> Fields:
    slugs = [image.image_model_slug] if image.image_model_slug else []
    typed = _typed(image.parameters, slugs)
    typed["prompt"], typed["num_images"] = image.prompt, "1"
    links = ImageParent.objects.filter(child=image).select_related("parent")
    for link in links.order_by("pk"):
        _add(typed, link.parent, link.role)
    return typed


def _typed(recipe: Mapping[str, Any], slugs: Iterable[str]) -> Fields:
    typed = _texts(recipe, _PLAIN)
    if recipe.get("width") and recipe.get("height"):
        size = f"{recipe['width']}x{recipe['height']}"
        typed |= {"size": size, "own_size": size}
    for each in recipe.get("options") or ():
        typed[f"{OPTION_PREFIX}{each.get('name')}"] = str(each.get("value"))
    fields: Fields = MultiValueDict({name: [text] for name, text in typed.items()})
    if slugs := list(slugs):
        fields.setlist("image_model", slugs)
    return fields


def _add(typed: Fields, image: Image, role: str) -> None:
    """Add a picture; one to start from takes the place of another."""
    if role not in list(ImageRole):
        raise Http404
    field = FIELDS[ImageRole(role)]
    if role in {ImageRole.INIT, ImageRole.MASK}:
        typed.setlist(field, [str(image.public_id)])
    else:
        typed.appendlist(field, str(image.public_id))


def _texts(recipe: Mapping[str, Any], names: tuple[str, ...]) -> dict[str, str]:
    given = {name: recipe.get(name) for name in names}
    return {name: str(value) for name, value in given.items() if value is not None}


def _uuid(text: object) -> uuid.UUID:
    try:
        return uuid.UUID(str(text))
    except ValueError:
        raise Http404 from None
