"""The table of ``docs/providers.md``: what each image model can do, by its catalogue."""

from collections.abc import Iterable, Iterator
from pathlib import Path
from typing import Final

from generators.capabilities import Capabilities
from generators.contracts import ModelSpec
from generators.providers import registry
from generators.providers.base import RemoteProvider

PATH: Final = Path(__file__).parents[1] / "docs" / "providers.md"
BEGIN: Final = "<!-- made by manage.py provider_matrix: begin -->"
END: Final = "<!-- made by manage.py provider_matrix: end -->"

_COLUMNS: Final = (
    "model",
    "slug",
    "credits",
    "what it does",
    "sizes",
    "pictures",
    "references",
    "seed",
    "not wanted",
    "further controls",
    "life",
)


def remote_providers() -> list[RemoteProvider]:
    """Return the site's remote providers, in the order of their names."""
    found = (registry.get(slug) for slug in registry.remote_slugs())
    remote = [each for each in found if isinstance(each, RemoteProvider)]
    return sorted(remote, key=lambda each: each.label)


def written(text: str) -> str:
    """Return a document with the table of today between its two marks.

    Raises ``ValueError`` where it has no such marks.
    """
    before, begin, rest = text.partition(BEGIN)
    _, end, after = rest.partition(END)
    if not (begin and end):
        raise ValueError(f"no place for the table between {BEGIN} and {END}")
    return f"{before}{BEGIN}\n{_tables()}{END}{after}"


def _tables() -> str:
    return "\n".join(_table(each) for each in remote_providers())


def _table(provider: RemoteProvider) -> str:
    lines = [f"### {provider.label}", ""]
    specs = provider.catalog()
    if not specs:
        lines += ["Its models are those that the server lists.", ""]
        return "\n".join(lines)
    lines += [_line(_COLUMNS), _line("---" for _ in _COLUMNS)]
    lines += [_line(_cells(spec)) for spec in sorted(specs, key=lambda s: s.order)]
    return "\n".join([*lines, ""])


def _line(cells: Iterable[str]) -> str:
    return f"| {' | '.join(cells)} |"


def _cells(spec: ModelSpec) -> Iterator[str]:
    able = spec.capabilities
    yield spec.label
    yield f"`{spec.slug}`"
    yield "" if spec.price_credits is None else str(spec.price_credits)
    yield ", ".join(each.replace("-", " ") for each in able.operations)
    yield _sizes(able)
    yield str(able.max_images)
    yield _guides(able)
    yield "yes" if able.has_seed else ""
    yield "yes" if able.has_negative_prompt else ""
    yield ", ".join(dict.fromkeys(_controls(able)))
    yield _life(spec)


def _sizes(able: Capabilities) -> str:
    if able.size_range is not None:
        span = able.size_range
        return f"{span.minimum} to {span.maximum}, in {span.step}s"
    if not able.sizes:
        return "as the picture"
    sides = [side for size in able.sizes for side in (size.width, size.height)]
    return f"{len(able.sizes)} shapes, {min(sides)} to {max(sides)}"


def _guides(able: Capabilities) -> str:
    parts = []
    if able.max_reference_images:
        parts.append(str(able.max_reference_images))
    if able.max_style_images:
        parts.append(f"{able.max_style_images} of style")
    if able.has_mask:
        is_needed = all(each.needs_mask for each in able.operations)
        parts.append("needs a mask" if is_needed else "mask")
    return ", ".join(parts)


def _controls(able: Capabilities) -> Iterator[str]:
    if able.num_inference_steps is not None:
        yield "steps"
    if able.guidance_scale is not None:
        yield "guidance"
    if able.strength is not None:
        yield "strength"
    for option in able.options:
        yield option.name.replace("_", " ")


def _life(spec: ModelSpec) -> str:
    if spec.retired:
        return f"retired; `{spec.successor}`" if spec.successor else "retired"
    words = f"until {spec.sunset_date}" if spec.sunset_date else ""
    if spec.sunset_date and spec.successor:
        words += f"; then `{spec.successor}`"
    return words if spec.enabled else f"off {words}".strip()
