"""The journeys of a job: submit, run the next one, cancel, try again."""

import dataclasses
import threading
import uuid
from collections.abc import Collection, Iterator, Mapping, Sequence
from functools import partial

from django.conf import settings
from django.db import IntegrityError, transaction

from accounts import ledger, monthly_credits
from accounts.models import User, Wallet
from accounts.quotas import Rule, rules_of
from generators import (
    approvals,
    catalog,
    clock,
    connections,
    endings,
    moves,
    prompt_checks,
    provider_checks,
    queue,
    quota_checks,
    running,
    wake,
)
from generators.affinity import Affinity
from generators.contracts import GenerationRequest, Lane
from generators.inputs import GONE, Input
from generators.inputs import keep as keep_inputs
from generators.inputs import of_job as inputs_of
from generators.loaded_models import loaded_models
from generators.models import Generation, GenerationJob, ImageModel
from generators.moves import Claim
from generators.operations import Given
from generators.providers import registry
from generators.quotes import Quote, quote
from generators.refusals import AccountLeaves, CannotSubmit, PriceRose
from generators.thread_shares import threads
from generators.transitions import ENDS

Requests = Sequence[tuple[ImageModel, GenerationRequest]]


def submit_generation(
    *,
    user: User,
    prompt: str,
    requests: Requests,
    client_token: uuid.UUID,
    inputs: Sequence[Sequence[Input]] = (),
    told_credits: int | None = None,
    rules: Mapping[str, Rule] | None = None,
) -> Generation:
    """Turn one press of the button into jobs, and set their credits aside.

    All or nothing, in one transaction. The same ``client_token`` again returns the
    first generation. ``inputs`` are the pictures that each of the requests works on,
    in their order, empty if none does; ``told_credits`` is the price the person saw, if
    they saw one; ``rules`` their quotas, where they were looked up for this press.
    Raises InDebt, InsufficientCredits, CannotSubmit (PriceRose for a higher price than
    that, QuotaReached for more than the admin allows, PromptRefused for words that are
    forbidden, AccountLeaves for an account that is to be deleted), and ProviderError
    when a model's provider is not part of this site.
    """
    of_press = Generation.objects.filter(owner=user, client_token=client_token)
    if (first := of_press.first()) is not None:
        return first
    rules = rules_of(user) if rules is None else rules
    flags = _refuse(user, requests, rules, has_pictures=any(inputs))
    wallet = monthly_credits.renew(user, rules)
    of_each = inputs or [()] * len(requests)
    pieces = [
        piece
        for (image_model, request), own in zip(requests, of_each, strict=True)
        for piece in _pieces(image_model, request, own)
    ]
    quotes = [_quote(*piece) for piece in pieces]
    _refuse_a_higher_price(quotes, told=told_credits)
    try:
        with transaction.atomic():
            generation = Generation.objects.create(
                owner=user, prompt=prompt, client_token=client_token
            )
            jobs = [
                _new_job(generation, *piece, quote=each)
                for piece, each in zip(pieces, quotes, strict=True)
            ]
            # First, for it locks the wallet: two presses at once get turns of their own.
            _reserve(wallet, jobs)
            quota_checks.refuse_jobs(user, rules, jobs)
            is_held = approvals.hold(rules, jobs)
            asked = [request for _, request in requests]
            prompt_checks.flag(user, generation, asked, flags)
            _deal_turns(jobs)
            GenerationJob.objects.bulk_create(jobs)
            keep_inputs(
                (job, own) for job, (_, _, own) in zip(jobs, pieces, strict=True)
            )
    except IntegrityError:
        if (first := of_press.first()) is not None:  # the same press came twice at once
            return first
        raise
    if not is_held:
        for job in jobs:
            transaction.on_commit(partial(wake.ring, job.lane))
    return generation


def _refuse(
    user: User, requests: Requests, rules: Mapping[str, Rule], *, has_pictures: bool
) -> Sequence[str]:
    """Refuse what may not be asked for, before anything is charged or kept.

    Returns the prompt rules by which somebody should look at it.
    """
    if user.deletion_due_at is not None:
        raise AccountLeaves(user.deletion_due_at)
    asked = [request for _, request in requests]
    flags = prompt_checks.look(user, asked, has_pictures=has_pictures)
    for image_model, request in requests:
        _check(image_model, request)
        quota_checks.refuse_request(rules, image_model, request)
    return flags


def _pieces(
    image_model: ImageModel, request: GenerationRequest, inputs: Sequence[Input]
) -> Iterator[tuple[ImageModel, GenerationRequest, Sequence[Input]]]:
    """Split what takes several paid calls into a request each; seeds go on counting."""
    at_most = catalog.capabilities_of(image_model).images_per_job or request.num_images
    for first in range(0, request.num_images, at_most):
        seed = None if request.seed is None else request.seed + first
        count = min(at_most, request.num_images - first)
        piece = dataclasses.replace(request, num_images=count, seed=seed)
        yield image_model, piece, inputs


def run_next(lane: str, *, worker: str) -> bool:
    """Claim the lane's next due job and work on it; answer whether there was one."""
    loaded = loaded_models(lane)
    affinity = _affinity_of(lane)
    with _claiming:
        claim = queue.claim_next(
            lane,
            loaded_models=affinity.preferred(loaded),
            crowded=_crowded(lane),
            worker=worker,
        )
    affinity.note(None if claim is None else claim.job.image_model_id, loaded)
    if claim is None:
        return False
    with threads.hold(claim.job.provider):
        running.run(claim)
        is_waited_for = _is_waited_for(claim)
    if is_waited_for and queue.num_due(lane, limit=1):
        wake.ring(lane)  # one that found no room may have taken its message
    return True


def _is_waited_for(claim: Claim) -> bool:
    """Say whether other jobs may wait for the room that this one had."""
    if claim.was_tight:
        return True
    way = claim.job.connection
    if way is None:
        return False
    is_crowded = claim.job.provider in threads.crowded()
    return is_crowded or connections.is_tight(way)


def _crowded(lane: str) -> Collection[str]:
    """Return the providers that must leave this worker's other threads to others."""
    crowded = threads.crowded() if lane == Lane.REMOTE else ()
    return crowded if crowded and connections.are_several() else ()


def cancel_job(job: GenerationJob) -> bool:
    """Stop a job: at once while it waits, within a step while it is drawn.

    Answers ``False`` when it had ended. A provider that cannot stop will deliver.
    """
    not_held = GenerationJob.objects.filter(pk=job.pk).exclude(
        status=GenerationJob.Status.RUNNING
    )
    if endings.cancel(not_held, job):
        return True
    if moves.ask_to_cancel(job):
        transaction.on_commit(partial(wake.ring, job.lane))
        return True
    # It may have been queued again between the two looks.
    return endings.cancel(not_held, job)


def retry_job(
    job: GenerationJob, *, client_token: uuid.UUID, told_credits: int | None = None
) -> Generation:
    """Ask again for what an ended job asked, by the same recipe and today's price.

    Raises CannotSubmit while it has not ended or when its model is gone or cannot be
    used now, and what ``submit_generation`` raises.
    """
    job.refresh_from_db()
    if job.status not in ENDS:
        raise CannotSubmit("This job has not ended yet.")
    if job.image_model is None:
        raise CannotSubmit("This model is no longer here. Choose another one.")
    request, inputs = GenerationRequest.from_json(job.recipe), _inputs_again(job)
    _refuse_unusable(job.image_model, request, inputs)
    return submit_generation(
        user=job.person,
        prompt=job.generation.prompt,
        requests=[(job.image_model, request)],
        client_token=client_token,
        inputs=[inputs],
        told_credits=told_credits,
    )


def _refuse_unusable(
    image_model: ImageModel, request: GenerationRequest, inputs: Sequence[Input]
) -> None:
    """Refuse what would only fail today: no form has checked this recipe again."""
    availability = catalog.availability_of(image_model)
    if not availability.is_available:
        raise CannotSubmit(availability.reason)
    given = [Given(role=each.role) for each in inputs]
    if (refusal := provider_checks.refusal(image_model, request, given)) is not None:
        raise CannotSubmit(refusal[1])


def _inputs_again(job: GenerationJob) -> list[Input]:
    inputs = inputs_of(job)
    if len(inputs) != job.num_inputs:
        raise CannotSubmit(GONE)
    return inputs


def _quote(
    image_model: ImageModel, request: GenerationRequest, inputs: Sequence[Input]
) -> Quote:
    able = catalog.capabilities_of(image_model)
    return quote(image_model, able, request, num_inputs=len(inputs))


def _refuse_a_higher_price(quotes: Sequence[Quote], *, told: int | None) -> None:
    cost = sum(each.total for each in quotes)
    if told is not None and cost > told:
        raise PriceRose(told=told, now=cost)


def _check(image_model: ImageModel, request: GenerationRequest) -> None:
    """Refuse what cannot be queued. The request itself was checked when it was built."""
    if not image_model.enabled or image_model.retired:
        raise CannotSubmit(f"{image_model.label} is not available. Choose another one.")
    if image_model.price is None:
        raise CannotSubmit(f"{image_model.label} has no price yet.")
    if request.images:
        raise CannotSubmit("Pictures to work on must lie in the gallery first.")


def _deal_turns(jobs: Collection[GenerationJob]) -> None:
    for lane in {job.lane for job in jobs}:
        of_lane = [job for job in jobs if job.lane == lane]
        turns = queue.next_turns(of_lane[0].person.pk, lane, len(of_lane))
        for job, turn in zip(of_lane, turns, strict=True):
            job.turn = turn


def _new_job(
    generation: Generation,
    image_model: ImageModel,
    request: GenerationRequest,
    inputs: Sequence[Input],
    *,
    quote: Quote,
) -> GenerationJob:
    public_id = uuid.uuid4()
    request = dataclasses.replace(request, client_token=str(public_id))
    return GenerationJob(
        public_id=public_id,
        generation=generation,
        owner=generation.owner,
        image_model=image_model,
        image_model_slug=image_model.slug,
        image_model_label=image_model.label,
        provider=image_model.provider,
        lane=registry.get(image_model.provider).lane,
        recipe=request.to_json(),
        num_images=request.num_images,
        width=request.width,
        height=request.height,
        num_inputs=len(inputs),
        price=quote.price,
        price_credits=quote.credits,
        estimated_usd_micros=quote.usd_micros,
        deadline_at=clock.after(settings.QUEUE_MAX_SECONDS),
    )


def _reserve(wallet: Wallet, jobs: Collection[GenerationJob]) -> None:
    """Set aside what all jobs cost. Raise InsufficientCredits with the whole sum."""
    prices = [job.price_credits * job.num_images for job in jobs]
    held = 0
    try:
        for job, credits in zip(jobs, prices, strict=True):
            job.wallet = wallet
            ledger.reserve(wallet, credits, job_id=job.public_id)
            held += credits
    except ledger.InsufficientCredits as error:
        raise ledger.InsufficientCredits(
            needed=sum(prices), available=error.available + held
        ) from None


_claiming = threading.BoundedSemaphore(4)
"""Hundreds of threads that wake at once must not hold hundreds of connections."""

_affinities: dict[str, Affinity] = {}


def _affinity_of(lane: str) -> Affinity:
    """Return this process's own memory of how long its loaded models went first."""
    return _affinities.setdefault(lane, Affinity(settings.LOCAL_MAX_WAIT_SECONDS))
