"""Looking at the site as somebody else: who may, for how long, and what they are told.

The session stays the admin's own and remembers the look; ``accounts.looking`` shows each
request to the views as the person's. So it ends with the admin's session, and leaves
nothing of the person's behind.
"""

import datetime as dt
import logging
from typing import TYPE_CHECKING, Final

from allauth.account.adapter import get_adapter
from allauth.usersessions.models import UserSession
from django.conf import settings
from django.contrib.auth import get_user
from django.db import transaction
from django.http import HttpRequest
from django.middleware.csrf import rotate_token
from django.utils import timezone
from django.utils.formats import date_format

from accounts import audit, notices
from accounts.models import AuditEntry, Impersonation, User
from accounts.models.audit import FORGOTTEN

if TYPE_CHECKING:
    from django.contrib.auth.models import AnonymousUser

RIGHT: Final = "accounts.impersonate_user"
LONGEST: Final = dt.timedelta(minutes=30)
SESSION_KEY: Final = "accounts.impersonation"
Action = AuditEntry.Action

logger = logging.getLogger(__name__)


def may_look_as(admin: "User | AnonymousUser", person: User) -> bool:
    """Say whether an admin may look at the site as a person, now.

    It takes the right to; superusers alone may look as staff, and nobody as themselves.
    """
    if not isinstance(admin, User) or admin.pk == person.pk or not person.is_active:
        return False
    if not (admin.is_staff and admin.has_perm(RIGHT)):
        return False
    return admin.is_superuser or not (person.is_staff or person.is_superuser)


def begin(request: HttpRequest, *, admin: User, person: User, reason: str) -> None:
    """Let the session of an admin who may show the site as a person from now on.

    The person is told in the same transaction, and by mail where the site can send any.
    """
    now = timezone.now()
    with transaction.atomic():
        look = Impersonation(
            admin=admin,
            admin_name=admin.get_short_name(),
            person=person,
            reason=reason,
            started_at=now,
            ends_at=now + LONGEST,
        )
        look.notice = notices.tell(person, words(look))
        look.save()
        audit.record(
            Action.LOOK,
            person,
            actor=admin,
            after={"until": look.ends_at},
            reason=reason,
        )
    request.session[SESSION_KEY] = look.pk
    _renew(request)
    if settings.EMAIL_IS_SET:
        _send_mail(look)


def in_force(request: HttpRequest) -> Impersonation | None:
    """Return the look that a session remembers, if it still holds."""
    look = remembered(request)
    return look if look and holds(look, get_user(request)) else None


def remembered(request: HttpRequest) -> Impersonation | None:
    """Return the look that a session remembers, over or not."""
    key = request.session.get(SESSION_KEY)
    if key is None:
        return None
    looks = Impersonation.objects.select_related("admin", "person", "notice")
    return looks.filter(pk=key).first()


def holds(look: Impersonation, admin: "User | AnonymousUser") -> bool:
    """Say whether it is not over, and this admin's, who may still."""
    is_over = look.ended_at is not None or look.ends_at <= timezone.now()
    return not is_over and look.admin_id == admin.pk and may_look_as(admin, look.person)


def stop(request: HttpRequest, look: Impersonation | None, *, why: str) -> None:
    """Give the session back to its admin, under a key of its own."""
    request.session.pop(SESSION_KEY, None)
    _renew(request)
    if look is not None:
        end(look, why=why)


def end(look: Impersonation, *, why: str) -> None:
    """Write down that a look is over, once, and tell the person how long it was."""
    look.ended_at = min(timezone.now(), look.ends_at)
    with transaction.atomic():
        rows = Impersonation.objects.filter(pk=look.pk, ended_at__isnull=True)
        if not rows.update(ended_at=look.ended_at):
            return
        _tell_anew(look)
        audit.record(
            Action.LOOK_END,
            look.person,
            actor=look.admin,
            before={"began": look.started_at},
            after={"ended": look.ended_at},
            reason=why,
        )


def end_overdue() -> int:
    """End the looks whose time is up and whose admin never came back; return how many."""
    over = Impersonation.objects.filter(
        ended_at__isnull=True, ends_at__lte=timezone.now()
    )
    looks = list(over.select_related("admin", "person", "notice"))
    for look in looks:
        end(look, why="Its time was up.")
    return len(looks)


def forget(admin: User) -> None:
    """Take the name of an admin whose account goes out of their looks and notices.

    May be repeated.
    """
    looks = Impersonation.objects.filter(admin=admin).select_related("notice")
    for look in looks:
        look.admin_name = FORGOTTEN
        with transaction.atomic():
            look.save(update_fields=["admin_name"])
            _tell_anew(look)


def _tell_anew(look: Impersonation) -> None:
    """Write into the person's notice what has become of a look."""
    if look.notice is not None:
        look.notice.text = words(look)
        look.notice.save(update_fields=["text"])


def words(look: Impersonation) -> str:
    """Return what the person is told: who looked, when and why."""
    zone = timezone.get_default_timezone()
    began = timezone.localtime(look.started_at, zone)
    if look.ended_at is None:
        minutes = int(LONGEST.total_seconds() // 60)
        until = f"{began:%H:%M}, for {minutes} minutes at most"
    else:
        ended = timezone.localtime(look.ended_at, zone)
        until = "–".join(dict.fromkeys((f"{began:%H:%M}", f"{ended:%H:%M}")))  # noqa: RUF001
    day = date_format(began, "j M Y")
    who = f"{look.admin_name} from the team"
    if look.admin_name == FORGOTTEN:
        who = "Somebody from the team, who has left since,"
    return f"{who} looked at your account on {day}, {until} ({began:%Z}): {look.reason}"


def _renew(request: HttpRequest) -> None:
    """Change the session's key, so that one that somebody saw is worth nothing.

    The list of the admin's devices goes on knowing the session.
    """
    before = request.session.session_key
    request.session.cycle_key()
    rows = UserSession.objects.filter(session_key=before)
    rows.update(session_key=request.session.session_key)
    rotate_token(request)


def _send_mail(look: Impersonation) -> None:
    context = {"words": words(look), "person": look.person}
    try:
        get_adapter().send_mail("accounts/email/looked_at", look.person.email, context)
    except OSError:  # the notice is there all the same
        logger.exception("No mail went to somebody whose account was looked at.")
