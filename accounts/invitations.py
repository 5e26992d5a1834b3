"""The way in while sign-up is by invitation, and the way into a group."""

from django.db import transaction
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
    return use_up(invitation, user)


def use_up(invitation: Invitation, user: User) -> bool:
    """Note who accepted it, and let them into its group; False if somebody was first."""
    with transaction.atomic():
        changed = (
            Invitation.objects.usable()
            .filter(pk=invitation.pk)
            .update(accepted_at=timezone.now(), accepted_by=user)
        )
        if changed and invitation.group_id is not None:
            user.group = invitation.group
            user.save(update_fields=["group"])
    return changed == 1
