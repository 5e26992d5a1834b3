"""From what somebody typed to one checked request; the form, the CLI and the API use it.

Nothing is charged before this has passed, and nothing given to it that the image model
cannot do is dropped silently: it is refused by the name of its field. What a page has
no field for never gets here, nor, of several models, what only the others can use.
"""

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field
from functools import partial
from typing import Final, TypeVar

from generators import (
    catalog,
    field_checks,
    operations,
    picture_checks,
    provider_checks,
)
from generators.capabilities import (
    Capabilities,
    Operation,
    OptionValue,
    Size,
)
from generators.contracts import GenerationRequest
from generators.field_checks import Refused
from generators.models import ImageModel
from generators.operations import Given
from generators.typed_values import is_blank, shown, whole_number

ValueT = TypeVar("ValueT")

OPTION_PREFIX: Final = "option_"
"""What the field of one of a model's own options begins with; its name follows."""

_EXPANSIONS: Final = ("expand_left", "expand_right", "expand_top", "expand_bottom")
_SIDE_WITHOUT_SIZE: Final = 1024
"""What a price is figured by while a picture's size is not known."""


class RequestErrors(Exception):
    """What is wrong with a request: a message for each field at fault."""

    def __init__(self, errors: dict[str, str]) -> None:
        self.errors = errors
        super().__init__("; ".join(f"{name}: {text}" for name, text in errors.items()))


@dataclass(frozen=True, slots=True, kw_only=True)
class Typed:
    """What was asked for, as it was typed: text, numbers or nothing (blank: the default).

    ``size`` is text such as ``"512x768"``, a ``Size`` or a pair; ``options`` are by
    name; ``operation`` is what follows from the pictures where it is blank.
    """

    prompt: object = ""
    num_images: object = 1
    size: object = None
    seed: object = None
    num_inference_steps: object = None
    guidance_scale: object = None
    strength: object = None
    negative_prompt: object = ""
    scheduler: object = None
    operation: object = None
    options: Mapping[str, object] = field(default_factory=dict)
    pictures: Sequence[Given] = ()


def find_model(name: object) -> ImageModel:
    """Return the image model of this slug or alias.

    Raises ``RequestErrors`` on ``image_model``.
    """
    if is_blank(name):
        raise RequestErrors({"image_model": "Choose a model."})
    try:
        if not isinstance(name, str):
            raise ImageModel.DoesNotExist
        return catalog.find(name.strip())
    except ImageModel.DoesNotExist:
        way_out = _none_usable() or "Choose one from the list."
        message = f"{shown(name)} is not a model of this site. {way_out}"
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
    strength: object = None,
    negative_prompt: object = "",
    scheduler: object = None,
    operation: object = None,
    options: Mapping[str, object] | None = None,
    pictures: Sequence[Given] = (),
) -> GenerationRequest:
    """Check everything against the image model's capabilities and build the request.

    Each is as in ``Typed``. Raises ``RequestErrors`` naming every field at fault, and
    nothing else whatever is given.
    """
    typed = Typed(
        prompt=prompt,
        num_images=num_images,
        size=size,
        seed=seed,
        num_inference_steps=num_inference_steps,
        guidance_scale=guidance_scale,
        strength=strength,
        negative_prompt=negative_prompt,
        scheduler=scheduler,
        operation=operation,
        options=options or {},
        pictures=pictures,
    )
    return build_typed(image_model, typed)


def build_typed(image_model: ImageModel, typed: Typed) -> GenerationRequest:
    """Do what ``build_request`` does, for what was typed into a form."""
    check = _Checker(_able(image_model))
    request = _request(image_model, typed, check)
    if check.errors:
        raise RequestErrors(check.errors)
    _refuse_with_provider(image_model, request, typed)
    return request


def draft(
    image_model: ImageModel, able: Capabilities, typed: Typed
) -> GenerationRequest:
    """Return the request as far as it can be read, to figure its price from.

    What is wrong in it counts as not typed.
    """
    return _request(image_model, typed, _Checker(able))


class _Checker:
    """Runs the checks of the fields one by one and gathers what they refuse."""

    def __init__(self, able: Capabilities) -> None:
        self.able = able
        self.errors: dict[str, str] = {}

    def __call__(
        self, name: str, read: Callable[[object, Capabilities], ValueT], value: object
    ) -> ValueT | None:
        try:
            return read(value, self.able)
        except Refused as refusal:
            self.errors[name] = str(refusal)
            return None


def _request(
    image_model: ImageModel, typed: Typed, check: _Checker
) -> GenerationRequest:
    wanted = _operation(typed, check)
    count = check("num_images", field_checks.count, typed.num_images) or 1
    options = _options(typed.options, wanted, check)
    size = _size(typed, wanted, options, check)
    return GenerationRequest(
        provider_model_id=image_model.provider_model_id,
        operation=wanted,
        prompt=check(
            "prompt", partial(field_checks.prompt, operation=wanted), typed.prompt
        )
        or "",
        negative_prompt=check(
            "negative_prompt", field_checks.negative_prompt, typed.negative_prompt
        )
        or "",
        num_images=count,
        width=size.width,
        height=size.height,
        seed=check("seed", partial(field_checks.seed, num_images=count), typed.seed),
        num_inference_steps=check(
            "num_inference_steps",
            field_checks.num_inference_steps,
            typed.num_inference_steps,
        ),
        guidance_scale=check(
            "guidance_scale", field_checks.guidance_scale, typed.guidance_scale
        ),
        strength=check(
            "strength", partial(field_checks.strength, operation=wanted), typed.strength
        ),
        scheduler=check("scheduler", field_checks.scheduler, typed.scheduler),
        options=options,
    )


def _operation(typed: Typed, check: _Checker) -> Operation:
    """Return what is asked for; where it is not said, what the pictures lead to."""
    able, roles = check.able, [each.role for each in typed.pictures]
    first = next(iter(able.operations), Operation.TEXT_TO_IMAGE)
    if is_blank(typed.operation):
        wanted = operations.chosen(able, roles)
    else:
        wanted = check("operation", field_checks.operation, typed.operation)
        if wanted is None:
            return first
        able = operations.only(able, wanted)
    check.errors |= picture_checks.refusals(able, typed.pictures)
    return wanted or first


def _options(
    given: Mapping[str, object], operation: Operation, check: _Checker
) -> tuple[OptionValue, ...]:
    """Return the model's own options that have a value, in the model's order."""
    specs = {spec.name: spec for spec in check.able.options_of(operation)}
    for name in given.keys() - specs.keys():
        field_name = f"{OPTION_PREFIX}{name}"
        check(field_name, field_checks.unknown_option, given[name])
    values = {
        name: check(
            f"{OPTION_PREFIX}{name}",
            partial(field_checks.option, spec=spec),
            given.get(name),
        )
        or spec.default
        for name, spec in specs.items()
    }
    return tuple(
        OptionValue(name=name, value=value) for name, value in values.items() if value
    )


def _size(
    typed: Typed,
    operation: Operation,
    options: Sequence[OptionValue],
    check: _Checker,
) -> Size:
    usual = check.able.usual_size() or Size(
        width=_SIDE_WITHOUT_SIZE, height=_SIDE_WITHOUT_SIZE
    )
    if operation not in check.able.sized_by_image:
        return check("size", field_checks.size, typed.size) or usual
    check("size", field_checks.no_size, typed.size)
    added = {each.name: whole_number(each.value) or 0 for each in options}
    expansions = [added.get(name, 0) for name in _EXPANSIONS]
    found = picture_checks.size_of_result(typed.pictures, operation, expansions)
    return found or usual


def _refuse_with_provider(
    image_model: ImageModel, request: GenerationRequest, typed: Typed
) -> None:
    """Raise ``RequestErrors`` for what fits the capabilities, but not the provider."""
    refusal = provider_checks.refusal(image_model, request, typed.pictures)
    if refusal is None:
        return
    name, words = refusal
    options = catalog.capabilities_of(image_model).options_of(request.operation)
    is_option = name in {each.name for each in options}
    raise RequestErrors({f"{OPTION_PREFIX}{name}" if is_option else name: words})


def _able(image_model: ImageModel) -> Capabilities:
    """Return what the model can do; refuse one that cannot be used now."""
    availability = catalog.availability_of(image_model)
    if not availability.is_available:
        reason = f"{availability.reason} {_none_usable()}"
        raise RequestErrors({"image_model": reason.strip()})
    return catalog.capabilities_of(image_model)


def _none_usable() -> str:
    """Say that there is nothing to choose; empty where there is."""
    if catalog.usable_models():
        return ""
    return "No model can be used now; ask your admin."
