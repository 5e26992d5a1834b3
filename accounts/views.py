"""Pages of accounts that allauth does not have."""

from django.http import HttpRequest, HttpResponse
from django.shortcuts import redirect, render
from django.views.decorators.http import require_safe

from accounts import invitations


@require_safe
def accept_invitation(request: HttpRequest, token: str) -> HttpResponse:
    """Take the visitor with this link to the sign-up page."""
    if request.user.is_authenticated:
        return redirect("/")
    if invitations.hold(request, token) is None:
        return render(request, "accounts/invitation_gone.html", status=404)
    return redirect("account_signup")
