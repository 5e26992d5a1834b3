"""A process that hurries through one shared wallet: ``WALLET_ID THREADS ROUNDS``.

Threads fight over the same jobs, so that every settle and refund has a rival. Prints
how many credits its own settlements took. Run by test_ledger_concurrency.
"""

# ruff: noqa: E402 - Django is set up before its models are imported.
import os
import random
import sys
import uuid
from concurrent.futures import ThreadPoolExecutor
from contextlib import suppress

import django

os.environ.setdefault("DJANGO_SETTINGS_MODULE", "magicshot.settings")
django.setup()

from django.db import IntegrityError, connection, transaction

from accounts import ledger
from accounts.models import User, Wallet


def work(wallet: Wallet, seed: int, rounds: int) -> int:
    """Reserve, settle and refund jobs that the other threads settle and refund too."""
    order = random.Random(seed)  # noqa: S311
    taken = 0
    for number in range(rounds):
        job_id = uuid.UUID(int=wallet.pk * 10**9 + order.randrange(rounds * 3))
        ledger.grant(wallet, 1, reference=f"race:{wallet.pk}:{number}")
        with suppress(ledger.InsufficientCredits, IntegrityError), transaction.atomic():
            ledger.reserve(wallet, order.randrange(9), job_id=job_id)
        if order.random() < 0.3:
            ledger.refund(wallet, job_id=job_id)
        credits = order.randrange(3)
        with suppress(ledger.LedgerError):
            ledger.settle(wallet, credits, job_id=job_id)
            taken += credits
    connection.close()
    return taken


def main() -> None:
    """Run the threads; each also asks for the first wallet of the same new person."""
    wallet_id, threads, rounds = map(int, sys.argv[1:])
    wallet = Wallet.objects.get(pk=wallet_id)
    newcomer = User.objects.get(email="newcomer@example.org")
    with ThreadPoolExecutor(threads) as pool:
        list(pool.map(lambda _: ledger.wallet_of(newcomer).pk, range(threads)))
        seeds = [os.getpid() * 100 + number for number in range(threads)]
        print(sum(pool.map(lambda seed: work(wallet, seed, rounds), seeds)))
    connection.close()


main()
