"""A hundred presses at once on credits for ten: through the whole web stack."""

import subprocess
import sys
from collections import Counter

import pytest

from tests.accounts.test_ledger_concurrency import (
    ROOT,
    environment_for,
    manage,
    own_database,
)

pytestmark = pytest.mark.long

PREPARE = """
from accounts import ledger
from accounts.models import User
user = User.objects.create_user("pat@example.org")
wallet = ledger.wallet_of(user)
ledger.adjust(wallet, 20 - wallet.balance, note="ten pictures of 2 credits")
print(user.pk)
"""
COUNT = """
from accounts.models import CreditEntry, Wallet
from generators.models import GenerationJob
print(Wallet.objects.get().balance, GenerationJob.objects.count(),
      CreditEntry.objects.filter(kind="reserve").count())
"""


def press_a_hundred_times(environment, *, processes):
    """Return how often each status was answered."""
    # Watched by coverage most would wait longer for a connection than one may.
    kept = {name: text for name, text in environment.items() if "COVERAGE" not in name}
    environment = kept | {"FAKE_PROVIDER": "1", "SIGN_UP_CREDITS": "0"}
    manage(environment, "migrate", "-v0")
    manage(environment, "collectstatic", "--no-input", "-v0")  # for the page of a 503
    manage(environment, "fill_catalog")
    user_id = manage(environment, "shell", "-v0", "-c", PREPARE).split()[-1]
    module = "tests.generators.last_credits_workload"
    running = [
        subprocess.Popen(
            [sys.executable, "-m", module, user_id, str(100 // processes)],
            cwd=ROOT,
            env=environment,
            text=True,
            stdout=subprocess.PIPE,
        )
        for _ in range(processes)
    ]
    answers = [child.communicate(timeout=250)[0].split() for child in running]
    assert "adds up" in manage(environment, "audit_ledger")
    counts = manage(environment, "shell", "-v0", "-c", COUNT).split()
    assert counts == ["0", "10", "10"]
    return Counter(status for each in answers for status in each)


def test_processes_on_sqlite_get_ten_pictures_and_ninety_refusals(tmp_path):
    answered = press_a_hundred_times(environment_for(tmp_path), processes=5)
    assert answered == {"200": 10, "402": 90}


@pytest.mark.services
def test_threads_on_postgresql_get_ten_pictures_and_ninety_refusals(tmp_path):
    with own_database() as url:
        environment = environment_for(
            tmp_path, DATABASE_URL=url, DATABASE_CONNECTIONS="24"
        )
        answered = press_a_hundred_times(environment, processes=2)
    assert answered == {"200": 10, "402": 90}
