"""Days and times as the visitor's browser counts them.

A script leaves the browser's time zone in a cookie; before it has, and where the cookie
is none, the site's own zone counts.
"""

from collections.abc import Callable
from functools import wraps
from typing import Concatenate, ParamSpec
from urllib.parse import unquote
from zoneinfo import ZoneInfo

from django.http import HttpRequest, HttpResponse
from django.utils import timezone

Arguments = ParamSpec("Arguments")
View = Callable[Concatenate[HttpRequest, Arguments], HttpResponse]

COOKIE = "time_zone"


def in_browser_time(view: View[Arguments]) -> View[Arguments]:
    """Let a view tell days and times in the visitor's time zone."""

    @wraps(view)
    def in_zone(
        request: HttpRequest, /, *args: Arguments.args, **kwargs: Arguments.kwargs
    ) -> HttpResponse:
        with timezone.override(_zone_of(request)):
            return view(request, *args, **kwargs)

    return in_zone


def _zone_of(request: HttpRequest) -> ZoneInfo | None:
    try:
        return ZoneInfo(unquote(request.COOKIES.get(COOKIE, "")))
    except (KeyError, OSError, ValueError):
        return None
