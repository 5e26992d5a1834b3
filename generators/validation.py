"""From what somebody typed to one checked request; the form, the CLI and the API use it.

Nothing is charged before this has passed, and nothing given to it that the image model
cannot do is dropped silently: it is refused by the name of its field. What a page has
no field for, or a field that its chosen model does not show, never gets here.
"""

from collections.abc import Callable
from functools import partial
from typing import Final, TypeVar

from generators import catalog
from generators.capabilities import Capabilities, NumberRange, Operation, Size
from generators.contracts import GenerationRequest
from generators.models import ImageModel
from generators.typed_values import (
    decimal_number,
    is_blank,
    is_invisible,
    read_size,
    shown,
    whole_number,
)

ValueT = TypeVar("ValueT")

_MAX_NAMED: Final = 20
_NEEDS_PROMPT: Final = {
    Operation.TEXT_TO_IMAGE,
    Operation.IMAGE_TO_IMAGE,
    Operation.INPAINT,
    Operation.REPLACE_BACKGROUND,
}


class RequestErrors(Exception):
    """What is wrong with a request: a message for each field at fault."""

    def __init__(self, errors: dict[str, str]) -> None:
        self.errors = errors
        super().__init__("; ".join(f"{name}: {text}" for name, text in errors.items()))


class _Refused(ValueError):
    """One field is wrong; its text is for the person."""


def find_model(name: object) -> ImageModel:
    """Return the image model of this slug or alias.

    Raises ``RequestErrors`` on ``image_model``; for a name that is not known it lists
    what there is to choose.
    """
    if is_blank(name):
        raise RequestErrors({"image_model": "Choose a model."})
    try:
        if not isinstance(name, str):
            raise ImageModel.DoesNotExist
        return catalog.find(name.strip())
    except ImageModel.DoesNotExist:
        message = f"{shown(name)} is not a model of this site. {_models_to_choose()}"
        raise RequestErrors({"image_model": message}) from None


def build_request(
    image_model: ImageModel,
    *,
    prompt: object,
    num_images: object = 1,
    size: object = None,
    seed: object = None,
    num_inference_steps: object = None,
    guidance_scale: object = None,
    negative_prompt: object = "",
    scheduler: object = None,
    operation: object = Operation.TEXT_TO_IMAGE,
) -> GenerationRequest:
    """Check everything against the image model's capabilities and build the request.

    Takes text as typed, numbers or nothing (blank: the default); ``size`` is text such
    as ``"512x768"``, a ``Size`` or a pair. Raises ``RequestErrors`` naming every field
    at fault, and nothing else whatever is given.
    """
    check = _Checker(_able(image_model))
    wanted = check("operation", _operation, operation) or Operation.TEXT_TO_IMAGE
    count = check("num_images", _count, num_images) or 1
    pixels = check("size", _size, size)
    request = GenerationRequest(
        provider_model_id=image_model.provider_model_id,
        operation=wanted,
        prompt=check("prompt", partial(_prompt, operation=wanted), prompt) or "",
        negative_prompt=check("negative_prompt", _unwanted, negative_prompt) or "",
        num_images=count,
        width=pixels.width if pixels else 0,
        height=pixels.height if pixels else 0,
        seed=check("seed", partial(_seed, num_images=count), seed),
        num_inference_steps=check("num_inference_steps", _steps, num_inference_steps),
        guidance_scale=check("guidance_scale", _guidance, guidance_scale),
        scheduler=check("scheduler", _scheduler, scheduler),
    )
    check.finish()
    return request


class _Checker:
    """Runs the checks of the fields one by one and gathers what they refuse."""

    def __init__(self, able: Capabilities) -> None:
        self.able = able
        self.errors: dict[str, str] = {}

    def __call__(
        self, field: str, read: Callable[[object, Capabilities], ValueT], value: object
    ) -> ValueT | None:
        try:
            return read(value, self.able)
        except _Refused as refusal:
            self.errors[field] = str(refusal)
            return None

    def finish(self) -> None:
        if self.errors:
            raise RequestErrors(self.errors)


def _able(image_model: ImageModel) -> Capabilities:
    """Return what the model can do; refuse one that cannot be used now."""
    availability = catalog.availability_of(image_model)
    if not availability.is_available:
        reason = f"{availability.reason} {_models_to_choose()}"
        raise RequestErrors({"image_model": reason})
    return catalog.capabilities_of(image_model)


def _operation(value: object, able: Capabilities) -> Operation:
    allowed = ", ".join(able.operations)
    if not isinstance(value, str) or value not in able.operations:
        raise _Refused(
            f"{shown(value)} is not what this model does. It does: {allowed}."
        )
    return Operation(value)


def _prompt(value: object, able: Capabilities, *, operation: Operation) -> str:
    text = _text(value, able.max_prompt_chars)
    if is_invisible(text) and operation in _NEEDS_PROMPT:
        raise _Refused("Describe the picture you want.")
    return text


def _unwanted(value: object, able: Capabilities) -> str:
    text = _text(value, able.max_prompt_chars)
    if is_invisible(text):
        return ""
    if not able.has_negative_prompt:
        raise _Refused("This model has no negative prompt. Leave it empty.")
    return text


def _text(value: object, max_chars: int) -> str:
    if value is None:
        return ""
    if not isinstance(value, str):
        raise _Refused("This must be text.")
    if len(value) > max_chars:
        raise _Refused(
            f"This is {len(value):,} characters long; "
            f"this model reads at most {max_chars:,}."
        )
    if "\0" in value:
        raise _Refused("This contains a NUL character. Remove it and try again.")
    if any("\ud800" <= char <= "\udfff" for char in value):
        raise _Refused("This contains a broken character. Type it again.")
    return value


def _count(value: object, able: Capabilities) -> int:
    limits = NumberRange(minimum=1, maximum=able.max_images, default=1)
    return int(_number(value, limits, whole_number))


def _size(value: object, able: Capabilities) -> Size:
    usual = able.usual_size()
    if is_blank(value) and usual is not None:
        return usual
    size = read_size(value)
    if size is None or not able.takes(size):
        raise _Refused(f"{shown(value)} is not a size of this model. {_sizes(able)}")
    return size


def _sizes(able: Capabilities) -> str:
    allowed = [str(size) for size in able.sizes]
    allowed += [str(able.size_range)] if able.size_range else []
    return f"Choose {' or '.join(allowed)}."


def _seed(value: object, able: Capabilities, *, num_images: int) -> int | None:
    if not able.has_seed:
        _refuse_unless_blank(value, "seed")
    if is_blank(value):
        return None
    # The last picture of the job uses seed + num_images - 1.
    number = whole_number(value)
    most = able.max_seed - (num_images - 1)
    if number is None or not 0 <= number <= most:
        raise _Refused(f"The seed must be a whole number from 0 to {most}.")
    return number


def _steps(value: object, able: Capabilities) -> int | None:
    limits = able.num_inference_steps
    if limits is None:
        _refuse_unless_blank(value, "number of steps")
        return None
    return int(_number(value, limits, whole_number))


def _guidance(value: object, able: Capabilities) -> float | None:
    limits = able.guidance_scale
    if limits is None:
        _refuse_unless_blank(value, "guidance")
        return None
    return _number(value, limits, decimal_number)


def _scheduler(value: object, able: Capabilities) -> str | None:
    if not able.schedulers:
        _refuse_unless_blank(value, "choice of scheduler")
    if is_blank(value):
        return None
    if not isinstance(value, str) or value not in able.schedulers:
        allowed = ", ".join(able.schedulers)
        raise _Refused(f"{shown(value)} is not a scheduler. Choose one of: {allowed}.")
    return value


def _refuse_unless_blank(value: object, what: str) -> None:
    if not is_blank(value):
        raise _Refused(f"This model has no {what}. Leave it empty.")


def _number(
    value: object, limits: NumberRange, read: Callable[[object], float | None]
) -> float:
    if is_blank(value):
        return limits.default
    number = read(value)
    if number is None or not limits.minimum <= number <= limits.maximum:
        kind = "whole number" if read is whole_number else "number"
        raise _Refused(
            f"This must be a {kind} from {limits.minimum:g} to {limits.maximum:g}."
        )
    return number


def _models_to_choose() -> str:
    slugs = [row.slug for row in catalog.usable_models()]
    if not slugs:
        return "No model can be used now; ask your admin."
    more = f" and {len(slugs) - _MAX_NAMED} more" if len(slugs) > _MAX_NAMED else ""
    return f"Choose one of: {', '.join(slugs[:_MAX_NAMED])}{more}."
