"""The adapter's own check: what a model cannot do is refused by name, never dropped."""

from generators.contracts import (
    Capabilities,
    GenerationRequest,
    ImageRole,
    NumberRange,
    Operation,
    Size,
)
from generators.errors import UnsupportedRequest

_GUIDES = frozenset({ImageRole.REFERENCE, ImageRole.STYLE})
_WITHOUT_INIT_IMAGE = frozenset(
    {Operation.TEXT_TO_IMAGE, Operation.SAMPLE, Operation.INTERPOLATE}
)
_WITH_MASK = frozenset({Operation.INPAINT, Operation.ERASE})


def refuse_unsupported(able: Capabilities, request: GenerationRequest) -> None:
    """Raise ``UnsupportedRequest`` on the first field the model cannot serve.

    Adapters call this before they send anything, for requests that did not come
    through ``generators.validation``.
    """
    for name, is_fine in _checks(able, request).items():
        if not is_fine:
            raise UnsupportedRequest(
                f"This model cannot use this {name.replace('_', ' ')}.", field=name
            )


def _checks(able: Capabilities, request: GenerationRequest) -> dict[str, bool]:
    return {
        "operation": request.operation in able.operations,
        "size": able.takes(Size(width=request.width, height=request.height)),
        "num_images": 1 <= request.num_images <= able.max_images,
        "seed": able.has_seed or request.seed is None,
        "negative_prompt": able.has_negative_prompt or not request.negative_prompt,
        "num_inference_steps": _fits(
            request.num_inference_steps, able.num_inference_steps
        ),
        "guidance_scale": _fits(request.guidance_scale, able.guidance_scale),
        "strength": _fits(request.strength, able.strength),
        "scheduler": request.scheduler in {None, *able.schedulers},
        "images": _takes_images(able, request),
    }


def _fits(number: float | None, allowed: NumberRange | None) -> bool:
    if number is None:
        return True
    return allowed is not None and allowed.minimum <= number <= allowed.maximum


def _takes_images(able: Capabilities, request: GenerationRequest) -> bool:
    masks = sum(each.role is ImageRole.MASK for each in request.images)
    guides = sum(each.role in _GUIDES for each in request.images)
    inits = len(request.images) - masks - guides
    needs_init = request.operation not in _WITHOUT_INIT_IMAGE
    needs_mask = request.operation in _WITH_MASK
    return (
        (needs_mask <= masks <= able.has_mask)
        and inits == needs_init
        and guides <= able.max_reference_images
    )
