"""The way in while sign-up is by invitation."""

from django.http import HttpRequest
from django.utils import timezone

from accounts.models import Invitation, User

SESSION_KEY = "accounts.invitation"


def hold(request: HttpRequest, token: str) -> Invitation | None:
    """Remember the visitor's invitation; None if it is unknown, used or expired."""
    invitation = Invitation.objects.usable().filter(token=token).first()
    if invitation is not None:
        request.session[SESSION_KEY] = token
    return invitation


def held_by(request: HttpRequest) -> Invitation | None:
    """Return the invitation this visitor came with, while it can be used."""
    token = request.session.get(SESSION_KEY)
    if token is None:
        return None
    return Invitation.objects.usable().filter(token=token).first()


def accept(request: HttpRequest, user: User) -> bool:
    """Use the visitor's invitation up for this person; False if somebody was first."""
    invitation = held_by(request)
    if invitation is None:
        return False
    request.session.pop(SESSION_KEY)
    changed = (
        Invitation.objects.usable()
        .filter(pk=invitation.pk)
        .update(accepted_at=timezone.now(), accepted_by=user)
    )
    return changed == 1
