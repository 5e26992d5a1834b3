"""The few large figures at the head of the page."""

from dataclasses import dataclass

from generators.models import GenerationJob
from magicshot.dashboard.amounts import counted, dollars, seconds, whole
from magicshot.dashboard.figures import Figures
from magicshot.dashboard.income import Income

Status = GenerationJob.Status


@dataclass(frozen=True, slots=True, kw_only=True)
class Tile:
    """A figure, its name above it, and what it is made of below."""

    name: str
    words: str
    note: str


def of_jobs(found: Figures) -> list[Tile]:
    """Return how much was drawn, how well, how soon, and for how many credits."""
    total = found.total
    waiting = found.any_waiting
    each = total.credits / total.num_pictures if total.num_pictures else 0
    return [
        Tile(
            name="Pictures",
            words=whole(total.num_pictures),
            note=f"from {counted(total.num_jobs, 'job')} that ended",
        ),
        Tile(name="Success", words=_success(found), note=_failed(found)),
        Tile(
            name="Credits taken",
            words=whole(total.credits),
            note=f"{each:.1f} a picture",
        ),
        Tile(
            name="Wait",
            words="-" if waiting is None else seconds(waiting.p50),
            note="half of the jobs start sooner"
            if waiting is None
            else f"half start sooner, 95 % within {seconds(waiting.p95)}",
        ),
    ]


def of_money(found: Figures, income: Income) -> list[Tile]:
    """Return what providers cost beside what came in."""
    total = found.total
    spent = total.cost_usd_micros
    told = round(100 * total.told_usd_micros / spent) if spent else 0
    return [
        Tile(
            name="Provider cost",
            words=dollars(spent),
            note=f"{told} % of it told by providers, the rest estimated"
            if spent
            else "none told, none estimated",
        ),
        Tile(
            name="Income",
            words=counted(income.credits, "credit"),
            note=f"taken for pictures; {income.paid} paid"
            if income.paid
            else "taken for pictures",
        ),
        Tile(
            name="Each dollar of cost",
            words=counted(round(1_000_000 * income.credits / spent), "credit")
            if spent
            else "-",
            note="charged, local models included",
        ),
    ]


def _success(found: Figures) -> str:
    """Return the share of jobs that succeeded, of those that were not canceled."""
    good = found.outcomes.get(Status.SUCCEEDED, 0)
    bad = found.outcomes.get(Status.FAILED, 0)
    return f"{100 * good / (good + bad):.1f} %" if good + bad else "-"


def _failed(found: Figures) -> str:
    failed = found.outcomes.get(Status.FAILED, 0)
    canceled = found.outcomes.get(Status.CANCELED, 0)
    return f"{whole(failed)} failed, {whole(canceled)} canceled"
