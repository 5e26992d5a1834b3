"""Presses the button on a site of its own, in a process of its own.

``python -m tests.fakes.press '[[COUNT, MODEL, PROMPT, PAUSE], ...]'`` submits one lot of
jobs after the other, waits for the end of each, and prints a JSON line a lot: for each
job its status, credits, pictures, and milliseconds from submit to start.
"""

import json
import sys
import time

import django

django.setup()

from accounts import ledger_audit  # noqa: E402
from generators.models import GenerationJob  # noqa: E402
from tests import factories  # noqa: E402


def press(count: int, model: str, prompt: str, pause: float) -> list[dict[str, object]]:
    """Submit jobs, wait until all have ended, and tell how they went."""
    person = factories.make_person(f"presser-{time.time_ns()}")
    pks, submitted = [], []
    for _ in range(count):
        submitted.append(time.time())
        pks.append(factories.make_job(person, prompt, model).pk)
        time.sleep(pause)
    jobs = GenerationJob.objects.filter(pk__in=pks).order_by("pk")
    end = time.monotonic() + 90
    while jobs.filter(finished_at=None).exists() and time.monotonic() < end:
        time.sleep(0.05)
    assert ledger_audit.audit() == []
    return [
        {
            "status": job.status,
            "credits": job.settled_credits,
            "pictures": job.num_delivered,
            "attempts": job.attempts,
            "start_ms": job.started_at
            and round((job.started_at.timestamp() - at) * 1000, 1),
            "job": str(job.public_id),
        }
        for job, at in zip(jobs, submitted, strict=True)
    ]


if __name__ == "__main__":
    for lot in json.loads(sys.argv[1]):
        print(json.dumps(press(*lot)), flush=True)
