"""The middleware of impersonation: shows the person's site, and keeps hands off.

It stands right behind Django's own authentication. What only people themselves may do
is refused: all addresses under ``REFUSED`` but for a few, and each view marked by
``only_by_oneself``.
"""

from collections.abc import Callable
from typing import Any, Final, TypeVar

from django.conf import settings
from django.contrib import messages
from django.http import HttpRequest, HttpResponse, HttpResponseBase
from django.shortcuts import redirect, render
from django.urls import reverse
from django_htmx.http import HttpResponseClientRedirect

from accounts import audit, impersonation
from accounts.models import AuditEntry, Impersonation, User
from accounts.requests import is_htmx

ViewT = TypeVar("ViewT", bound=Callable[..., Any])

REFUSED: Final = ("accounts/", "admin/", "setup/", "billing/", "your-data/")
"""Beginnings of addresses, as ``urls.py`` writes them."""
SIGN_OUT: Final = "account_logout"
STOP: Final = "accounts:look-stop"
SAFE_METHODS: Final = frozenset({"GET", "HEAD", "OPTIONS", "TRACE"})
_MARK: Final = "is_only_by_oneself"


def only_by_oneself(view: ViewT) -> ViewT:
    """Refuse a view to an admin who looks at the site as somebody."""
    vars(view)[_MARK] = True
    return view


def impersonate(
    get_response: Callable[[HttpRequest], HttpResponseBase],
) -> Callable[[HttpRequest], HttpResponseBase]:
    """Show requests of an admin's look as the person's, and end looks that are over."""

    def answer(request: HttpRequest) -> HttpResponseBase:
        if _has_session(request):
            _see_as(request)
        return get_response(request)

    middleware: Any = answer
    middleware.process_view = lambda request, view, *_: _guard(request, view)
    return answer


def look_of(request: HttpRequest) -> Impersonation | None:
    """Return the look that this request belongs to, if it does to one."""
    look: Impersonation | None = getattr(request, "impersonation", None)
    return look


def _is_over(request: HttpRequest) -> bool:
    return getattr(request, "impersonation_is_over", False)


def _has_session(request: HttpRequest) -> bool:
    """Say so without looking into it: that would mark the answer as a person's."""
    return settings.SESSION_COOKIE_NAME in request.COOKIES


def _see_as(request: Any) -> None:
    """Put the person in the admin's place for this request, or end what is over."""
    if impersonation.SESSION_KEY not in request.session:
        return
    look = impersonation.remembered(request)
    if look is not None and impersonation.holds(look, request.user):
        person = look.person

        async def auser() -> User:
            return person

        request.impersonation, request.user, request.auser = look, person, auser
        return
    if look is not None and request.user.pk not in {None, look.admin_id}:
        look = None  # somebody else's goes on
    impersonation.stop(request, look, why="Its time was up, or the right to it gone.")
    request.impersonation_is_over = True


def _guard(request: Any, view: Callable[..., Any]) -> HttpResponseBase | None:
    """Write down what is sent, and refuse what only the person may do."""
    if _is_over(request):
        return _back(request)
    look = look_of(request)
    if look is None:
        return None
    match = request.resolver_match
    is_sent = request.method not in SAFE_METHODS
    if match.view_name == SIGN_OUT and is_sent:
        impersonation.stop(request, look, why="The admin signed out.")
        request.user, request.impersonation = look.admin, None
        return None
    if match.view_name in {SIGN_OUT, STOP}:
        return None
    is_refused = match.route.startswith(REFUSED) or getattr(view, _MARK, False)
    if is_sent:
        _note(request, look, is_refused=is_refused)
    if is_refused:
        return render(request, "accounts/looking_refused.html", status=403)
    return None


def _note(request: HttpRequest, look: Impersonation, *, is_refused: bool) -> None:
    """Write a request down: where it went, without what was in it.

    The pattern of an address that is refused, for some of these hold a secret.
    """
    match = request.resolver_match
    audit.record(
        AuditEntry.Action.LOOK_ACT,
        look.person,
        actor=look.admin,
        after={
            "method": request.method,
            "path": f"/{match.route}" if is_refused and match else request.path,
            "view": match.view_name if match else "",
            **({"refused": True} if is_refused else {}),
        },
    )


def _back(request: HttpRequest) -> HttpResponse:
    """Send the admin, who is themselves again, out of the person's pages."""
    messages.info(request, "You look at the site as yourself again: the time was up.")
    address = reverse("admin:index") if request.user.is_staff else "/"
    if is_htmx(request):
        return HttpResponseClientRedirect(address)
    return redirect(address)
