"""The jobs that need a hand, each with what may be done about it."""

import datetime as dt
from collections.abc import Sequence
from dataclasses import dataclass
from operator import attrgetter
from typing import Final

from accounts.models import User
from generators import approvals, stuck_jobs
from generators.models import GenerationJob
from magicshot.dashboard.acts import RIGHTS, Act, fitting

SHOWN: Final = 6
"""Jobs of each kind at most."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Choice:
    """A button of one job."""

    act: Act
    address: str


@dataclass(frozen=True, slots=True, kw_only=True)
class StuckJob:
    """One job, what is the matter with it, since when, and the buttons beside it."""

    job: GenerationJob
    matter: str
    since: dt.datetime
    choices: Sequence[Choice]

    @property
    def credits(self) -> int:
        """Return the credits set aside for it."""
        return self.job.num_images * self.job.price_credits


def stuck(user: User) -> list[StuckJob]:
    """Return the oldest of each kind, with buttons for those who may change jobs."""
    may_act = user.has_perms(RIGHTS)
    kinds = (
        ("Lost its worker", stuck_jobs.lost(), attrgetter("changed_at")),
        ("Waits for long", stuck_jobs.late(), attrgetter("created_at")),
        ("Outcome unknown", stuck_jobs.unknown(), attrgetter("changed_at")),
        ("Waits for your yes", approvals.waiting(), attrgetter("created_at")),
    )
    return [
        StuckJob(
            job=job,
            matter=matter,
            since=since(job),
            choices=_choices(job, user) if may_act else [],
        )
        for matter, rows, since in kinds
        # Recipes hold people's words; nothing here needs them.
        for job in rows.select_related("owner").defer("recipe")[:SHOWN]
    ]


def _choices(job: GenerationJob, user: User) -> list[Choice]:
    return [Choice(act=act, address=act.address(job)) for act in fitting(job, user)]
