"""A process in which one person presses many times at once: ``USER_ID THREADS``.

A press that the database had no time for (503) is made again, as the page asks for.
Prints the statuses that the presses ended with. Run by test_last_credits.
"""

# ruff: noqa: E402 - Django is set up before its models are imported.
import os
import sys
import threading
import time
import uuid

import django

os.environ.setdefault("DJANGO_SETTINGS_MODULE", "magicshot.settings")
django.setup()

from django.db import connection
from django.test import Client

from accounts.models import User


def main() -> None:
    """Sign in once a thread, press all together, print what came back."""
    user = User.objects.get(pk=sys.argv[1])
    connection.close()
    num_threads = int(sys.argv[2])
    together = threading.Barrier(num_threads)
    statuses: list[int] = []

    def press() -> None:
        client = Client(
            raise_request_exception=False,
            SERVER_NAME="localhost",
            headers={"HX-Request": "true"},
        )
        client.force_login(user)
        connection.close()
        together.wait()
        fields = {"prompt": "an owl", "image_model": "fake", "num_images": "1"}
        token = {"client_token": str(uuid.uuid4())}
        while (
            answer := client.post("/generations/", fields | token)
        ).status_code == 503:
            time.sleep(int(answer["Retry-After"]))
        statuses.append(answer.status_code)
        connection.close()

    threads = [threading.Thread(target=press) for _ in range(num_threads)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    print(*statuses)


main()
