"""``manage.py models``: list the catalogue for people or for scripts."""

import argparse
import json
from typing import Any

from django.core.management.base import BaseCommand

from generators import catalog
from generators.models import ImageModel
from magicshot import preparing


class Command(BaseCommand):
    """Lists the image models of this site's dropdown."""

    help = "List the image models of this site."

    def add_arguments(self, parser: argparse.ArgumentParser) -> None:
        """Declare the two switches."""
        parser.add_argument("--json", action="store_true", help="as JSON, for scripts")
        parser.add_argument(
            "--all", action="store_true", help="also disabled and retired models"
        )

    def handle(self, **options: Any) -> None:
        """Print the models, in the dropdown's order; of a fresh site too."""
        preparing.make_tables()
        entries = [
            _entry(row)
            for row in catalog.all_models()
            if options["all"] or (row.enabled and not row.retired)
        ]
        if options["json"]:
            self.stdout.write(json.dumps(entries, indent=2))
        else:
            self.stdout.write(_table(entries))


def _entry(row: ImageModel) -> dict[str, Any]:
    availability = catalog.availability_of(row)
    try:
        operations = list(catalog.capabilities_of(row).operations)
    except ValueError:  # an admin's slip; availability names it
        operations = []
    return {
        "slug": row.slug,
        "label": row.label,
        "provider": row.provider,
        "provider_model_id": row.provider_model_id,
        "family": row.family,
        "operations": operations,
        "enabled": row.enabled,
        "price": row.price.credits if row.price else None,
        "lifecycle": catalog.lifecycle_of(row),
        "sunset_date": row.sunset_date.isoformat() if row.sunset_date else None,
        "successor": row.successor.slug if row.successor else None,
        "aliases": [alias.name for alias in row.aliases.all()],
        "available": availability.is_available,
        "reason": availability.reason,
    }


def _table(entries: list[dict[str, Any]]) -> str:
    if not entries:
        return "No models. Run `manage.py fill_catalog`, or see --all."
    rows: list[tuple[str, ...]] = [
        ("SLUG", "LABEL", "PROVIDER", "FAMILY", "PRICE", "LIFECYCLE", "USABLE")
    ]
    rows.extend(map(_cells, entries))
    widths = [max(map(len, column)) for column in zip(*rows, strict=True)]
    lines = (
        "  ".join(cell.ljust(width) for cell, width in zip(row, widths, strict=True))
        for row in rows
    )
    return "\n".join(line.rstrip() for line in lines)


def _cells(entry: dict[str, Any]) -> tuple[str, ...]:
    price = "none" if entry["price"] is None else str(entry["price"])
    is_usable = "yes" if entry["available"] else f"no: {entry['reason']}"
    named = (entry[name] for name in ("slug", "label", "provider", "family"))
    return (*named, price, entry["lifecycle"], is_usable)
