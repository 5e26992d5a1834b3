"""The adapter's own check: what a model cannot do is refused by name, never dropped."""

from typing import Final

from generators.capabilities import (
    Capabilities,
    ImageRole,
    NumberRange,
    Operation,
    Size,
)
from generators.contracts import GenerationRequest, InputImage, ModelSpec
from generators.errors import ModelUnavailable, UnsupportedRequest
from generators.providers.base import Provider

_WORDS: Final = {
    "operation": "This model cannot do what is asked of it.",
    "prompt": "This model cannot read a prompt this long.",
    "size": "This model cannot draw this size.",
    "num_images": "This model cannot draw this many pictures at once.",
    "seed": "This model cannot use this seed.",
    "negative_prompt": "This model cannot use a negative prompt.",
    "num_inference_steps": "This model cannot use this number of steps.",
    "guidance_scale": "This model cannot use this guidance.",
    "strength": "This model cannot use this strength.",
    "scheduler": "This model cannot use this scheduler.",
    "images": "This model cannot use these pictures.",
}
"""What is said of each field; a model's own options have labels."""


def spec_of(provider: Provider, request: GenerationRequest) -> ModelSpec:
    """Return the catalogue entry a request is for.

    Raises ``ModelUnavailable`` where there is none any more.
    """
    for spec in provider.catalog():
        if spec.provider_model_id == request.provider_model_id:
            return spec
    raise ModelUnavailable(detail=f"no entry for {request.provider_model_id}")


def refuse_unsupported(able: Capabilities, request: GenerationRequest) -> None:
    """Raise ``UnsupportedRequest`` on the first field the model cannot serve.

    Adapters call this before they send anything, for requests that did not come
    through ``generators.validation``.
    """
    for name, is_fine in _checks(able, request).items():
        if not is_fine:
            words = _WORDS.get(name) or _option_words(able, request, name)
            raise UnsupportedRequest(words, field=name)


def _option_words(able: Capabilities, request: GenerationRequest, name: str) -> str:
    labels = {each.name: each.label for each in able.options_of(request.operation)}
    if name not in labels:
        return f"This model has no option “{name.replace('_', ' ')}”."
    if not request.option(name):
        return f"This model needs a value for “{labels[name]}”."
    return f"This model cannot use this value for “{labels[name]}”."


def _checks(able: Capabilities, request: GenerationRequest) -> dict[str, bool]:
    size = Size(width=request.width, height=request.height)
    return {
        "operation": request.operation in able.operations,
        "prompt": len(request.prompt) <= able.max_prompt_chars,
        "size": request.operation in able.sized_by_image or able.takes(size),
        "num_images": 1
        <= request.num_images
        <= min(able.max_images, able.images_per_job or able.max_images),
        "seed": _takes_seed(able, request),
        "negative_prompt": able.has_negative_prompt or not request.negative_prompt,
        "num_inference_steps": _fits(
            request.num_inference_steps, able.num_inference_steps
        ),
        "guidance_scale": _fits(request.guidance_scale, able.guidance_scale),
        "strength": _fits(request.strength, able.strength),
        "scheduler": request.scheduler in {None, *able.schedulers},
        "images": _takes_images(able, request),
        **_option_checks(able, request),
    }


def _takes_seed(able: Capabilities, request: GenerationRequest) -> bool:
    if request.seed is None:
        return True
    return able.has_seed and 0 <= request.seed <= able.max_seed - request.num_images + 1


def _fits(number: float | None, allowed: NumberRange | None) -> bool:
    if number is None:
        return True
    return allowed is not None and allowed.minimum <= number <= allowed.maximum


def _takes_images(able: Capabilities, request: GenerationRequest) -> bool:
    of_role = {role: len(request.images_of(role)) for role in ImageRole}
    operation = Operation(request.operation)
    return (
        (operation.needs_mask <= of_role[ImageRole.MASK] <= able.has_mask)
        and of_role[ImageRole.INIT] == operation.needs_init_image
        and of_role[ImageRole.REFERENCE] <= able.max_reference_images
        and of_role[ImageRole.STYLE] <= able.max_style_images
        and all(_fits_input(able, each) for each in request.images)
    )


def _fits_input(able: Capabilities, image: InputImage) -> bool:
    is_known = image.mime_type in able.inputs.mime_types
    is_mask = image.role is ImageRole.MASK  # always PNG; adapters convert it
    return (is_known or is_mask) and len(image.content) <= able.inputs.max_bytes


def _option_checks(able: Capabilities, request: GenerationRequest) -> dict[str, bool]:
    specs = {each.name: each for each in able.options_of(request.operation)}
    checks = {
        each.name: each.name in specs and specs[each.name].allows(each.value)
        for each in request.options
    }
    for spec in specs.values():
        if spec.is_required and not request.option(spec.name):
            checks[spec.name] = False
    return checks
