"""The admin's pages on people: who they are, and what they may do."""

from typing import Any

from django.contrib import admin
from django.contrib.auth.admin import UserAdmin as DjangoUserAdmin
from django.db import transaction
from django.db.models import Model
from django.http import HttpRequest, HttpResponse
from django.shortcuts import redirect
from django.urls import URLPattern, path, reverse
from django.utils import timezone
from django.utils.html import format_html
from unfold.decorators import action
from unfold.forms import AdminPasswordChangeForm, UserChangeForm

from accounts import ledger, quotas
from accounts.admin_forms import NewPersonForm
from accounts.admin_looking import look_as
from accounts.admin_pages import QuickAdmin, may_change_person, text_lines
from accounts.credit_words import credit_words
from accounts.models import User


@admin.register(User)
class UserAdmin(QuickAdmin, DjangoUserAdmin):  # type: ignore[type-arg]
    """People. Only superusers hand out rights, and change those who are staff.

    Nobody is deleted here at once: a person's pictures and files go with the account,
    which is a journey of its own, see ``accounts.admin_deletions``.
    """

    form = UserChangeForm
    add_form = NewPersonForm
    change_password_form = AdminPasswordChangeForm
    list_display = (
        "person",
        "name",
        "group",
        "is_active",
        "is_staff",
        "last_login",
        "joined",
    )
    list_filter = ("is_active", "is_staff", "is_superuser")
    list_display_links = None
    list_select_related = ("group",)
    search_fields = ("^email", "^name")
    ordering = ("-id",)
    filter_horizontal = ()
    autocomplete_fields = ("group", "groups")
    actions_detail = ("see_person",)
    readonly_fields = ("last_login", "date_joined", "wallet_link", "rules", "leaving")
    fieldsets = (
        (None, {"fields": ("email", "name", "password", "wallet_link")}),
        ("Use", {"fields": ("group", "rules")}),
        (
            "Rights",
            {
                "fields": (
                    "is_active",
                    "is_staff",
                    "is_superuser",
                    "groups",
                )
            },
        ),
        ("Dates", {"fields": ("last_login", "date_joined", "leaving")}),
    )
    add_fieldsets = (
        (
            None,
            {"fields": ("email", "name", "usable_password", "password1", "password2")},
        ),
    )

    @admin.display(description="E-mail address", ordering="email")
    def person(self, user: User) -> str:
        """The address, linked to all that is known of them."""
        url = reverse("admin-person", args=[user.pk])
        return format_html('<a class="text-link" href="{}">{}</a>', url, user.email)

    @action(description="All about them", url_path="all", icon="person_search")  # type: ignore[untyped-decorator]
    def see_person(self, request: HttpRequest, object_id: str) -> HttpResponse:
        """Go to their page."""
        return redirect("admin-person", object_id)

    @admin.display(description="Joined", ordering="id")
    def joined(self, user: User) -> Any:
        """When the account was made."""
        return user.date_joined

    @admin.display(description="Credits")
    def wallet_link(self, user: User) -> str:
        """The balance, linked to the wallet."""
        wallet = ledger.wallet_of(user)
        url = reverse("admin:accounts_wallet_change", args=[wallet.pk])
        return format_html('<a href="{}">{}</a>', url, credit_words(wallet.balance))

    @admin.display(description="Quotas in force")
    def rules(self, user: User) -> str:
        """Every quota that counts for them, and where it stands."""
        found = quotas.rules_of(user).values()
        lines = (
            (rule.name.replace("_", " "), rule.value, rule.scope_words)
            for rule in found
        )
        return text_lines("{}: {} ({})", lines) or "None."

    @admin.display(description="Deletion")
    def leaving(self, user: User) -> str:
        """When the account is deleted, or a link to where that is asked for."""
        if user.deletion_due_at is not None:
            return f"On {timezone.localtime(user.deletion_due_at):%-d %B %Y}."
        url = reverse("admin:accounts_deletion_add")
        return format_html('<a href="{}?user={}">Delete this account</a>', url, user.pk)

    def get_urls(self) -> list[URLPattern]:
        """Add the page that begins a look at the site as somebody."""
        view = self.admin_site.admin_view(look_as)
        look = path("<int:pk>/look/", view, name="accounts_user_look")
        return [look, *super().get_urls()]

    def get_readonly_fields(
        self, request: HttpRequest, obj: Model | None = None
    ) -> Any:
        """Let superusers alone hand out rights."""
        fields = super().get_readonly_fields(request, obj)
        if request.user.is_superuser:
            return fields
        return (*fields, "is_staff", "is_superuser", "groups")

    def has_change_permission(self, request: HttpRequest, obj: Any = None) -> bool:
        """Let superusers alone change staff, or the password of one."""
        is_theirs = may_change_person(request, obj)
        return is_theirs and bool(super().has_change_permission(request, obj))

    def has_delete_permission(self, request: HttpRequest, obj: Any = None) -> bool:
        """Nobody is deleted at once."""
        return False

    def save_model(
        self, request: HttpRequest, obj: User, form: Any, change: bool
    ) -> None:
        """Give a new person their wallet."""
        super().save_model(request, obj, form, change)
        ledger.wallet_of(obj)

    @transaction.atomic
    def user_change_password(
        self, request: HttpRequest, id: str, form_url: str = ""
    ) -> HttpResponse:
        """Set or remove a password, and write that down in the same transaction."""
        response: HttpResponse = super().user_change_password(request, id, form_url)
        return response
