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

sys.path.insert(0, str(ROOT))
os.environ.setdefault("MAGICSHOT_HOME", str(HOME))
os.environ.setdefault("DJANGO_SETTINGS_MODULE", "magicshot.settings")
os.environ.setdefault("SIGN_UP_CREDITS", "10000")


def main() -> None:
    """Run until Ctrl-C."""
    import django

    django.setup()
    from django.core.management import call_command

    from tests.fakes import connecting, services

    call_command("migrate", verbosity=0)
    with contextlib.ExitStack() as running:
        for slug, fake in services.ALL.items():
            service = running.enter_context(fake())
            connecting.connect(slug, service.url, service.KEY)
        connecting.offer()
        print(
            "The remote models of this site are fakes: nothing is sent, nothing paid."
        )
        call_command("run")


if __name__ == "__main__":
    main()
