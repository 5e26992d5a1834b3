"""The admin's sidebar: tables by what an operator looks for, not by app."""

from dataclasses import dataclass
from typing import Any

from django.http import HttpRequest
from django.urls import reverse
from django.utils.module_loading import import_string

from accounts.billing import client


@dataclass(frozen=True, slots=True, kw_only=True)
class Page:
    """A page of the admin; ``address`` is its name, ``rights`` all that it takes.

    ``query`` stands behind the address, with its question mark.
    """

    title: str
    icon: str
    address: str
    rights: tuple[str, ...]
    badge: str = ""
    query: str = ""

    def item(self) -> dict[str, Any]:
        """Return it as unfold wants it."""
        link = f"{reverse(self.address)}{self.query}"
        return {"title": self.title, "icon": self.icon, "link": link}


def table(title: str, icon: str, app: str, model: str, badge: str = "") -> Page:
    """Return the list of a table, for those who may look at it.

    ``badge`` is the path of a function that says what the sidebar warns of.
    """
    return Page(
        title=title,
        icon=icon,
        address=f"admin:{app}_{model}_changelist",
        rights=(f"{app}.view_{model}",),
        badge=badge,
    )


MONEY = "Money"
GROUPS = (
    (
        "",
        (Page(title="Dashboard", icon="monitoring", address="admin:index", rights=()),),
    ),
    (
        "People",
        (
            table("Users", "person", "accounts", "user"),
            table("Wallets", "account_balance_wallet", "accounts", "wallet"),
            table("Credit entries", "receipt_long", "accounts", "creditentry"),
            table("Invitations", "mail", "accounts", "invitation"),
            table("Groups", "groups", "accounts", "group"),
            table("Quotas", "speed", "accounts", "quota"),
            table("Deletions", "person_remove", "accounts", "deletion"),
        ),
    ),
    (
        MONEY,
        (
            table("Offers", "sell", "accounts", "offer"),
            table("Purchases", "payments", "accounts", "purchase"),
            table("Orders", "shopping_cart", "accounts", "order"),
            table("Subscriptions", "autorenew", "accounts", "subscription"),
            table("Customers", "badge", "accounts", "customer"),
            table(
                "Stripe's news",
                "webhook",
                "accounts",
                "stripeevent",
                badge="accounts.admin_payments.event_badge",
            ),
        ),
    ),
    (
        "Drawing",
        (
            table(
                "Connections",
                "cable",
                "generators",
                "connection",
                badge="generators.admin_connections.badge",
            ),
            table("Image models", "palette", "generators", "imagemodel"),
            table(
                "Jobs",
                "draw",
                "generators",
                "generationjob",
                badge="generators.admin.approval_badge",
            ),
            table("Generations", "auto_awesome", "generators", "generation"),
            table("Job events", "timeline", "generators", "jobevent"),
            Page(
                title="Costs",
                icon="payments",
                address="admin-costs",
                rights=("generators.view_connection", "generators.view_generationjob"),
            ),
        ),
    ),
    (
        "Gallery",
        (
            table("Images", "image", "gallery", "image"),
            table("Stored files", "draft", "gallery", "storedfile"),
            table("Tags", "sell", "gallery", "tag"),
        ),
    ),
    (
        "Oversight",
        (
            Page(
                title="Moderation",
                icon="report",
                address="admin:generators_promptverdict_changelist",
                rights=("generators.view_promptverdict",),
                badge="generators.admin_moderation.badge",
                query="?state__exact=open",
            ),
            table("Prompt rules", "gavel", "generators", "promptrule"),
            table("Audit log", "history", "accounts", "auditentry"),
        ),
    ),
    (
        "Sign-in",
        (
            table("E-mail addresses", "alternate_email", "account", "emailaddress"),
            table("Second factors", "key", "mfa", "authenticator"),
            table("Devices", "devices", "usersessions", "usersession"),
            table("Rights of staff", "group", "auth", "group"),
        ),
    ),
)


def navigation(request: HttpRequest) -> list[dict[str, Any]]:
    """Return what of it this member of staff may look at; no money where none is taken."""
    groups = []
    shown = GROUPS if client.is_on() else (each for each in GROUPS if each[0] != MONEY)
    for title, pages in shown:
        items = [
            page.item() | _badge(page, request)
            for page in pages
            if request.user.has_perms(page.rights)
        ]
        if items:
            groups.append({"title": title, "items": items})
    return groups


def _badge(page: Page, request: HttpRequest) -> dict[str, Any]:
    said = import_string(page.badge)(request) if page.badge else 0
    return {"badge": said} if said else {}
