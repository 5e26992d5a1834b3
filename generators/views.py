"""The Create page: its form, and the presses of the button it shows."""

import uuid

from allauth.account.adapter import get_adapter
from django.http import HttpRequest, HttpResponse
from django.shortcuts import get_object_or_404, render
from django.views.decorators.cache import never_cache
from django.views.decorators.http import require_GET, require_POST

from accounts.requests import is_htmx, person
from accounts.sign_in import sign_in_required
from generators import cards, events, jobs, prefill, validation
from generators.answers import (
    REFUSALS,
    batches_context,
    composer_of,
    examples_context,
    page_of,
    refuse,
    show_new_batch,
    token_of,
    told_credits,
)
from generators.models import Generation


@require_GET
@never_cache
def create(request: HttpRequest) -> HttpResponse:
    """Show the Create page, or the landing page to a stranger.

    ``?job=`` or ``?image=`` fills the form with the recipe of one's own job or picture.
    """
    if not request.user.is_authenticated:
        can_sign_up = get_adapter().is_open_for_signup(request)
        context = examples_context() | {"can_sign_up": can_sign_up}
        return render(request, "generators/landing.html", context)
    cursor = events.cursor_now(request.user)  # before the rows, to miss nothing
    typed = prefill.typed_from(request.user, request.GET.dict())
    composer = composer_of(request.user, typed or request.GET.dict())
    return page_of(request, composer, cursor=cursor)


@sign_in_required
@require_POST
def generation_create(request: HttpRequest) -> HttpResponse:
    """Take one press of the button: the new batch, or the form saying what is wrong.

    Without JavaScript, ``redraw`` only draws the controls of another model.
    """
    user = person(request)
    composer = composer_of(user, request.POST.dict())
    if "redraw" in request.POST:
        return page_of(request, composer, cursor=events.cursor_now(user))
    try:
        image_model = validation.find_model(request.POST.get("image_model"))
        wanted = validation.build_request(image_model, **composer.request_fields())
        generation = jobs.submit_generation(
            user=user,
            prompt=wanted.prompt,
            requests=[(image_model, wanted)],
            client_token=token_of(request),
            told_credits=told_credits(request, num_images=wanted.num_images),
        )
    except REFUSALS as refusal:
        return refuse(request, request.POST.dict(), refusal)
    return show_new_batch(request, generation)


@sign_in_required
@require_GET
@never_cache
def generation_detail(request: HttpRequest, public_id: uuid.UUID) -> HttpResponse:
    """Show one press of one's own, for a page that has not drawn it yet."""
    generation = get_object_or_404(
        Generation, owner=person(request), public_id=public_id
    )
    batch = cards.batch_of(generation)
    return render(request, "generators/partials/_batch.html", {"batch": batch})


@sign_in_required
@require_GET
@never_cache
def generation_list(request: HttpRequest) -> HttpResponse:
    """Show the presses before the one named by ``?before=``."""
    text = request.GET.get("before", "")
    before = int(text) if text.isdecimal() and len(text) <= 18 else None
    batches = cards.batches_of(person(request), before=before)
    partial = "generators/partials/_batches.html"
    template = partial if is_htmx(request) else "generators/earlier.html"
    return render(request, template, batches_context(batches))


@sign_in_required
@require_GET
@never_cache
def model_controls(request: HttpRequest) -> HttpResponse:
    """Draw the controls of the chosen model, keeping what was typed where it fits."""
    composer = composer_of(person(request), request.GET.dict())
    template = "generators/partials/_controls.html"
    return render(request, template, {"composer": composer})
