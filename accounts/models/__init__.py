"""The tables of accounts."""

from accounts.models.append_only import AppendOnly
from accounts.models.audit import AuditEntry
from accounts.models.impersonations import Impersonation
from accounts.models.invitations import (
    Invitation,
    InvitationQuerySet,
    invitation_expiry,
    new_invitation_token,
)
from accounts.models.notices import Notice
from accounts.models.people import Group, PersonManager, User
from accounts.models.quotas import NO_LIMIT, Quota
from accounts.models.wallets import (
    MAX_CREDITS,
    CreditEntry,
    CreditEntryQuerySet,
    Wallet,
)

__all__ = [
    "MAX_CREDITS",
    "NO_LIMIT",
    "AppendOnly",
    "AuditEntry",
    "CreditEntry",
    "CreditEntryQuerySet",
    "Group",
    "Impersonation",
    "Invitation",
    "InvitationQuerySet",
    "Notice",
    "PersonManager",
    "Quota",
    "User",
    "Wallet",
    "invitation_expiry",
    "new_invitation_token",
]
