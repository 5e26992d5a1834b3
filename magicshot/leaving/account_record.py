"""The account as the plain JSON of an export; nothing in it signs anybody in."""

from typing import Any

from allauth.account.models import EmailAddress
from allauth.mfa.models import Authenticator
from allauth.usersessions.models import UserSession
from django.db.models import QuerySet

from accounts.billing.money import money_words
from accounts.models import Invitation, Purchase, Subscription, User, Wallet
from accounts.quotas import Rule, rules_of


def of(user: User) -> dict[str, Any]:
    """Return who somebody is here, what they may use, and how they sign in."""
    wallet = Wallet.objects.filter(user=user).first()
    return {
        "email": user.email,
        "name": user.name,
        "joined_at": user.date_joined,
        "signed_in_last_at": user.last_login,
        "is_staff": user.is_staff,
        "group": None if user.group is None else user.group.name,
        "will_be_deleted_at": user.deletion_due_at,
        "credits": None
        if wallet is None
        else {
            "to_spend": wallet.balance,
            "set_aside": wallet.reserved,
            "owed": wallet.debt,
        },
        "payments": [] if wallet is None else list(map(_payment, _paid(wallet))),
        "plans": []
        if wallet is None
        else list(
            Subscription.objects.filter(customer__wallet=wallet).values(
                "offer__name", "status", "period_ends_at"
            )
        ),
        "quotas": [_quota(rule) for rule in rules_of(user).values()],
        "email_addresses": list(
            EmailAddress.objects.filter(user=user).values(
                "email", "verified", "primary"
            )
        ),
        "signed_in_devices": list(
            UserSession.objects.filter(user=user)
            .order_by("pk")
            .values("ip", "user_agent", "created_at", "last_seen_at")
        ),
        "second_factors": [
            _factor(each) for each in Authenticator.objects.filter(user=user)
        ],
        "invitations_accepted": list(
            Invitation.objects.filter(accepted_by=user).values("email", "accepted_at")
        ),
    }


def _paid(wallet: Wallet) -> QuerySet[Purchase]:
    return wallet.purchases.select_related("offer").order_by("pk")


def _payment(purchase: Purchase) -> dict[str, Any]:
    paid, back = purchase.amount, purchase.refunded + purchase.disputed
    return {
        "what": purchase.offer.name,
        "credits": purchase.credits,
        "paid": money_words(paid, purchase.currency),
        "refunded_or_disputed": money_words(back, purchase.currency),
        "at": purchase.made_at,
        "number_at_stripe": purchase.stripe_id,
    }


def _quota(rule: Rule) -> dict[str, Any]:
    limit = sorted(rule.allowed) if rule.allowed else rule.limit
    return {"name": rule.name, "limit": limit, "for": rule.scope_words}


def _factor(factor: Authenticator) -> dict[str, Any]:
    """Return what a factor is called, and nothing of what it proves."""
    return {
        "kind": factor.type,
        "name": factor.data.get("name", ""),
        "added_at": factor.created_at,
        "used_last_at": factor.last_used_at,
    }
