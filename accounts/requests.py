"""What views ask of a request: whose it is, and whether htmx sent it."""

from django.http import Http404, HttpRequest

from accounts.models import User


def person(request: HttpRequest) -> User:
    """Return who asks; ``sign_in_required`` has seen to it that there is somebody."""
    if not isinstance(request.user, User):
        raise Http404
    return request.user


def is_htmx(request: HttpRequest) -> bool:
    """Say whether a fragment is wanted and not a page."""
    return bool(getattr(request, "htmx", False))
