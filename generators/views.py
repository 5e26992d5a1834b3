"""The Create page: its form, and the presses of the button it shows."""

import uuid
from collections.abc import Mapping
from typing import Any

from allauth.account.adapter import get_adapter
from django.contrib.auth.decorators import login_required
from django.http import Http404, HttpRequest, HttpResponse
from django.shortcuts import get_object_or_404, redirect, render
from django.views.decorators.cache import never_cache
from django.views.decorators.http import require_GET, require_POST
from django_htmx.http import reswap, retarget

from accounts.ledger import InsufficientCredits, wallet_of
from accounts.models import User
from generators import (
    cards,
    events,
    examples,
    forms,
    jobs,
    prefill,
    stream,
    validation,
)
from generators.errors import ProviderError
from generators.examples import EXAMPLES
from generators.models import Generation

STATUS_PAYMENT_REQUIRED = 402
STATUS_INVALID = 422

Refusal = (
    validation.RequestErrors | InsufficientCredits | jobs.CannotSubmit | ProviderError
)
REFUSALS = (
    validation.RequestErrors,
    InsufficientCredits,
    jobs.CannotSubmit,
    ProviderError,
)


@require_GET
@never_cache
def create(request: HttpRequest) -> HttpResponse:
    """Show the Create page, or the landing page to a stranger.

    ``?job=`` or ``?image=`` fills the form with the recipe of one's own job or picture.
    """
    if not request.user.is_authenticated:
        can_sign_up = get_adapter().is_open_for_signup(request)
        context = _examples_context() | {"can_sign_up": can_sign_up}
        return render(request, "generators/landing.html", context)
    cursor = events.cursor_now(request.user)  # before the rows, to miss nothing
    typed = prefill.typed_from(request.user, request.GET.dict())
    composer = _composer(request.user, typed or request.GET.dict())
    return _page(request, composer, cursor=cursor)


@login_required
@require_POST
def generation_create(request: HttpRequest) -> HttpResponse:
    """Take one press of the button: the new batch, or the form saying what is wrong.

    Without JavaScript, ``redraw`` only draws the controls of another model.
    """
    user = person(request)
    composer = _composer(user, request.POST.dict())
    if "redraw" in request.POST:
        return _page(request, composer, cursor=events.cursor_now(user))
    try:
        image_model = validation.find_model(request.POST.get("image_model"))
        wanted = validation.build_request(image_model, **composer.request_fields())
        generation = jobs.submit_generation(
            user=user,
            prompt=wanted.prompt,
            requests=[(image_model, wanted)],
            client_token=token_of(request),
        )
    except REFUSALS as refusal:
        return refuse(request, request.POST.dict(), refusal)
    return show_new_batch(request, generation)


@login_required
@require_GET
@never_cache
def generation_detail(request: HttpRequest, public_id: uuid.UUID) -> HttpResponse:
    """Show one press of one's own, for a page that has not drawn it yet."""
    generation = get_object_or_404(
        Generation, owner=person(request), public_id=public_id
    )
    batch = cards.batch_of(generation)
    return render(request, "generators/partials/_batch.html", {"batch": batch})


@login_required
@require_GET
@never_cache
def generation_list(request: HttpRequest) -> HttpResponse:
    """Show the presses before the one named by ``?before=``."""
    text = request.GET.get("before", "")
    before = int(text) if text.isdecimal() and len(text) <= 18 else None
    batches = cards.batches_of(person(request), before=before)
    partial = "generators/partials/_batches.html"
    template = partial if is_htmx(request) else "generators/earlier.html"
    return render(request, template, _batches_context(batches))


@login_required
@require_GET
@never_cache
def model_controls(request: HttpRequest) -> HttpResponse:
    """Draw the controls of the chosen model, keeping what was typed where it fits."""
    composer = _composer(person(request), request.GET.dict())
    template = "generators/partials/_controls.html"
    return render(request, template, {"composer": composer})


def refuse(
    request: HttpRequest, typed: Mapping[str, str], refusal: Refusal
) -> HttpResponse:
    """Show the form with everything that was typed, errors beside their fields."""
    user = person(request)
    composer = _composer(user, typed)
    errors, status = _errors_of(refusal, composer)
    composer = composer.with_errors(errors)
    if not is_htmx(request):
        return _page(request, composer, cursor=events.cursor_now(user), status=status)
    template = "generators/partials/_composer.html"
    response = render(request, template, {"composer": composer}, status=status)
    return retarget(reswap(response, "outerMorph"), "#composer")  # type: ignore[arg-type]


def show_new_batch(request: HttpRequest, generation: Generation) -> HttpResponse:
    """Answer a press: placeholders at once, a fresh token, the new balance."""
    user = person(request)
    stream.nudge(user)
    if not is_htmx(request):
        return redirect("generators:create")
    context = {
        "batch": cards.batch_of(generation),
        "client_token": uuid.uuid4(),
        "balance": wallet_of(user).balance,
    }
    return render(request, "generators/partials/_new_batch.html", context)


def person(request: HttpRequest) -> User:
    """Return who asks; ``login_required`` has seen to it that there is somebody."""
    if not isinstance(request.user, User):
        raise Http404
    return request.user


def token_of(request: HttpRequest) -> uuid.UUID:
    """Return the page's token, which makes a double press one generation."""
    try:
        return uuid.UUID(request.POST.get("client_token", ""))
    except ValueError:
        return uuid.uuid4()


def is_htmx(request: HttpRequest) -> bool:
    """Say whether a fragment is wanted and not a page."""
    return bool(getattr(request, "htmx", False))


def _errors_of(
    refusal: Refusal, composer: forms.Composer
) -> tuple[dict[str, str], int]:
    if isinstance(refusal, validation.RequestErrors):
        return refusal.errors, STATUS_INVALID
    if isinstance(refusal, InsufficientCredits):
        words = forms.short_of_credits(
            refusal.needed, refusal.available, num_images=composer.num_images
        )
        return {"credits": words}, STATUS_PAYMENT_REQUIRED
    return {"image_model": refusal.user_message}, STATUS_INVALID


def _composer(user: User, typed: Mapping[str, str]) -> forms.Composer:
    return forms.compose(user, typed, balance=wallet_of(user).balance)


def _page(
    request: HttpRequest,
    composer: forms.Composer,
    *,
    cursor: events.Cursor,
    status: int = 200,
) -> HttpResponse:
    context = _batches_context(cards.batches_of(person(request)))
    context |= _examples_context() | {"composer": composer, "cursor": str(cursor)}
    return render(request, "generators/create.html", context, status=status)


def _examples_context() -> dict[str, Any]:
    return {"examples": EXAMPLES, "has_pictures": examples.with_pictures()}


def _batches_context(batches: list[cards.Batch]) -> dict[str, Any]:
    is_more = len(batches) == cards.BATCHES_SHOWN
    last = batches[-1].generation.pk if is_more else None
    return {"batches": batches, "before": last}
