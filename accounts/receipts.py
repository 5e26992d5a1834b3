"""What became of the credits that were set aside for a job."""

from collections.abc import Collection
from dataclasses import dataclass
from uuid import UUID

from accounts.ledger import JOB_KINDS
from accounts.models import CreditEntry

Kind = CreditEntry.Kind


@dataclass(frozen=True, slots=True, kw_only=True)
class Receipt:
    """Credits of one job: set aside at the press, taken, and given back."""

    reserved: int = 0
    settled: int = 0
    refunded: int = 0

    @property
    def open(self) -> int:
        """Return what is still set aside: 0 once the job has ended."""
        return self.reserved - self.settled - self.refunded


def receipts_of(job_ids: Collection[UUID]) -> dict[UUID, Receipt]:
    """Return the receipts of jobs; one that reserved nothing has an empty one."""
    of_job: dict[UUID, dict[str, int]] = {job_id: {} for job_id in job_ids}
    entries = CreditEntry.objects.filter(job_id__in=of_job, kind__in=JOB_KINDS)
    for entry in entries:
        if entry.job_id is not None:
            of_job[entry.job_id][entry.kind] = abs(entry.reserved)
    return {
        job_id: Receipt(
            reserved=moved.get(Kind.RESERVE, 0),
            settled=moved.get(Kind.SETTLE, 0),
            refunded=moved.get(Kind.REFUND, 0),
        )
        for job_id, moved in of_job.items()
    }
