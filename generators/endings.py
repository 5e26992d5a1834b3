"""How jobs end: status, pictures, credits and event in one transaction each.

Each function answers whether it ended the job; ``False`` means that somebody else owns
it, or ended it before, and nothing was written.
"""

import logging

from django.db import transaction

from accounts import ledger
from gallery import storage
from generators import actual_costs, inputs, moves, previews
from generators.deliveries import Delivery
from generators.failures import Failure
from generators.models import GenerationJob
from generators.moves import Jobs

logger = logging.getLogger(__name__)


def succeed(rows: Jobs, job: GenerationJob, delivery: Delivery) -> bool:
    """Add the pictures, take the credits for them, refund the rest."""
    num_delivered = len(delivery.pictures)
    credits = job.price_credits * num_delivered
    with transaction.atomic():
        if not moves.succeed(
            rows,
            job,
            num_delivered=num_delivered,
            settled_credits=credits,
            model_seconds=delivery.model_seconds,
            provider_request_id=delivery.provider_request_id,
            message=delivery.trouble,
        ):
            return False
        parents = inputs.parents_of(job)
        for picture in delivery.pictures:
            storage.add(picture, owner=job.person, parents=parents)
        ledger.settle(job.payer, credits, job_id=job.public_id)
    previews.forget(job)
    return True


def fail(rows: Jobs, job: GenerationJob, failure: Failure) -> bool:
    """End it without a picture and give all credits back."""
    with transaction.atomic():
        if not moves.fail(
            rows,
            job,
            kind=failure.kind,
            message=failure.message,
            detail=failure.detail,
            actual_usd_micros=actual_costs.micros_of(failure.cost),
        ):
            return False
        ledger.refund(job.payer, job_id=job.public_id)
    previews.forget(job)
    logger.warning("Job %s failed (%s): %s", job, failure.kind, failure.detail)
    return True


def cancel(rows: Jobs, job: GenerationJob) -> bool:
    """End it as the person asked and give all credits back."""
    with transaction.atomic():
        if not moves.cancel(rows, job):
            return False
        ledger.refund(job.payer, job_id=job.public_id)
    previews.forget(job)
    return True
