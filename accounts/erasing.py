"""What accounts themselves keep about a person, and how it goes.

Each function may be repeated, and broken off at any point and called again.
"""

import re
from collections.abc import Collection, Iterator
from itertools import islice

from allauth.account.models import EmailAddress
from allauth.mfa.models import Authenticator
from allauth.usersessions.models import UserSession
from django.contrib.admin.models import LogEntry
from django.contrib.sessions.models import Session
from django.utils import timezone

from accounts import audit, former_addresses, impersonation, ledger
from accounts.addresses import is_named, keys_naming, pattern_of
from accounts.models import Invitation, User, Wallet

_AT_ONCE = 500


def erase_sign_in(user: User) -> None:
    """Delete how they sign in and where their addresses stand, but for their own row.

    The addresses themselves go last: until then a second try finds all the rest by them.
    """
    addresses = _addresses_of(user)
    former_addresses.remember(addresses, free_month=_free_month_of(user))
    _end_sessions(user, addresses)
    _scrub_admin_log(user, addresses)
    audit.forget(user, addresses)
    impersonation.forget(user)
    for address in addresses:
        Invitation.objects.filter(email__iexact=address).delete()
    Invitation.objects.filter(accepted_by=user).delete()
    Authenticator.objects.filter(user=user).delete()
    UserSession.objects.filter(user=user).delete()
    EmailAddress.objects.filter(user=user).delete()


def close_wallet(user: User) -> None:
    """Take what is left in a wallet whose jobs have all ended; belongs with their row.

    The ledger stays, without an owner: it has to add up for ever.
    """
    for wallet in Wallet.objects.filter(user=user):
        reference, note = f"deletion:{wallet.pk}", "The account was deleted"
        ledger.expire(wallet, wallet.balance, reference=reference, note=note)


def _addresses_of(user: User) -> list[str]:
    rows = EmailAddress.objects.filter(user=user).values_list("email", flat=True)
    return sorted({address.lower() for address in (user.email, *rows)})


def _free_month_of(user: User) -> str:
    wallet = Wallet.objects.filter(user=user).first()
    return wallet.free_month if wallet else ""


def _end_sessions(user: User, addresses: Collection[str]) -> None:
    """Delete their sessions, also half-begun sign-ins that only hold an address.

    Whose a session is stands inside it, so each is looked into; old ones go unread.
    """
    Session.objects.filter(expire_date__lt=timezone.now()).delete()
    pattern = pattern_of(addresses)
    theirs = (each.pk for each in _sessions() if _is_of(each, user, pattern))
    while keys := list(islice(theirs, _AT_ONCE)):
        Session.objects.filter(pk__in=keys).delete()


def _sessions() -> Iterator[Session]:
    """Yield every session, a few at a time, also while some are being deleted."""
    last = ""
    while rows := list(Session.objects.filter(pk__gt=last).order_by("pk")[:_AT_ONCE]):
        yield from rows
        last = rows[-1].pk


def _is_of(session: Session, user: User, pattern: re.Pattern[str]) -> bool:
    held = session.get_decoded()
    if held.get("_auth_user_id") == str(user.pk):
        return True
    return is_named(pattern, held)


def _scrub_admin_log(user: User, addresses: Collection[str]) -> None:
    """Keep what admins did to them, without their address."""
    keys = keys_naming(
        LogEntry.objects.all(), ("object_repr", "change_message"), addresses
    )
    for start in range(0, len(keys), _AT_ONCE):
        rows = LogEntry.objects.filter(pk__in=keys[start : start + _AT_ONCE])
        rows.update(object_repr="Deleted account", change_message="")
