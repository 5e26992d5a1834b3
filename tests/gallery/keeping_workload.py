"""A process that adds and deletes images of equal content: ``OWNER_ID ROUNDS SHADES``.

All processes use the same few pictures, so that one's last reference is another's
first, and all deliver the same jobs. Run by test_concurrency.
"""

# ruff: noqa: E402 - Django is set up before its models are imported.
import os
import random
import sys
import uuid
from concurrent.futures import ThreadPoolExecutor

import django

os.environ.setdefault("DJANGO_SETTINGS_MODULE", "magicshot.settings")
django.setup()

from django.db import connection

from accounts.models import User
from gallery.models import Image
from gallery.storage import delete_forever
from tests.gallery.making import make_image


def work(owner: User, seed: int, rounds: int, shades: int) -> int:
    """Add and delete in turn; return how many images of no job are left."""
    order = random.Random(seed)  # noqa: S311
    mine: list[Image] = []
    for number in range(rounds):
        make_image(owner, order.randrange(shades), job_id=uuid.UUID(int=number + 1))
        mine.append(make_image(owner, order.randrange(shades)))
        if order.random() < 0.8:
            one = Image.objects.filter(pk=mine.pop(order.randrange(len(mine))).pk)
            one.trash()
            delete_forever(one)
    connection.close()
    return len(mine)


def main() -> None:
    """Run four threads."""
    owner_id, rounds, shades = map(int, sys.argv[1:])
    owner = User.objects.get(pk=owner_id)
    seeds = [os.getpid() * 100 + number for number in range(4)]
    with ThreadPoolExecutor(4) as pool:
        left = sum(pool.map(lambda seed: work(owner, seed, rounds, shades), seeds))
    connection.close()
    print(left)


main()
