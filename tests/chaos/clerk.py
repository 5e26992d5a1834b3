"""Stands for the web process of the site under chaos: ``python -m tests.chaos.clerk``.

Reads one JSON request a line and answers with one JSON line: it presses the button, and
tells what the database and the fake service say. It can be killed like any other.
"""

import json
import os
import sys
import uuid
from collections.abc import Callable
from typing import Any

import django

EMAIL = "chaos@example.org"


def main() -> None:
    """Answer requests until the standard input ends."""
    os.environ.setdefault("DJANGO_SETTINGS_MODULE", "magicshot.settings")
    django.setup()
    from django.db import connections

    from tests.chaos import points

    points.install(is_worker=False)
    print(json.dumps("ready"), flush=True)
    for line in sys.stdin:
        request = json.loads(line)
        answer = REQUESTS[request.pop("do")](**request)
        connections.close_all()  # as between two web requests
        print(json.dumps(answer), flush=True)


def submit(*, token: str, slug: str, prompt: str, num_images: int) -> str:
    """Press the button, with the page's own token."""
    from accounts import ledger
    from accounts.models import User
    from generators import catalog, jobs, validation

    user = User.objects.filter(email=EMAIL).first()
    if user is None:
        user = User.objects.create_user(EMAIL)
        wallet = ledger.wallet_of(user)
        ledger.grant(wallet, 1_000_000, reference="chaos")
    image_model = catalog.find(slug)
    request = validation.build_request(
        image_model, prompt=prompt, num_images=num_images, size="256x256"
    )
    generation = jobs.submit_generation(
        user=user,
        prompt=prompt,
        requests=[(image_model, request)],
        client_token=uuid.UUID(token),
    )
    return str(generation.public_id)


def look(*, token: str) -> dict[str, Any] | None:
    """Tell everything about the job of one press, or ``None`` if there is none."""
    from django.core.files.storage import default_storage

    from accounts.models import CreditEntry
    from gallery.models import Image
    from generators.models import GenerationJob
    from generators.providers import fake
    from generators.transitions import Action

    job = GenerationJob.objects.filter(generation__client_token=token).first()
    if job is None:
        return None
    images = Image.objects.filter(job_id=job.public_id).select_related("file")
    entries = CreditEntry.objects.filter(job_id=job.public_id)
    calls = [c for c in fake.call_log() if c["token"] == str(job.public_id)]
    ends = (Action.SUCCEED, Action.FAIL, Action.CANCEL)
    return {
        "status": job.status,
        "is_ended": job.is_ended,
        "failure_kind": job.failure_kind,
        "detail": job.failure_detail,
        "attempts": job.attempts,
        "price": job.price_credits,
        "settled": job.settled_credits,
        "delivered": job.num_delivered,
        "positions": sorted(image.position for image in images),
        "files": [default_storage.exists(image.file.path) for image in images],
        "ends": job.events.filter(name__in=ends).count(),
        "events": list(job.events.values_list("name", flat=True)),
        "ledger": {entry.kind: [entry.amount, entry.reserved] for entry in entries},
        "submits": sum(call["action"] == "submit" for call in calls),
        "polls": sum(call["action"] == "poll" for call in calls),
    }


def audit() -> dict[str, Any]:
    """Tell what of the ledger does not add up, and what is not in order elsewhere."""
    from django.db.models import F

    from accounts import ledger, ledger_audit
    from accounts.models import User
    from gallery.models import StoredFile
    from generators.models import GenerationJob
    from generators.transitions import ENDS

    wallet = ledger.wallet_of(User.objects.get(email=EMAIL))
    settled = GenerationJob.objects.values_list("settled_credits", flat=True)
    rows = StoredFile.objects.all()
    return {
        "differences": [str(each) for each in ledger_audit.audit()],
        "reserved": wallet.reserved,
        "spent_more_than_settled": 0
        if GenerationJob.objects.exclude(status__in=ENDS).exists()
        else _granted(wallet) - wallet.balance - sum(filter(None, settled)),
        "wrong_reference_counts": sum(
            row.ref_count != row.images.count() for row in rows
        ),
        "leases_of_ended": GenerationJob.objects.filter(
            status__in=ENDS, lease_token__isnull=False
        ).count(),
        "delivered_unlike_settled": GenerationJob.objects.filter(status__in=ENDS)
        .exclude(settled_credits=F("num_delivered") * F("price_credits"))
        .count(),
    }


def _granted(wallet: Any) -> int:
    from accounts.models import CreditEntry

    return sum(
        wallet.entries.filter(kind=CreditEntry.Kind.GRANT).values_list(
            "amount", flat=True
        )
    )


REQUESTS: dict[str, Callable[..., Any]] = {
    "submit": submit,
    "look": look,
    "audit": audit,
}

if __name__ == "__main__":
    main()
