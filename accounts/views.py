"""Pages of accounts that allauth does not have."""

from django.contrib import messages
from django.http import Http404, HttpRequest, HttpResponse
from django.shortcuts import redirect, render
from django.views.decorators.http import require_http_methods, require_POST

from accounts import impersonation, invitations, notices
from accounts.looking import look_of
from accounts.models import Invitation, User
from accounts.requests import person
from accounts.sign_in import page_of, sign_in_required


@require_http_methods(["GET", "HEAD", "POST"])
def accept_invitation(request: HttpRequest, token: str) -> HttpResponse:
    """Take the visitor with this link to the sign-up page, or a person into its group."""
    if isinstance(request.user, User):
        return _join(request, request.user, token)
    if request.method == "POST":  # they signed out on the page that asked
        return redirect("accounts:invitation-accept", token)
    if invitations.hold(request, token) is None:
        return render(request, "accounts/invitation_gone.html", status=404)
    return redirect("account_signup")


def _join(request: HttpRequest, user: User, token: str) -> HttpResponse:
    """Ask a person whether they want to join, and let them."""
    usable = Invitation.objects.usable().filter(token=token, group__isnull=False)
    invitation = usable.select_related("group").first()
    if invitation is None or invitation.email.lower() not in {"", user.email}:
        return redirect("/")
    if request.method == "POST":
        if invitations.use_up(invitation, user):
            messages.success(request, f"You belong to {invitation.group} now.")
        return redirect("/")
    return render(request, "accounts/group_join.html", {"invitation": invitation})


@sign_in_required
@require_POST
def dismiss_notice(request: HttpRequest, pk: int) -> HttpResponse:
    """Put one's own notice away and stay on the page."""
    if not notices.put_away(person(request), pk):
        raise Http404
    return redirect(page_of(request))


@sign_in_required
@require_POST
def stop_looking(request: HttpRequest) -> HttpResponse:
    """Let an admin look at the site as themselves again."""
    look = look_of(request)
    if look is None:
        return redirect("/")
    impersonation.stop(request, look, why="The admin stopped.")
    return redirect("admin-person", look.person_id)
