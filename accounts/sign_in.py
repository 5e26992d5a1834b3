"""Who is signed in: strangers are sent to sign in, and back to the page they were on."""

import time
from collections.abc import Callable
from functools import wraps
from typing import Concatenate, ParamSpec
from urllib.parse import urlsplit, urlunsplit

from allauth.account import app_settings
from allauth.account.authentication import get_authentication_records
from allauth.usersessions.models import UserSession
from django.conf import settings
from django.contrib.auth import get_user
from django.contrib.auth.views import redirect_to_login
from django.contrib.sessions.backends.db import SessionStore
from django.http import HttpRequest
from django.http.response import HttpResponseBase
from django.utils.http import url_has_allowed_host_and_scheme

from accounts import impersonation
from accounts.models import User
from accounts.requests import is_htmx

Arguments = ParamSpec("Arguments")
View = Callable[Concatenate[HttpRequest, Arguments], HttpResponseBase]


def sign_in_required(view: View[Arguments]) -> View[Arguments]:
    """Show a view to people who are signed in; ask others to sign in first.

    Django's own would send them back to the address of the button they pressed, which
    is no page.
    """

    @wraps(view)
    def guarded(
        request: HttpRequest, /, *args: Arguments.args, **kwargs: Arguments.kwargs
    ) -> HttpResponseBase:
        if request.user.is_authenticated:
            return view(request, *args, **kwargs)
        return redirect_to_login(page_of(request))

    return guarded


def page_of(request: HttpRequest) -> str:
    """Return the path of the page that the person sees; the front page if unknown.

    It is safe to redirect to: a path such as ``//example.com`` would lead elsewhere.
    """
    if request.method in {"GET", "HEAD"} and not is_htmx(request):
        return request.get_full_path()
    told = request.headers.get("HX-Current-URL") or request.headers.get("Referer", "")
    if not url_has_allowed_host_and_scheme(told, {request.get_host()}):
        return str(settings.LOGIN_REDIRECT_URL)
    page = urlsplit(told)
    path = urlunsplit(("", "", page.path, page.query, ""))
    is_press = page.path == request.path  # the answer to an earlier one, not a page
    if is_press or not url_has_allowed_host_and_scheme(path, None):
        return str(settings.LOGIN_REDIRECT_URL)
    return path


def is_sign_in_old(request: HttpRequest) -> bool:
    """Say whether it is longer ago than a fresh proof of who one is may be."""
    records = get_authentication_records(request, request.user)
    newest = max((float(each["at"]) for each in records), default=0.0)
    return time.time() - newest >= float(app_settings.REAUTHENTICATION_TIMEOUT)


def sign_out_everywhere(user: User) -> int:
    """End all sessions of a person; return how many."""
    sessions = list(UserSession.objects.filter(user=user))
    for session in sessions:
        session.end()
    return len(sessions)


def is_still_signed_in(user: User, session_key: str | None) -> bool:
    """Look again whether a session is this person's, in two short queries.

    It is not once they signed out, here or everywhere, changed their password, or were
    deactivated. It is while its admin looks at the site as this person.
    """
    request = HttpRequest()
    request.session = SessionStore(session_key)
    look = impersonation.in_force(request)
    return (look.person if look else get_user(request)) == user
