"""The admin: unfold's pages behind our own sign-in, second factor and CSP."""

from collections.abc import Callable
from functools import wraps
from typing import Any

from allauth.account.decorators import secure_admin_login
from allauth.mfa.adapter import get_adapter as get_mfa_adapter
from csp.constants import UNSAFE_EVAL, UNSAFE_INLINE
from csp.decorators import csp_update
from django.conf import settings
from django.contrib import messages
from django.contrib.admin.actions import delete_selected
from django.db import transaction
from django.http import HttpRequest, HttpResponseBase
from django.shortcuts import redirect
from django.templatetags.static import static
from django.utils.decorators import method_decorator
from unfold.sites import UnfoldAdminSite

View = Callable[..., HttpResponseBase]

# Unfold draws with Alpine, which evaluates the expressions of its attributes, and with
# style attributes. Its scripts are files of ours, so inline scripts stay forbidden.
ADMIN_CSP = {"script-src": UNSAFE_EVAL, "style-src": UNSAFE_INLINE}


class AdminSite(UnfoldAdminSite):  # type: ignore[misc]
    """Admits staff who signed in through the site, with a second factor if required."""

    def __init__(self, name: str = "admin") -> None:
        """Delete selected rows in the transaction that writes the audit log."""
        super().__init__(name)
        self.disable_action(delete_selected.__name__)
        self.add_action(transaction.atomic(delete_selected))

    def admin_view(self, view: View, cacheable: bool = False) -> View:
        """Wrap every page: unfold's CSP, then the second factor, then Django's check."""

        @csp_update(ADMIN_CSP)
        @wraps(view)
        def guarded(request: HttpRequest, *args: Any, **kwargs: Any) -> Any:
            if self.has_permission(request) and lacks_second_factor(request):
                messages.info(request, "Staff need a second factor. Set one up first.")
                return redirect("mfa_index")
            return view(request, *args, **kwargs)

        wrapped: View = super().admin_view(guarded, cacheable)
        return wrapped

    @method_decorator(secure_admin_login)
    def login(
        self, request: HttpRequest, extra_context: dict[str, Any] | None = None
    ) -> HttpResponseBase:
        """Send strangers to the site's own sign-in, where lockout applies."""
        return redirect("admin:index")

    def password_change(
        self, request: HttpRequest, extra_context: dict[str, Any] | None = None
    ) -> HttpResponseBase:
        """Change it where everybody does."""
        return redirect("account_change_password")


def favicon(request: HttpRequest) -> str:
    """Return the address of the site's own icon."""
    return static("img/favicon.svg")


def stylesheet(request: HttpRequest) -> str:
    """Return the address of what our pages need beside unfold's own sheet."""
    return static("css/admin.css")


def lacks_second_factor(request: HttpRequest) -> bool:
    """Say whether this member of staff must set a second factor up first."""
    return bool(
        settings.STAFF_SECOND_FACTOR
        and not get_mfa_adapter().is_mfa_enabled(request.user)
    )
