"""The admin's sidebar: tables by what an operator looks for, not by app."""

from typing import Any

from django.http import HttpRequest
from django.urls import reverse

GROUPS = (
    (
        "People",
        (
            ("Users", "person", "accounts", "user"),
            ("Wallets", "account_balance_wallet", "accounts", "wallet"),
            ("Credit entries", "receipt_long", "accounts", "creditentry"),
            ("Invitations", "mail", "accounts", "invitation"),
        ),
    ),
    (
        "Drawing",
        (
            ("Image models", "palette", "generators", "imagemodel"),
            ("Jobs", "draw", "generators", "generationjob"),
            ("Generations", "auto_awesome", "generators", "generation"),
            ("Job events", "timeline", "generators", "jobevent"),
        ),
    ),
    (
        "Gallery",
        (
            ("Images", "image", "gallery", "image"),
            ("Stored files", "draft", "gallery", "storedfile"),
            ("Tags", "sell", "gallery", "tag"),
        ),
    ),
    (
        "Sign-in",
        (
            ("E-mail addresses", "alternate_email", "account", "emailaddress"),
            ("Second factors", "key", "mfa", "authenticator"),
            ("Devices", "devices", "usersessions", "usersession"),
            ("Groups", "group", "auth", "group"),
        ),
    ),
)


def navigation(request: HttpRequest) -> list[dict[str, Any]]:
    """Return what of it this member of staff may look at."""
    groups = []
    for title, tables in GROUPS:
        items = [
            {
                "title": name,
                "icon": icon,
                "link": reverse(f"admin:{app}_{model}_changelist"),
            }
            for name, icon, app, model in tables
            if request.user.has_perm(f"{app}.view_{model}")
        ]
        if items:
            groups.append({"title": title, "items": items})
    return groups
