"""The web process of the run command: uvicorn on sockets the supervisor holds open.

The listening sockets outlive this process, so while it is started again browsers wait
instead of being refused.
"""

import argparse
import importlib
import os
import socket

import django
import uvicorn
from django.conf import settings
from django.utils.module_loading import import_string

from magicshot import gate

os.environ.setdefault("DJANGO_SETTINGS_MODULE", "magicshot.settings")


def server_config() -> uvicorn.Config:
    """Return how the site is served."""
    return uvicorn.Config(
        "magicshot.asgi:application",
        lifespan="off",
        access_log=False,
        log_level="warning",
        server_header=False,
        proxy_headers=False,  # TRUSTED_PROXY_COUNT alone says whom to believe
        timeout_graceful_shutdown=2,
    )


def _import_site() -> None:
    """Import what takes long. The application itself comes later, made by uvicorn.

    It looks at the static files when it is made, and they may not be there yet.
    """
    django.setup()
    for path in settings.MIDDLEWARE:
        import_string(path)
    importlib.import_module(settings.ROOT_URLCONF)


def serve(sockets: list[socket.socket]) -> None:
    """Serve the site on listening sockets, once it is prepared, until a signal ends it."""
    _import_site()
    gate.wait()
    uvicorn.Server(server_config()).run(sockets=sockets)


if __name__ == "__main__":
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--fd", type=int, action="append", required=True)
    serve([socket.socket(fileno=number) for number in parser.parse_args().fd])
