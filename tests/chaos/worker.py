"""A real worker of the site under chaos: ``python -m tests.chaos.worker local``.

It runs exactly the command that the supervisor would, with the kill points in place.
Everything is loaded first; then it waits for a line on its standard input, so that a
spare is ready the moment its predecessor dies.
"""

import os
import sys

import django
from PIL import Image


def main(name: str) -> None:
    """Become the worker of that name (``local``, ``remote`` or ``beat``)."""
    os.environ.setdefault("DJANGO_SETTINGS_MODULE", "magicshot.settings")
    django.setup()
    from celery.bin.celery import celery

    from generators import tasks  # noqa: F401 (loaded before the wait, not after)
    from generators.providers import fake, fake_pictures  # noqa: F401
    from magicshot import processes
    from tests.chaos import points

    Image.init()
    points.install(is_worker=True)
    (program,) = (each for each in processes.workers() if each.name == name)
    print("ready", flush=True)
    sys.stdin.readline()
    after_module = program.command.index("celery") + 1
    celery.main(args=list(program.command[after_module:]), prog_name="celery")


if __name__ == "__main__":
    main(sys.argv[1])
