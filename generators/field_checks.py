"""Reads one field each, as typed, by what an image model can do; or refuses it in words."""

from collections.abc import Callable
from typing import Final

from generators.capabilities import (
    Capabilities,
    NumberRange,
    Operation,
    OptionSpec,
    Size,
)
from generators.typed_values import (
    decimal_number,
    is_blank,
    is_invisible,
    read_size,
    shown,
    whole_number,
)

_NEEDS_PROMPT: Final = {
    Operation.TEXT_TO_IMAGE,
    Operation.IMAGE_TO_IMAGE,
    Operation.INPAINT,
    Operation.REPLACE_BACKGROUND,
}
_MOST_SIZES_NAMED: Final = 12


class Refused(ValueError):
    """One field is wrong; its text is for the person."""


def operation(value: object, able: Capabilities) -> Operation:
    """Read which operation is asked for."""
    allowed = ", ".join(able.operations)
    if not isinstance(value, str) or value not in able.operations:
        raise Refused(
            f"{shown(value)} is not what this model does. It does: {allowed}."
        )
    return Operation(value)


def prompt(value: object, able: Capabilities, *, operation: Operation) -> str:
    """Read the words, kept as they are."""
    text = _text(value, able.max_prompt_chars)
    if not able.reads_prompt(operation):
        if not is_invisible(text):
            raise Refused("This needs no words. Leave it empty.")
        return ""
    if is_invisible(text) and operation in _NEEDS_PROMPT:
        raise Refused("Describe the picture you want.")
    return text


def negative_prompt(value: object, able: Capabilities) -> str:
    """Read what should not be in the picture."""
    text = _text(value, able.max_prompt_chars)
    if is_invisible(text):
        return ""
    if not able.has_negative_prompt:
        raise Refused("This model has no negative prompt. Leave it empty.")
    return text


def count(value: object, able: Capabilities) -> int:
    """Read how many pictures are asked for."""
    limits = NumberRange(minimum=1, maximum=able.max_images, default=1)
    return int(_number(value, limits, whole_number))


def size(value: object, able: Capabilities) -> Size:
    """Read the size; blank is the usual one."""
    usual = able.usual_size()
    if is_blank(value) and usual is not None:
        return usual
    found = read_size(value)
    if found is None or not able.takes(found):
        raise Refused(f"{shown(value)} is not a size of this model. {_sizes(able)}")
    return found


def no_size(value: object, able: Capabilities) -> None:
    """Refuse a size where the picture follows the one it starts from."""
    if not is_blank(value):
        raise Refused("The picture will be as its start picture is. Leave it empty.")


def seed(value: object, able: Capabilities, *, num_images: int) -> int | None:
    """Read the seed; the last picture uses ``seed + num_images - 1``."""
    if not able.has_seed:
        _refuse_unless_blank(value, "seed")
    if is_blank(value):
        return None
    number = whole_number(value)
    most = able.max_seed - (num_images - 1)
    if number is None or not 0 <= number <= most:
        raise Refused(f"The seed must be a whole number from 0 to {most}.")
    return number


def num_inference_steps(value: object, able: Capabilities) -> int | None:
    """Read the steps; blank is the model's own number."""
    limits = able.num_inference_steps
    if limits is None:
        _refuse_unless_blank(value, "number of steps")
        return None
    return int(_number(value, limits, whole_number))


def guidance_scale(value: object, able: Capabilities) -> float | None:
    """Read the guidance; blank is the model's own."""
    limits = able.guidance_scale
    if limits is None:
        _refuse_unless_blank(value, "guidance")
        return None
    return _number(value, limits, decimal_number)


def strength(
    value: object, able: Capabilities, *, operation: Operation
) -> float | None:
    """Read how much a start picture is changed; blank is the model's own."""
    limits = able.strength
    if limits is None:
        _refuse_unless_blank(value, "strength")
        return None
    if not operation.needs_init_image:
        if not is_blank(value):
            raise Refused("This counts for a picture to start from. Leave it empty.")
        return None
    return _number(value, limits, decimal_number)


def scheduler(value: object, able: Capabilities) -> str | None:
    """Read the scheduler; blank is the model's own."""
    if not able.schedulers:
        _refuse_unless_blank(value, "choice of scheduler")
    if is_blank(value):
        return None
    if not isinstance(value, str) or value not in able.schedulers:
        allowed = ", ".join(able.schedulers)
        raise Refused(f"{shown(value)} is not a scheduler. Choose one of: {allowed}.")
    return value


def option(value: object, able: Capabilities, *, spec: OptionSpec) -> str:
    """Read one of the model's own options, as text; blank is its default or nothing."""
    if is_blank(value):
        if spec.is_required and not spec.default:
            raise Refused("Choose one." if spec.values else "This is needed.")
        return spec.default
    if spec.numbers is not None:
        is_whole = spec.numbers.step >= 1 and float(spec.numbers.step).is_integer()
        read = whole_number if is_whole else decimal_number
        number = _number(value, spec.numbers, read)
        return str(int(number)) if is_whole else f"{number:.10g}"
    text = _text(value, spec.max_chars or able.max_prompt_chars)
    if spec.values and text not in spec.values:
        allowed = ", ".join(spec.values[:_MOST_SIZES_NAMED])
        raise Refused(f"{shown(value)} is not one of these: {allowed}.")
    if not spec.allows(text):
        raise Refused(f"{shown(value)} does not fit. {spec.hint}".strip())
    return text


def unknown_option(value: object, able: Capabilities) -> None:
    """Refuse what the model has no option for."""
    _refuse_unless_blank(value, "such option")


def _text(value: object, max_chars: int) -> str:
    if value is None:
        return ""
    if not isinstance(value, str):
        raise Refused("This must be text.")
    if len(value) > max_chars:
        raise Refused(
            f"This is {len(value):,} characters long; "
            f"this model reads at most {max_chars:,}."
        )
    if "\0" in value:
        raise Refused("This contains a NUL character. Remove it and try again.")
    if any("\ud800" <= char <= "\udfff" for char in value):
        raise Refused("This contains a broken character. Type it again.")
    return value


def _sizes(able: Capabilities) -> str:
    allowed = [str(each) for each in able.sizes[:_MOST_SIZES_NAMED]]
    if (more := len(able.sizes) - len(allowed)) > 0:
        allowed.append(f"{more} more")
    allowed += [str(able.size_range)] if able.size_range else []
    return f"Choose {' or '.join(allowed)}."


def _refuse_unless_blank(value: object, what: str) -> None:
    if not is_blank(value):
        raise Refused(f"This model has no {what}. Leave it empty.")


def _number(
    value: object, limits: NumberRange, read: Callable[[object], float | None]
) -> float:
    if is_blank(value):
        return limits.default
    number = read(value)
    if number is None or not limits.minimum <= number <= limits.maximum:
        kind = "whole number" if read is whole_number else "number"
        raise Refused(
            f"This must be a {kind} from {limits.minimum:g} to {limits.maximum:g}."
        )
    return number
