"""How a picture was made: the copy that its row and its file carry."""

import re
import uuid
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any

from accounts.credit_words import price_words
from gallery.models import Image


@dataclass(frozen=True, slots=True, kw_only=True)
class ImageRecipe:
    """Everything that made one picture; enough to ask for it again.

    ``parameters`` holds plain JSON values as they were asked for, ``credits`` is what
    this picture cost, ``model_seconds`` the model's own time for it. ``batch_id`` is
    the press of the button, ``position`` the place among its job's pictures, from 0.
    ``losses`` are those before and after each step, where its pixels were optimised.
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
    losses: Sequence[float] = ()
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
        losses=image.losses,
        batch_id=image.batch_id,
        job_id=image.job_id,
        position=image.position,
    )


@dataclass(frozen=True, slots=True)
class RecipeLine:
    """One line of the recipe as people read it."""

    name: str
    value: str
    is_copied: bool = False


_PARAMETER_NAMES = {
    "num_inference_steps": "Steps",
    "guidance_scale": "Guidance",
    "scheduler": "Scheduler",
    "strength": "Strength",
    "upscale_factor": "Enlarged",
    "blend": "Mix",
    "keep_colors": "Keeps its colours",
    "style": "Style",
    "quality": "Quality",
}
# What the panel says elsewhere, or what concerns the job and not the picture.
_SHOWN_ELSEWHERE = {
    "client_token",
    "height",
    "negative_prompt",
    "num_images",
    "operation",
    "options",
    "prompt",
    "provider_model_id",
    "seed",
    "width",
}


def recipe_lines(image: Image) -> list[RecipeLine]:
    """Return the recipe line by line, without the prompts; what is not known is left out."""
    if not image.is_generated:
        return [RecipeLine("Size", f"{image.file.width} × {image.file.height}")]  # noqa: RUF001
    lines = [
        RecipeLine("Model", image.image_model_label),
        RecipeLine("Size", f"{image.file.width} × {image.file.height}"),  # noqa: RUF001
        RecipeLine(
            "Seed", "" if image.seed is None else str(image.seed), is_copied=True
        ),
        *_parameter_lines(image.parameters),
        *_option_lines(image.parameters),
        RecipeLine("How", _made_by(image)),
        RecipeLine("Time", _seconds(image.model_seconds)),
        RecipeLine("Price", price_words(image.credits)),
    ]
    return [line for line in lines if line.value]


def _parameter_lines(parameters: Mapping[str, Any]) -> list[RecipeLine]:
    return [
        RecipeLine(_name(name), str(value))
        for name, value in parameters.items()
        if name not in _SHOWN_ELSEWHERE and value not in (None, "", [], {})
    ]


def _option_lines(parameters: Mapping[str, Any]) -> list[RecipeLine]:
    """Return the model's own options, which a recipe keeps as names and values."""
    given = parameters.get("options")
    pairs = given if isinstance(given, list) else []
    return [
        RecipeLine(
            _name(str(each.get("name", ""))), _worded(str(each.get("value", "")))
        )
        for each in pairs
        if isinstance(each, dict)
    ]


def _name(parameter: str) -> str:
    plain = parameter.replace("_", " ").capitalize()
    return _PARAMETER_NAMES.get(parameter, plain)


def _worded(value: str) -> str:
    """Write the name of a choice, such as ``stained_glass``, as words; keep the rest."""
    is_name = re.fullmatch(r"[a-z]+(_[a-z]+)*", value)
    return value.replace("_", " ").capitalize() if is_name else value


def _made_by(image: Image) -> str:
    operation = image.operation.replace("-", " ")
    return "" if operation == "text to image" else operation.capitalize()


def _seconds(seconds: float | None) -> str:
    if seconds is None:
        return ""
    return f"{seconds:.1f} s" if seconds < 100 else f"{seconds / 60:.0f} min"
