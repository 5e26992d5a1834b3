"""Connects a site to the fakes of remote services.

``python -m tests.fakes.connecting PROVIDER=URL...`` does so for the site of
``MAGICSHOT_HOME`` and prints, as JSON, a model to draw with for each provider.
"""

import json
import os
import sys

LABEL = "Demo"
FAKE = " (fake)"


def connect(slug: str, url: str, key: str) -> None:
    """Make the fake's connection of a provider, or give it today's address."""
    from generators import connections, health
    from generators.models import Connection

    row, _ = Connection.objects.get_or_create(provider=slug, label=LABEL)
    row.base_url = url
    connections.set_key(row, key)
    row.save()
    if not health.check(row):
        row.refresh_from_db()
        print(f"{slug}: {row.check_words}", file=sys.stderr)


def offer() -> None:
    """Say in the dropdown that they are fakes, and offer what has no price yet."""
    from generators import catalog, prices
    from generators.models import ImageModel
    from generators.providers import registry
    from generators.terms import Terms

    catalog.fill()
    for row in ImageModel.objects.filter(provider__in=registry.remote_slugs()):
        if not row.label.endswith(FAKE):
            row.label += FAKE
        if row.price is None and not row.retired:
            prices.add(row, Terms(credits=1))
            row.enabled = True
        row.save()


def one_of_each() -> dict[str, str]:
    """Return for each provider the first model that draws from words alone."""
    from generators import catalog
    from generators.capabilities import Operation
    from generators.models import ImageModel

    found: dict[str, str] = {}
    for row in ImageModel.objects.filter(enabled=True, retired=False).order_by("order"):
        if Operation.TEXT_TO_IMAGE in catalog.capabilities_of(row).operations:
            found.setdefault(row.provider, row.slug)
    return found


def main(addresses: list[str]) -> None:
    """Connect a site that is not running yet."""
    os.environ.setdefault("DJANGO_SETTINGS_MODULE", "magicshot.settings")
    import django

    django.setup()
    from django.core.management import call_command

    from tests.fakes import services

    call_command("migrate", verbosity=0)
    for slug, _, url in (each.partition("=") for each in addresses):
        connect(slug, url, services.ALL[slug].KEY)
    offer()
    print(json.dumps(one_of_each()))


if __name__ == "__main__":
    main(sys.argv[1:])
