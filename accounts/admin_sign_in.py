"""The admin's pages on how people sign in, in the place of allauth's and Django's own."""

import allauth.account.admin
import allauth.mfa.admin
import allauth.usersessions.admin
from allauth.account.models import EmailAddress
from allauth.mfa.models import Authenticator
from allauth.usersessions.models import UserSession
from django.contrib import admin
from django.contrib.auth.admin import GroupAdmin as DjangoGroupAdmin
from django.contrib.auth.models import Group
from django.http import HttpRequest

from accounts.admin_pages import QuickAdmin, RecordAdmin, may_change_person

__all__ = ["allauth"]

admin.site.unregister([EmailAddress, Authenticator, UserSession, Group])


@admin.register(EmailAddress)
class EmailAddressAdmin(QuickAdmin):
    """Addresses, and whether their owners confirmed them."""

    list_display = ("email", "user", "primary", "verified")
    list_filter = ("primary", "verified")
    list_select_related = ("user",)
    search_fields = ("^email",)
    ordering = ("-id",)
    fields = ("user", "email", "primary", "verified")
    readonly_fields = ("user", "email", "primary")

    def has_add_permission(self, request: HttpRequest) -> bool:
        """People add their own."""
        return False

    def has_change_permission(
        self, request: HttpRequest, obj: EmailAddress | None = None
    ) -> bool:
        """Let superusers alone change an address of staff."""
        is_theirs = may_change_person(request, obj.user if obj else None)
        return is_theirs and bool(super().has_change_permission(request, obj))

    def has_delete_permission(
        self, request: HttpRequest, obj: EmailAddress | None = None
    ) -> bool:
        """Let superusers alone delete an address of staff."""
        is_theirs = may_change_person(request, obj.user if obj else None)
        return is_theirs and bool(super().has_delete_permission(request, obj))


@admin.register(Authenticator)
class AuthenticatorAdmin(RecordAdmin):
    """Second factors, without their secrets. Delete those of a person locked out."""

    list_display = ("id", "user", "type", "created_at", "last_used_at")
    sortable_by = None
    list_filter = ("type",)
    list_select_related = ("user",)
    search_fields = ("^user__email",)
    ordering = ("-id",)
    fields = ("user", "type", "created_at", "last_used_at")

    def has_delete_permission(
        self, request: HttpRequest, obj: Authenticator | None = None
    ) -> bool:
        """Superusers may take a lost factor away."""
        return bool(request.user.is_superuser)


@admin.register(UserSession)
class UserSessionAdmin(RecordAdmin):
    """Where people are signed in."""

    list_display = ("id", "user", "ip", "created_at", "user_agent")
    list_select_related = ("user",)
    search_fields = ("^user__email", "=ip")
    ordering = ("-id",)
    fields = ("user", "ip", "user_agent", "created_at", "last_seen_at")


@admin.register(Group)
class GroupAdmin(QuickAdmin, DjangoGroupAdmin):
    """Sets of rights for staff, made by superusers alone."""

    filter_horizontal = ()

    def has_add_permission(self, request: HttpRequest) -> bool:
        """Nobody gives a group rights that they do not have."""
        return bool(request.user.is_superuser)

    def has_change_permission(
        self, request: HttpRequest, obj: Group | None = None
    ) -> bool:
        """Nobody gives their own group more rights."""
        return bool(request.user.is_superuser)

    def has_delete_permission(
        self, request: HttpRequest, obj: Group | None = None
    ) -> bool:
        """Nobody takes others' rights away."""
        return bool(request.user.is_superuser)
