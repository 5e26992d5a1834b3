"""The tables of accounts."""

from accounts.models.append_only import AppendOnly
from accounts.models.audit import AuditEntry
from accounts.models.billing import (
    MAX_AMOUNT,
    Customer,
    Offer,
    OfferQuerySet,
    Order,
    Purchase,
    StripeEvent,
    Subscription,
    TopUp,
)
from accounts.models.impersonations import Impersonation
from accounts.models.invitations import (
    Invitation,
    InvitationQuerySet,
    invitation_expiry,
    new_invitation_token,
)
from accounts.models.leaving import Deletion, Export, FormerAddress
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
    "MAX_AMOUNT",
    "MAX_CREDITS",
    "NO_LIMIT",
    "AppendOnly",
    "AuditEntry",
    "CreditEntry",
    "CreditEntryQuerySet",
    "Customer",
    "Deletion",
    "Export",
    "FormerAddress",
    "Group",
    "Impersonation",
    "Invitation",
    "InvitationQuerySet",
    "Notice",
    "Offer",
    "OfferQuerySet",
    "Order",
    "PersonManager",
    "Purchase",
    "Quota",
    "StripeEvent",
    "Subscription",
    "TopUp",
    "User",
    "Wallet",
    "invitation_expiry",
    "new_invitation_token",
]
