"""Writes the dropdown's rows from what the providers offer.

A column is written only while it still holds what was last written there
(``ImageModel.catalog_entry``), so what an admin changed is theirs until they put it
back. The same holds for a price, which gets a new version when the offer changes. Safe
to repeat, and by several processes one after another.
"""

import contextlib
import datetime
import logging
from collections.abc import Callable, Iterator
from dataclasses import dataclass, field, replace
from typing import Any

from django.db import DataError, IntegrityError, transaction

from generators import prices
from generators.contracts import ModelSpec
from generators.errors import ProviderError
from generators.models import Connection, ImageModel, ImageModelAlias, Price
from generators.providers import registry
from generators.terms import Terms

logger = logging.getLogger(__name__)

_MAX_SLUG = 100  # as ImageModel.slug
_NOTE = "From the catalogue."


@dataclass(slots=True, kw_only=True)
class FillReport:
    """What a fill did, as slugs; ``problems`` are for the operator."""

    created: list[str] = field(default_factory=list)
    changed: list[str] = field(default_factory=list)
    retired: list[str] = field(default_factory=list)
    problems: list[str] = field(default_factory=list)

    def __str__(self) -> str:
        return (
            f"{len(self.created)} new, {len(self.changed)} changed, "
            f"{len(self.retired)} retired, {len(self.problems)} problems"
        )


def fill() -> FillReport:
    """Make the rows match what the providers offer now, but for an admin's changes.

    A model that is offered no more is retired; a provider whose offer cannot be read
    keeps its rows as they are, and so does a model whose entry the database refuses.
    Both are named in ``problems``.
    """
    report = FillReport()
    offers, unread = _offers(report)
    with transaction.atomic():
        rows = {_key(row): row for row in ImageModel.objects.select_for_update()}
        last, offered = prices.last_of_each(), {}
        for key, spec in offers:
            row = rows.pop(key, None)  # one that cannot be written is left alone
            with _apart(spec, report):
                rows[key] = _write(row, spec, report, key=key, last=last)
                offered[key] = spec
        _write_aliases(rows, offered, report)
        _write_successors(rows, offered, report)
        for key, row in rows.items():
            if key not in offered and row.provider not in unread:
                _retire(row, report)
    return report


@contextlib.contextmanager
def _apart(spec: ModelSpec, report: FillReport) -> Iterator[None]:
    """Undo what cannot be written of one entry, and let the others go on."""
    try:
        with transaction.atomic():
            yield
    except (DataError, IntegrityError, OverflowError, ValueError) as error:
        report.problems.append(f"{spec.provider}: {spec.slug}: {error}")


Key = tuple[str, int | None, str]
"""Provider, the connection whose server alone offers it, and the provider's own id."""


def _offers(report: FillReport) -> tuple[list[tuple[Key, ModelSpec]], set[str]]:
    offers: list[tuple[Key, ModelSpec]] = []
    unread = set()
    for slug in registry.all_slugs():
        try:
            provider = registry.get(slug)
            offers += (
                ((slug, None, spec.provider_model_id), spec)
                for spec in provider.catalog()
            )
            report.problems.extend(f"{slug}: {each}" for each in provider.problems())
        except ProviderError as error:
            unread.add(slug)
            report.problems.append(f"{slug}: {error.user_message} {error.detail}")
    offers += _discovered(report)
    return offers, unread


def _discovered(report: FillReport) -> Iterator[tuple[Key, ModelSpec]]:
    """Yield what servers offered when their connections were checked last."""
    for row in Connection.objects.filter(provider__in=registry.all_slugs()):
        for entry in row.offered:
            try:
                spec = ModelSpec.from_json(entry)
            except ValueError as error:  # kept by another version of the site
                report.problems.append(f"{row}: {error}")
                continue
            yield (row.provider, row.pk, spec.provider_model_id), spec


def _key(row: ImageModel) -> Key:
    return row.provider, row.connection_id, row.provider_model_id


_COLUMNS: dict[str, Callable[[ModelSpec], Any]] = {
    "label": lambda spec: spec.label,
    "description": lambda spec: spec.description,
    "good_at": lambda spec: ", ".join(spec.good_at),
    "family": lambda spec: spec.family,
    "capabilities": lambda spec: spec.capabilities.to_json(),
    "order": lambda spec: spec.order,
    "sunset_date": lambda spec: spec.sunset_date,
    "retired": lambda spec: spec.retired,
}


def _write(
    row: ImageModel | None,
    spec: ModelSpec,
    report: FillReport,
    *,
    key: Key,
    last: dict[int, Price],
) -> ImageModel:
    is_new = row is None
    if row is None:
        row = ImageModel(
            provider=spec.provider,
            connection_id=key[1],
            provider_model_id=spec.provider_model_id,
            slug=_free_slug(spec),
        )
    changed = [
        name
        for name, value in _COLUMNS.items()
        if _write_column(row, name, value(spec), is_new=is_new)
    ]
    if is_new:
        row.save(force_insert=True)
    is_priced_anew = _write_price(row, spec, last.get(row.pk))
    # Last, for it depends on the price and the life that the row ends with.
    wanted = spec.enabled and (row.retired or _has_price(row, spec, last.get(row.pk)))
    if _write_column(row, "enabled", wanted, is_new=is_new):
        changed.append("enabled")
    if changed or is_priced_anew:
        row.save(update_fields=[*changed, "catalog_entry"])
        (report.created if is_new else report.changed).append(row.slug)
    return row


def _write_column(row: ImageModel, name: str, wanted: Any, *, is_new: bool) -> bool:
    """Write one column if it is still ours; answer whether anything changed."""
    held = _as_json(getattr(row, name))
    is_ours = is_new or held == row.catalog_entry.get(name, _NEVER_WRITTEN)
    if not is_ours or (held == wanted and not is_new):
        return False
    row.catalog_entry[name] = wanted
    if name == "sunset_date" and wanted is not None:
        wanted = datetime.date.fromisoformat(wanted)
    setattr(row, name, wanted)
    return True


def _write_price(row: ImageModel, spec: ModelSpec, last: Price | None) -> bool:
    """Make a version of what is offered, where that changed; answer whether it did.

    Credits and costs are ours apart from each other. A price that an admin put down for
    later is waited for, and one that they took away is not put back.
    """
    entry = row.catalog_entry
    if spec.price_credits is None:
        return False
    if last is None and entry.get("price_credits") is not None:
        return False
    if last is not None and last.pk != row.price_id:
        return False
    terms = Terms(credits=spec.price_credits, costs=spec.costs)
    written = {"price_credits": terms.credits, "costs": _costs_of(terms)}
    if last is not None:
        if not _are_our_credits(row, last):
            terms = replace(terms, credits=last.credits, rules=last.terms.rules)
            del written["price_credits"]
        if last.costs != entry.get("costs", _NEVER_WRITTEN):
            terms = replace(terms, costs=last.terms.costs)
            del written["costs"]
        if terms == last.terms:
            return False
    prices.add(row, terms, note=_NOTE)
    entry |= written
    return True


def _costs_of(terms: Terms) -> list[dict[str, Any]]:
    return [rule.to_json() for rule in terms.costs]


def _are_our_credits(row: ImageModel, last: Price) -> bool:
    return not last.rules and last.credits == row.catalog_entry.get("price_credits")


def _has_price(row: ImageModel, spec: ModelSpec, last: Price | None) -> bool:
    """Say whether a price is in force, and not one of ours that is offered no more."""
    is_ours = last is None or _are_our_credits(row, last)
    is_offered = spec.price_credits is not None or not is_ours
    return row.price_id is not None and is_offered


_NEVER_WRITTEN = object()


def _as_json(value: Any) -> Any:
    return value.isoformat() if isinstance(value, datetime.date) else value


def _free_slug(spec: ModelSpec) -> str:
    """Return the entry's slug, or one that tells it from another provider's."""
    candidates = [spec.slug, f"{spec.slug}-{spec.provider}"[:_MAX_SLUG]]
    candidates += [f"{spec.slug[: _MAX_SLUG - 5]}-{n}" for n in range(2, 1000)]
    for slug in candidates:
        is_alias = ImageModelAlias.objects.filter(name=slug).exists()
        if not is_alias and not ImageModel.objects.filter(slug=slug).exists():
            return slug
    raise ValueError(f"no free slug for {spec.slug}")


def _write_aliases(
    rows: dict[Key, ImageModel],
    offered: dict[Key, ModelSpec],
    report: FillReport,
) -> None:
    """Add new aliases; one that an admin took away is not put back."""
    slugs = {row.slug for row in rows.values()}
    taken = set(ImageModelAlias.objects.values_list("name", flat=True))
    for key, spec in offered.items():
        row = rows[key]
        known = row.catalog_entry.get("aliases", [])
        fresh = [name for name in spec.aliases if name not in known]
        for name in fresh:
            if name in slugs or name in taken:
                report.problems.append(f"{row.slug}: the alias {name} is taken")
                continue
            with _apart(spec, report):
                ImageModelAlias.objects.create(name=name, image_model=row)
                taken.add(name)
                known = row.catalog_entry["aliases"] = [*known, name]
                row.save(update_fields=["catalog_entry"])


def _write_successors(
    rows: dict[Key, ImageModel],
    offered: dict[Key, ModelSpec],
    report: FillReport,
) -> None:
    by_slug = {row.slug: row for row in rows.values()}
    slug_of = {row.pk: row.slug for row in rows.values()}
    for key, spec in offered.items():
        row = rows[key]
        held = slug_of.get(row.successor_id) if row.successor_id else None
        if held != row.catalog_entry.get("successor") or held == spec.successor:
            continue
        if spec.successor is not None and spec.successor not in by_slug:
            report.problems.append(f"{row.slug}: no successor {spec.successor}")
            continue
        row.successor = by_slug[spec.successor] if spec.successor else None
        row.catalog_entry["successor"] = spec.successor
        row.save(update_fields=["successor", "catalog_entry"])
        if row.slug not in report.created + report.changed:
            report.changed.append(row.slug)


def _retire(row: ImageModel, report: FillReport) -> None:
    """Retire a row of ours that is offered no more; an admin's own rows stay."""
    is_ours = row.catalog_entry.get("retired") is False and not row.retired
    if is_ours:
        row.retired = row.catalog_entry["retired"] = True
        row.save(update_fields=["retired", "catalog_entry"])
        report.retired.append(row.slug)
