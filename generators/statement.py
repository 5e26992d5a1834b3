"""A wallet's lines in words: for which picture, by which model, and why given back."""

from collections.abc import Collection, Iterable, Iterator, Sequence
from dataclasses import dataclass
from itertools import islice
from typing import Final
from uuid import UUID

from accounts.models import CreditEntry
from accounts.statement import Line
from generators.models import GenerationJob

Kind = CreditEntry.Kind
Status = GenerationJob.Status

HEAD: Final = (
    "time (UTC)",
    "what",
    "credits",
    "set aside",
    "balance",
    "model",
    "prompt",
    "note",
    "job",
)
"""The columns of the file."""

_TITLES: Final = {
    Kind.GRANT: "Added",
    Kind.PURCHASE: "Bought",
    Kind.ADJUST: "Changed by an admin",
    Kind.RESERVE: "Set aside",
    Kind.SETTLE: "Taken",
    Kind.REFUND: "Given back",
    Kind.EXPIRE: "Expired",
    Kind.DISPUTE: "Payment taken back",
}
_JOBS_AT_ONCE: Final = 500


@dataclass(frozen=True, slots=True, kw_only=True)
class DescribedLine:
    """A line and the job it is about, if that is known."""

    line: Line
    job: GenerationJob | None

    @property
    def title(self) -> str:
        """Return what happened, in two words."""
        entry = self.line.entry
        if entry.kind == Kind.DISPUTE and entry.debt < 0:
            return "Paid what was owed"
        if entry.kind == Kind.DISPUTE and entry.amount > 0:
            return "Payment came back"
        return _TITLES[Kind(entry.kind)]

    @property
    def title_now(self) -> str:
        """Return the same as things stand: what was set aside may be taken by now."""
        job = self.job
        is_taken = job is not None and job.settled_credits == -self.line.entry.amount
        return (
            "Taken" if self.line.entry.kind == Kind.RESERVE and is_taken else self.title
        )

    @property
    def why(self) -> str:
        """Return the reason: of a refund the job's, else what was noted."""
        if self.line.entry.kind == Kind.REFUND and self.job is not None:
            return why_given_back(self.job)
        return self.line.entry.note


def why_given_back(job: GenerationJob) -> str:
    """Return why credits of an ended job came back."""
    if job.status == Status.CANCELED:
        return "Canceled."
    if job.status == Status.FAILED:
        return job.failure_message
    came = f"{job.num_delivered} of {job.num_images} came back."
    return f"{came} {job.failure_message}".strip()


def describe(lines: Sequence[Line]) -> list[DescribedLine]:
    """Return lines with their jobs, looked up at once."""
    jobs = _jobs_of({line.entry.job_id for line in lines if line.entry.job_id})
    return [
        DescribedLine(
            line=line,
            job=jobs.get(line.entry.job_id) if line.entry.job_id else None,
        )
        for line in lines
    ]


def rows_of_file(lines: Iterable[Line]) -> Iterator[Sequence[str | int]]:
    """Yield the rows of the file, its head first."""
    yield HEAD
    rest = iter(lines)
    while some := list(islice(rest, _JOBS_AT_ONCE)):
        yield from map(_row, describe(some))


def _row(described: DescribedLine) -> Sequence[str | int]:
    entry, job = described.line.entry, described.job
    return (
        entry.created_at.strftime("%Y-%m-%d %H:%M:%S"),
        described.title.lower(),
        entry.amount,
        entry.reserved,
        "" if described.line.balance is None else described.line.balance,
        job.image_model_label if job else "",
        job.generation.prompt if job else "",
        described.why,
        str(entry.job_id or ""),
    )


def _jobs_of(ids: Collection[UUID]) -> dict[UUID, GenerationJob]:
    if not ids:
        return {}
    rows = GenerationJob.objects.filter(public_id__in=ids)
    return {job.public_id: job for job in rows.select_related("generation")}
