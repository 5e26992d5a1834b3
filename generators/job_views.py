"""The live parts of the Create page: cards, cancel, retry, previews and the stream."""

import base64
import dataclasses
import uuid

from django.http import (
    HttpRequest,
    HttpResponse,
    HttpResponseBadRequest,
    HttpResponseForbidden,
    StreamingHttpResponse,
)
from django.http.response import HttpResponseBase
from django.shortcuts import get_object_or_404, redirect, render
from django.views.decorators.cache import never_cache
from django.views.decorators.http import require_GET, require_POST
from django_htmx.http import reswap, retarget

from accounts.models import User
from accounts.requests import is_htmx, person
from accounts.sign_in import sign_in_required
from generators import cards, events, jobs, prefill, previews, stream
from generators.answers import (
    REFUSALS,
    STATUS_INVALID,
    composer_of,
    refuse,
    show_new_batch,
    token_of,
    told_price,
)
from generators.models import GenerationJob
from generators.refusals import PriceRose

_NOTHING = base64.b64decode("R0lGODlhAQABAIAAAAAAAP///yH5BAEAAAAALAAAAAABAAEAAAIBRAA7")


@sign_in_required
@require_GET
@never_cache
def job_card(request: HttpRequest, public_id: uuid.UUID) -> HttpResponse:
    """Show one job of one's own: what the page asks for when it has no stream."""
    return _show_card(request, _own_job(request, public_id))


@sign_in_required
@require_POST
def job_cancel(request: HttpRequest, public_id: uuid.UUID) -> HttpResponse:
    """Cancel a job, or leave the wish on it; one that has ended stays as it is."""
    jobs.cancel_job(_own_job(request, public_id))
    stream.nudge(person(request))
    if not is_htmx(request):
        return redirect("generators:create")
    return _show_card(request, _own_job(request, public_id))


@sign_in_required
@require_POST
def job_retry(request: HttpRequest, public_id: uuid.UUID) -> HttpResponse:
    """Ask again with the same recipe: a new batch, with credits of its own."""
    job = _own_job(request, public_id)
    price = told_price(request)
    told = None if price is None else price * job.num_images
    try:
        generation = jobs.retry_job(
            job, client_token=token_of(request), told_credits=told
        )
    except REFUSALS as refusal:
        if isinstance(refusal, PriceRose) and is_htmx(request):
            return _show_new_price(request, job, refusal)
        composer = composer_of(person(request), prefill.typed_of_job(job))
        return refuse(request, composer, refusal)
    return show_new_batch(request, generation)


@sign_in_required
@require_GET
def job_preview(request: HttpRequest, public_id: uuid.UUID) -> HttpResponse:
    """Serve the latest small preview of one's own running job.

    Without one, a picture that shows nothing: a browser would draw a torn one, aloud.
    """
    content = previews.find(_own_job(request, public_id))
    if content is None:
        return HttpResponse(_NOTHING, content_type="image/gif")
    mime_type = "image/webp" if content[:4] == b"RIFF" else "image/jpeg"
    response = HttpResponse(content, content_type=mime_type)
    response["Cache-Control"] = "private, max-age=60"  # its address names the version
    return response


async def job_events(request: HttpRequest) -> HttpResponseBase:
    """Tell one's own jobs' news while the page listens and the session lasts."""
    user = await request.auser()
    if not isinstance(user, User):
        return HttpResponseForbidden()
    told = request.headers.get("Last-Event-ID") or request.GET.get("after", "")
    try:
        cursor = events.Cursor.parse(told) if told else None
    except ValueError:
        return HttpResponseBadRequest()
    news = stream.stream(user, cursor, session_key=request.session.session_key)
    response = StreamingHttpResponse(news, content_type="text/event-stream")
    response["Cache-Control"] = "no-store"
    response["X-Accel-Buffering"] = "no"  # nginx would hold it back
    return response


def _own_job(request: HttpRequest, public_id: uuid.UUID) -> GenerationJob:
    rows = GenerationJob.objects.select_related("generation", "image_model__price")
    return get_object_or_404(rows, owner=person(request), public_id=public_id)


def _show_card(request: HttpRequest, job: GenerationJob) -> HttpResponse:
    [card] = cards.cards_of([job])
    return render(request, "generators/partials/_job.html", {"card": card})


def _show_new_price(
    request: HttpRequest, job: GenerationJob, refusal: PriceRose
) -> HttpResponse:
    [card] = cards.cards_of([job])
    context = {"card": dataclasses.replace(card, notice=refusal.user_message)}
    template = "generators/partials/_job.html"
    response = render(request, template, context, status=STATUS_INVALID)
    response = reswap(response, "outerMorph")  # type: ignore[arg-type]
    return retarget(response, f"#job-{job.public_id}")
