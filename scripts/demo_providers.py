"""Start the fakes of all remote providers, connect a demo site to them, and run it.

The site has a data folder of its own, `build/demo`; its dropdown says of every remote
model that it is a fake. Ctrl-C stops everything.
"""

import contextlib
import os
import sys
from pathlib import Path

ROOT = Path(__file__).resolve().parents[1]
HOME = ROOT / "build" / "demo"
LABEL = "Demo"
FAKE = " (fake)"

sys.path.insert(0, str(ROOT))
os.environ.setdefault("MAGICSHOT_HOME", str(HOME))
os.environ.setdefault("DJANGO_SETTINGS_MODULE", "magicshot.settings")
os.environ.setdefault("SIGN_UP_CREDITS", "10000")


def main() -> None:
    """Run until Ctrl-C."""
    import django

    django.setup()
    from django.core.management import call_command

    from tests.fakes import services

    call_command("migrate", verbosity=0)
    with contextlib.ExitStack() as running:
        for slug, fake in services.ALL.items():
            service = running.enter_context(fake())
            _connect(slug, service.url, service.KEY)
        _label()
        print(
            "The remote models of this site are fakes: nothing is sent, nothing paid."
        )
        call_command("run")


def _connect(slug: str, url: str, key: str) -> None:
    """Make the demo's connection of a provider, or give it today's address."""
    from generators import connections, health
    from generators.models import Connection

    row, _ = Connection.objects.get_or_create(provider=slug, label=LABEL)
    row.base_url = url
    connections.set_key(row, key)
    row.save()
    if not health.check(row):
        row.refresh_from_db()
        print(f"{slug}: {row.check_words}")


def _label() -> None:
    """Say in the dropdown that they are fakes, and offer what has no price yet."""
    from generators import catalog
    from generators.models import ImageModel
    from generators.providers import registry

    catalog.fill()
    for row in ImageModel.objects.filter(provider__in=registry.remote_slugs()):
        if not row.label.endswith(FAKE):
            row.label += FAKE
        if row.price_credits is None and not row.retired:
            row.price_credits, row.enabled = 1, True
        row.save()


if __name__ == "__main__":
    main()
