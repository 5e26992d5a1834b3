"""The last touch on answers: who may keep them, and pages for what went wrong."""

import sys
from collections.abc import Callable
from typing import Final

from django.http import (
    HttpRequest,
    HttpResponse,
    HttpResponseBadRequest,
    HttpResponseBase,
    HttpResponseNotAllowed,
)
from django.template.loader import render_to_string
from django.views.defaults import server_error

from generators.patience import DATABASE_AWAY

RETRY_AFTER_SECONDS: Final = 5
"""How long a client is asked to wait for a database that is away or has no time."""

SECRET_PAGES: Final = frozenset(
    {
        "mfa_activate_totp",
        "mfa_download_recovery_codes",
        "mfa_generate_recovery_codes",
        "mfa_view_recovery_codes",
    }
)
"""Names of addresses whose answers hold what signs somebody in."""


def finish_answers(
    get_response: Callable[[HttpRequest], HttpResponseBase],
) -> Callable[[HttpRequest], HttpResponseBase]:
    """Keep people's pages out of shared caches, and give a wrong method its page."""

    def answer(request: HttpRequest) -> HttpResponseBase:
        response = get_response(request)
        if isinstance(response, HttpResponseNotAllowed):
            _explain(request, response)
        _keep_private(request, response)
        return response

    return answer


def bad_request(request: HttpRequest, exception: Exception) -> HttpResponseBadRequest:
    """Answer 400 without looking into the request again: it cannot be read."""
    return HttpResponseBadRequest(render_to_string("400.html"))


def broken(request: HttpRequest) -> HttpResponse:
    """Answer 500, or 503 where it is the database that is away or has no time.

    Neither page asks the database. What broke off was one transaction: it left nothing.
    """
    if not isinstance(sys.exception(), DATABASE_AWAY):
        return server_error(request)
    page = render_to_string("503.html")
    return HttpResponse(page, status=503, headers={"Retry-After": RETRY_AFTER_SECONDS})


def _explain(request: HttpRequest, response: HttpResponseNotAllowed) -> None:
    response.content = render_to_string("405.html", request=request)


def _keep_private(request: HttpRequest, response: HttpResponseBase) -> None:
    page = request.resolver_match
    if page is not None and page.url_name in SECRET_PAGES:
        response["Cache-Control"] = "private, no-store"
    elif request.session.accessed:  # so it may be about the person who asks
        response.headers.setdefault("Cache-Control", "private, no-cache")
