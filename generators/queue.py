"""Which job runs next, and how many run before it.

Between people it is a round-robin. Each job has a ``turn``: the round in which it
starts. A person's jobs take one turn after the other, beginning with the round that is
being served now, so that with a hundred jobs of one person waiting, another's single
job starts second. Lower turns go first, then older jobs.

Within a round, jobs of an image model that is loaded go first. A person may also spend
the turn on a later job of the loaded model; the two jobs then exchange their turns, so
nobody else is passed over. How long the loaded models may go first is bounded by the
caller (see ``generators.affinity``).

A queued job is ready when ``next_action_at`` is empty. Every query here is a short
walk on an index, however many jobs wait.
"""

import bisect
from collections.abc import Collection, Sequence
from dataclasses import dataclass

from django.db import connection, transaction
from django.db.models import F, QuerySet

from accounts.quotas import has_running_limits
from generators import connections, health, moves, usage
from generators.clock import Now
from generators.contracts import Lane
from generators.effort import effort
from generators.models import Connection, GenerationJob
from generators.moves import Claim

Jobs = QuerySet[GenerationJob, GenerationJob]
Work = tuple[int | None, int, int]
Status = GenerationJob.Status
Phase = GenerationJob.Phase
Breaker = Connection.Breaker

PEOPLE_LOOKED_AT = 16
"""Of how many people of one round a job of a loaded model is looked for."""

POSITION_LIMIT = 500
"""Positions are counted this far; a job beyond it is told this number."""


def claim_next(
    lane: str,
    *,
    loaded_models: Collection[int] = (),
    crowded: Collection[str] = (),
    worker: str = "",
) -> Claim | None:
    """Take the next due job of a lane, or answer ``None`` when there is none.

    ``loaded_models`` are the primary keys of image models that are ready in memory. Jobs
    for which no connection has room are passed over, those of the providers in
    ``crowded``, and those of people who have as many drawn as their quota allows.
    """
    with transaction.atomic():
        _make_ready(lane)
        polls = _due_polls(lane).exclude(provider__in=crowded)
        if (accepted := _lock(polls).first()) is not None:
            phase = accepted.phase
            return moves.claim(accepted, phase=phase, turn=accepted.turn, worker=worker)
        room = _room(lane, lock=True)
        is_limited = has_running_limits(lock=True)
        busy = usage.busy_people() if is_limited else ()
        open_jobs = _in_turn(lane).exclude(owner__in=busy)
        waiting = room.waiting(open_jobs).exclude(provider__in=crowded)
        head = _lock(waiting.select_related("image_model")).first()
        if head is None:
            return None
        job = _of_loaded_model(open_jobs, head, loaded_models) or head
        turn = job.turn if job == head else _exchange_turns(lane, job, head.turn)
        is_loading = lane == Lane.LOCAL and job.image_model_id not in loaded_models
        phase = Phase.LOADING if is_loading else Phase.DRAWING
        way = room.of(job)
        claim = moves.claim(
            job,
            phase=phase,
            turn=turn,
            worker=worker,
            connection=way,
            is_tight=is_limited or room.is_tight(way),
        )
        if claim is not None and way is not None and way.breaker != Breaker.CLOSED:
            health.begin_try(way)  # nobody else may: the row is locked
        return claim


def next_turns(owner_id: int, lane: str, count: int) -> Sequence[int]:
    """Return the turns of a person's next ``count`` jobs in a lane."""
    of_lane = GenerationJob.objects.filter(lane=lane)
    served = of_lane.filter(started_at__isnull=False).order_by("-turn")
    own = of_lane.filter(owner_id=owner_id).exclude(status=Status.CANCELED)
    round_now = served.values_list("turn", flat=True).first() or 0
    own_last = own.order_by("-turn").values_list("turn", flat=True).first()
    first = round_now if own_last is None else max(round_now, own_last + 1)
    return range(first, first + count)


@dataclass(frozen=True, slots=True, kw_only=True)
class Line:
    """The first ``POSITION_LIMIT`` ready jobs of a lane in turn, as one look saw them.

    ``places`` are their turns and keys, ``work`` their image models, pictures and the
    effort of one picture.
    """

    places: Sequence[tuple[int, int]]
    work: Sequence[Work]

    def position(self, job: GenerationJob) -> int | None:
        """Return a ready job's place, 1 for the next, or ``None``.

        Counts up to ``POSITION_LIMIT``. A job that waits for a busy provider has none.
        """
        if job.status != Status.QUEUED or job.next_action_at is not None:
            return None
        return min(len(self.work_ahead_of(job)) + 1, POSITION_LIMIT)

    def work_ahead_of(self, job: GenerationJob) -> Sequence[Work]:
        """Return what starts before a ready job, as things stand."""
        return self.work[: bisect.bisect_left(self.places, (job.turn, job.pk))]


def line_of(lane: str) -> Line:
    """Look at who waits in a lane, in one query."""
    own = ("turn", "pk", "image_model_id", "num_images")
    of_recipe = ("recipe__num_inference_steps", "width", "height")
    rows = list(_in_turn(lane).values_list(*own, *of_recipe)[:POSITION_LIMIT])
    return Line(
        places=[(turn, pk) for turn, pk, *_ in rows],
        work=[
            (image_model, num_images, effort(steps, width=width, height=height))
            for _, _, image_model, num_images, steps, width, height in rows
        ],
    )


def num_due(lane: str, *, limit: int) -> int:
    """Count what a lane could do now, up to a limit: ready jobs and due polls."""
    room = _room(lane)
    busy = usage.busy_people() if has_running_limits() else ()
    postponed = room.waiting(_postponed(lane))[:limit].count()
    polls = _due_polls(lane)[:limit].count()
    ready = room.waiting(_ready(lane).exclude(owner__in=busy))[:limit].count()
    return min(limit, ready + postponed + polls)


def _room(lane: str, *, lock: bool = False) -> connections.Room:
    return connections.room(lock=lock) if lane == Lane.REMOTE else connections.Room()


def _ready(lane: str) -> Jobs:
    return GenerationJob.objects.filter(
        lane=lane,
        status=Status.QUEUED,
        next_action_at__isnull=True,
        finished_at__isnull=True,
    )


def _in_turn(lane: str) -> Jobs:
    return _ready(lane).order_by("turn", "pk")


def _due_polls(lane: str) -> Jobs:
    return GenerationJob.objects.filter(
        lane=lane,
        status=Status.RUNNING,
        lease_token__isnull=True,
        next_action_at__lte=Now(),
    ).order_by("next_action_at")


def _postponed(lane: str) -> Jobs:
    return GenerationJob.objects.filter(
        lane=lane, status=Status.QUEUED, next_action_at__lte=Now()
    ).exclude(phase=Phase.APPROVAL)


def _make_ready(lane: str) -> None:
    if _postponed(lane).exists():
        _postponed(lane).update(next_action_at=None)


def _lock(jobs: Jobs) -> Jobs:
    """Lock what is read, passing over what another worker is taking just now."""
    if connection.features.has_select_for_update_skip_locked:
        # Only the job: PostgreSQL locks no row that a join may leave out.
        return jobs.select_for_update(skip_locked=True, of=("self",))
    return jobs  # SQLite: the whole transaction holds the only write lock


def _of_loaded_model(
    open_jobs: Jobs, head: GenerationJob, loaded_models: Collection[int]
) -> GenerationJob | None:
    """Return a job of a loaded model that may run in the head's round, if any."""
    if not loaded_models or head.image_model_id in loaded_models:
        return None
    for image_model in loaded_models:
        of_model = open_jobs.filter(image_model=image_model, turn=head.turn)
        if (job := _lock(of_model).first()) is not None:
            return job
    in_round = open_jobs.filter(turn=head.turn)
    people = in_round.values_list("owner_id", flat=True)[:PEOPLE_LOOKED_AT]
    for owner in dict.fromkeys(people):
        for image_model in loaded_models:
            own = open_jobs.filter(owner=owner, image_model=image_model)
            if (job := _lock(own).first()) is not None:
                return job
    return None


def _exchange_turns(lane: str, job: GenerationJob, turn: int) -> int:
    """Let a job run in an earlier turn of its owner, who gives that job's turn away."""
    if job.turn != turn:
        given = _lock(_in_turn(lane).filter(owner=job.owner_id, turn=turn)).first()
        if given is not None:  # none, when another worker is taking it just now
            _ready(lane).filter(pk=given.pk).update(
                turn=job.turn, version=F("version") + 1, changed_at=Now()
            )
    return turn
