"""The Create page: its form, and the presses of the button it shows."""

import uuid

from allauth.account.adapter import get_adapter
from django.http import HttpRequest, HttpResponse
from django.shortcuts import get_object_or_404, render
from django.views.decorators.cache import never_cache
from django.views.decorators.http import require_GET, require_POST

from accounts.requests import is_htmx, person
from accounts.sign_in import sign_in_required
from generators import events, prefill
from generators.answers import (
    REFUSALS,
    batches_context,
    composer_of,
    examples_context,
    page_of,
    refuse,
    show_new_batch,
    token_of,
    told_price,
)
from generators.batches import batch_of, batches_of
from generators.models import Generation
from generators.presses import Press


@require_GET
@never_cache
def create(request: HttpRequest) -> HttpResponse:
    """Show the Create page, or the landing page to a stranger.

    The address may fill the form from one's own jobs and pictures: see ``prefill``.
    """
    if not request.user.is_authenticated:
        can_sign_up = get_adapter().is_open_for_signup(request)
        context = examples_context() | {"can_sign_up": can_sign_up}
        return render(request, "generators/landing.html", context)
    cursor = events.cursor_now(request.user)  # before the rows, to miss nothing
    typed = prefill.typed_from(request.user, request.GET)
    composer = composer_of(request.user, typed or request.GET)
    return page_of(request, composer, cursor=cursor)


@sign_in_required
@require_POST
def generation_create(request: HttpRequest) -> HttpResponse:
    """Take one press of the button: the new batch, or the form saying what is wrong.

    Without JavaScript, ``redraw`` only draws the controls of another model.
    """
    user = person(request)
    is_redraw = "redraw" in request.POST
    composer = composer_of(user, request.POST, request.FILES, is_pressed=not is_redraw)
    if is_redraw:
        return page_of(request, composer, cursor=events.cursor_now(user))
    press = Press(
        user=user,
        composer=composer,
        client_token=token_of(request),
        told_price=told_price(request),
    )
    try:
        generation = press.submit()
    except REFUSALS as refusal:
        return refuse(request, composer, refusal)
    return show_new_batch(request, generation)


@sign_in_required
@require_GET
@never_cache
def generation_detail(request: HttpRequest, public_id: uuid.UUID) -> HttpResponse:
    """Show one press of one's own, for a page that has not drawn it yet."""
    generation = get_object_or_404(
        Generation, owner=person(request), public_id=public_id
    )
    batch = batch_of(generation)
    return render(request, "generators/partials/_batch.html", {"batch": batch})


@sign_in_required
@require_GET
@never_cache
def generation_list(request: HttpRequest) -> HttpResponse:
    """Show the presses before the one named by ``?before=``."""
    text = request.GET.get("before", "")
    before = int(text) if text.isdecimal() and len(text) <= 18 else None
    batches = batches_of(person(request), before=before)
    partial = "generators/partials/_batches.html"
    template = partial if is_htmx(request) else "generators/earlier.html"
    return render(request, template, batches_context(batches))


@sign_in_required
@require_GET
@never_cache
def model_controls(request: HttpRequest) -> HttpResponse:
    """Draw the controls of the chosen model, keeping what was typed where it fits."""
    composer = composer_of(person(request), request.GET)
    template = "generators/partials/_redrawn.html"
    return render(request, template, {"composer": composer})


@sign_in_required
@require_GET
@never_cache
def press_price(request: HttpRequest) -> HttpResponse:
    """Draw the button with the price of a press by the settings as they are now."""
    composer = composer_of(person(request), request.GET)
    template = "generators/partials/_go.html"
    return render(request, template, {"composer": composer})
