"""The controls under Advanced: those of the chosen models, each by its field's name."""

import enum
from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass, replace
from typing import Final

from generators import shapes
from generators.capabilities import NumberRange, Operation, OptionSpec
from generators.shares import RESOLUTION, Share
from generators.validation import OPTION_PREFIX

MOST_ROLLED_SEED: Final = 2**32 - 1
THE_MODELS_OWN: Final = "The model's own"


LABELS: Final = {
    "negative_prompt": "Leave out",
    "strength": "Strength",
    RESOLUTION: "Resolution",
    "own_size": "Own size",
    "seed": "Seed",
    "num_inference_steps": "Steps",
    "guidance_scale": "Guidance",
    "scheduler": "Scheduler",
}
"""What people read for a field that is no option of a model's own."""


_STRENGTH: Final = "0 keeps the start picture, 1 hardly looks at it."
_STYLE_STRENGTH: Final = "0 keeps the start picture, 1 is the style in full."


class Kind(enum.StrEnum):
    """How a control is drawn."""

    CHOICE = "choice"
    PICTURE = "picture"
    NUMBER = "number"
    TEXT = "text"
    SEED = "seed"


@dataclass(frozen=True, slots=True, kw_only=True)
class Choice:
    """One entry of a choice; an empty ``value`` is the default.

    ``picture`` is the file of ``static`` that shows it, where there is one.
    """

    value: str
    label: str
    is_chosen: bool
    picture: str = ""


@dataclass(frozen=True, slots=True, kw_only=True)
class Control:
    """One control: its field, its words, its value as typed, and what is wrong with it.

    ``only`` names the models that have it, where others do not.
    """

    kind: Kind
    name: str
    label: str
    value: str
    error: str
    hint: str = ""
    placeholder: str = ""
    limits: NumberRange | None = None
    choices: Sequence[Choice] = ()
    only: str = ""
    is_required: bool = False
    max_chars: int = 0
    most: int = 0


@dataclass(frozen=True, slots=True, kw_only=True)
class Panel:
    """Draws the controls of the chosen models' shares."""

    shares: Sequence[Share]
    values: Mapping[str, str]
    errors: Mapping[str, str]

    def controls(self) -> list[Control]:
        """Return the controls that any of the chosen models has now."""
        return [*self._options(has_pictures=False), *self._plain()]

    def looks(self) -> list[Control]:
        """Return what is chosen by pictures: too large for the panel."""
        return [*self._options(has_pictures=True)]

    def _plain(self) -> Iterator[Control]:
        for name, draw in _PLAIN.items():
            having = [share for share in self.shares if share.has(name)]
            if having:
                yield draw(self, having)

    def _options(self, *, has_pictures: bool) -> Iterator[Control]:
        specs: dict[str, list[OptionSpec]] = {}
        for share in self.shares:
            for spec in share.able.options_of(share.operation):
                if bool(spec.pictures) != has_pictures:
                    continue
                specs.setdefault(spec.name, []).append(spec)
        for name, alike in specs.items():
            yield self._option(f"{OPTION_PREFIX}{name}", alike)

    def _option(self, name: str, specs: Sequence[OptionSpec]) -> Control:
        spec = specs[0]
        base = self._base(Kind.TEXT, name, label=spec.label, hint=spec.hint)
        base = replace(base, placeholder=spec.default, is_required=spec.is_required)
        if spec.numbers is not None:
            limits = _widest(each.numbers for each in specs)
            return replace(base, kind=Kind.NUMBER, limits=limits)
        if spec.values:
            choices = _choices_of(specs, base.value)
            kind = Kind.PICTURE if spec.pictures else Kind.CHOICE
            return replace(base, kind=kind, choices=choices)
        return replace(base, max_chars=spec.max_chars)

    def _negative_prompt(self, _: Sequence[Share]) -> Control:
        base = self._base(Kind.TEXT, "negative_prompt")
        return replace(base, placeholder="What should not be in the picture")

    def _strength(self, having: Sequence[Share]) -> Control:
        is_style = all(share.operation is Operation.STYLE_TRANSFER for share in having)
        hint = _STYLE_STRENGTH if is_style else _STRENGTH
        limits = _widest(share.able.strength for share in having)
        return self._number("strength", limits, hint=hint)

    def _resolution(self, having: Sequence[Share]) -> Control:
        base = self._base(Kind.CHOICE, RESOLUTION)
        choices = [
            Choice(
                value="" if each.is_usual else each.key,
                label=each.label,
                is_chosen=base.value == ("" if each.is_usual else each.key),
            )
            for each in shapes.resolutions(having[0].able)
        ]
        return replace(base, choices=choices)

    def _own_size(self, having: Sequence[Share]) -> Control:
        hint = f"Pixels as width x height: {having[0].able.size_range}."
        base = self._base(Kind.TEXT, "own_size", hint=hint)
        error = self.errors.get("size", "") if base.value else ""
        return replace(base, placeholder=str(having[0].size), error=error)

    def _seed(self, having: Sequence[Share]) -> Control:
        hint = "The same seed and settings draw the same picture."
        base = self._base(Kind.SEED, "seed", hint=hint)
        most = min(share.able.max_seed for share in having)
        return replace(base, most=min(most, MOST_ROLLED_SEED))

    def _steps(self, having: Sequence[Share]) -> Control:
        limits = _widest(share.able.num_inference_steps for share in having)
        hint = "More steps take longer."
        return self._number("num_inference_steps", limits, hint=hint)

    def _guidance(self, having: Sequence[Share]) -> Control:
        limits = _widest(share.able.guidance_scale for share in having)
        hint = "Higher follows the words more closely."
        return self._number("guidance_scale", limits, hint=hint)

    def _scheduler(self, having: Sequence[Share]) -> Control:
        base = self._base(Kind.CHOICE, "scheduler")
        names = dict.fromkeys(x for share in having for x in share.able.schedulers)
        choices = [
            Choice(value=each, label=each, is_chosen=each == base.value)
            for each in names
        ]
        own = Choice(value="", label=THE_MODELS_OWN, is_chosen=not base.value)
        return replace(base, choices=[own, *choices])

    def _number(self, name: str, limits: NumberRange | None, *, hint: str) -> Control:
        base = self._base(Kind.NUMBER, name, hint=hint)
        placeholder = "" if limits is None else f"{limits.default:g}"
        return replace(base, limits=limits, placeholder=placeholder)

    def _base(
        self, kind: Kind, name: str, *, label: str = "", hint: str = ""
    ) -> Control:
        return Control(
            kind=kind,
            name=name,
            label=label or LABELS[name],
            hint=hint,
            value=self.values.get(name, ""),
            error=self.errors.get(name, ""),
            only=self._only(name),
        )

    def _only(self, name: str) -> str:
        """Name the models that have a control, where not all do."""
        having = [share for share in self.shares if share.has(name)]
        if len(having) == len(self.shares):
            return ""
        return "Only " + " and ".join(each.image_model.label for each in having)


_PLAIN: Final[dict[str, Callable[[Panel, Sequence[Share]], Control]]] = {
    "strength": Panel._strength,
    "negative_prompt": Panel._negative_prompt,
    RESOLUTION: Panel._resolution,
    "seed": Panel._seed,
    "num_inference_steps": Panel._steps,
    "guidance_scale": Panel._guidance,
    "scheduler": Panel._scheduler,
    "own_size": Panel._own_size,
}
"""Beside the models' own options, in the order they are drawn."""


def _widest(ranges: Iterable[NumberRange | None]) -> NumberRange | None:
    """Return what any of the models takes; one beyond whose range it is says so."""
    found = [each for each in ranges if each is not None]
    if not found:
        return None
    return replace(
        found[0],
        minimum=min(each.minimum for each in found),
        maximum=max(each.maximum for each in found),
        step=min(each.step for each in found),
    )


def _choices_of(specs: Sequence[OptionSpec], chosen: str) -> list[Choice]:
    """Return the values of an option; its default is what is sent where none is chosen."""
    default, is_same = specs[0].default, len({each.default for each in specs}) == 1
    values = dict.fromkeys(value for spec in specs for value in spec.values)
    chosen = chosen if chosen in values else ""
    choices = [
        Choice(
            value="" if is_same and value == default else value,
            label=_worded(value),
            is_chosen=value == (chosen or (default if is_same else "")),
            picture=f"{specs[0].pictures}/{value}.webp" if specs[0].pictures else "",
        )
        for value in values
    ]
    if is_same and default:
        return choices
    words = "Choose one" if specs[0].is_required and is_same else THE_MODELS_OWN
    return [Choice(value="", label=words, is_chosen=not chosen), *choices]


def _worded(value: str) -> str:
    words = value.replace("_", " ")
    return words[:1].upper() + words[1:]
