"""The admin's pages on people, wallets, the ledger and invitations."""

from typing import Any

from django.conf import settings
from django.contrib import admin, messages
from django.contrib.auth.admin import UserAdmin as DjangoUserAdmin
from django.db import IntegrityError
from django.db.models import Model
from django.http import Http404, HttpRequest, HttpResponse
from django.shortcuts import redirect, render
from django.urls import reverse
from django.utils import timezone
from django.utils.html import format_html
from unfold.decorators import action
from unfold.forms import AdminPasswordChangeForm, UserChangeForm

from accounts import admin_billing, admin_deletions, admin_sign_in, ledger, quotas
from accounts.admin_forms import CreditsForm, NewPersonForm
from accounts.admin_pages import (
    QuickAdmin,
    RecordAdmin,
    may_change_person,
    text_lines,
)
from accounts.credit_words import credit_words
from accounts.models import CreditEntry, Invitation, User, Wallet

__all__ = ["admin_billing", "admin_deletions", "admin_sign_in"]


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
        "email",
        "name",
        "group",
        "is_active",
        "is_staff",
        "last_login",
        "joined",
    )
    list_filter = ("is_active", "is_staff", "is_superuser")
    list_select_related = ("group",)
    search_fields = ("^email", "^name")
    ordering = ("-id",)
    filter_horizontal = ()
    autocomplete_fields = ("group", "groups")
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


@admin.register(Wallet)
class WalletAdmin(RecordAdmin):
    """Wallets. Credits are given and taken through the ledger, with a reason."""

    list_display = ("id", "user", "group", "balance", "reserved", "debt")
    sortable_by = None
    list_select_related = ("user", "group")
    search_fields = ("^user__email", "group__name")
    ordering = ("-id",)
    fields = ("user", "group", "balance", "reserved", "debt", "entries_link")
    readonly_fields = ("entries_link",)
    actions_detail = ("adjust_credits",)

    @admin.display(description="Ledger")
    def entries_link(self, wallet: Wallet) -> str:
        """A link to this wallet's entries."""
        url = reverse("admin:accounts_creditentry_changelist")
        return format_html(
            '<a href="{}?wallet__id__exact={}">Entries</a>', url, wallet.pk
        )

    def has_adjust_permission(
        self, request: HttpRequest, object_id: Any = None
    ) -> bool:
        """Those who may change wallets may give and take credits."""
        return request.user.has_perm("accounts.change_wallet")

    @action(  # type: ignore[untyped-decorator]
        description="Give or take credits",
        url_path="adjust-credits",
        icon="add_card",
        permissions=["adjust"],
    )
    def adjust_credits(self, request: HttpRequest, object_id: str) -> HttpResponse:
        """Ask how many and why, then write an adjustment."""
        wallet = self.get_object(request, object_id)
        if wallet is None:
            raise Http404
        form = CreditsForm(request.POST or None)
        if form.is_valid() and self._adjust(request, wallet, form):
            return redirect("admin:accounts_wallet_change", wallet.pk)
        context = self.admin_site.each_context(request) | {
            "title": "Give or take credits",
            "subtitle": str(wallet),
            "opts": self.opts,
            "wallet": wallet,
            "form": form,
        }
        return render(
            request,
            "admin/accounts/wallet/adjust_credits.html",
            context,
            status=422 if form.is_bound else 200,
        )

    def _adjust(self, request: HttpRequest, wallet: Wallet, form: CreditsForm) -> bool:
        credits, reason = form.cleaned_data["credits"], form.cleaned_data["reason"]
        reference = f"admin:{form.cleaned_data['press']}"
        try:
            ledger.adjust(wallet, credits, reference=reference, note=reason)
        except ledger.InsufficientCredits as error:
            form.add_error("credits", f"The wallet holds only {error.available}.")
            return False
        except IntegrityError:
            messages.info(request, "That was done before.")
            return True
        self.log_change(request, wallet, f"{credits:+d} credits: {reason}")
        messages.success(request, f"{credits:+d} credits.")
        return True


@admin.register(CreditEntry)
class CreditEntryAdmin(RecordAdmin):
    """The ledger, newest first."""

    list_display = (
        "id",
        "wallet",
        "kind",
        "amount",
        "reserved",
        "debt",
        "note",
        "created_at",
    )
    list_filter = ("kind",)
    list_select_related = ("wallet__user", "wallet__group")
    search_fields = ("^wallet__user__email", "wallet__group__name")
    ordering = ("-id",)
    fields = (
        "wallet",
        "kind",
        "amount",
        "reserved",
        "debt",
        "job_id",
        "reference",
        "note",
        "created_at",
    )

    def get_search_results(
        self, request: HttpRequest, queryset: Any, search_term: str
    ) -> tuple[Any, bool]:
        """Find a reference too: by every kind, which its index begins with."""
        if search_term:
            kinds = CreditEntry.Kind.values
            named = queryset.filter(kind__in=kinds, reference=search_term.strip())
            if keys := list(named.exclude(reference="").values_list("pk", flat=True)):
                return queryset.filter(pk__in=keys), False
        found: tuple[Any, bool] = super().get_search_results(
            request, queryset, search_term
        )
        return found

    def lookup_allowed(
        self, lookup: str, value: str, request: HttpRequest | None = None
    ) -> bool:
        """Let the wallet's page link to its own entries."""
        return lookup == "wallet__id__exact" or super().lookup_allowed(
            lookup, value, request
        )


@admin.register(Invitation)
class InvitationAdmin(QuickAdmin):
    """Invitations: add one, copy its link, send it."""

    list_display = (
        "id",
        "email",
        "group",
        "state",
        "invited_by",
        "expires_at",
        "accepted_by",
    )
    list_select_related = ("group", "invited_by", "accepted_by")
    search_fields = ("^email",)
    ordering = ("-id",)
    autocomplete_fields = ("group",)
    fields = (
        "email",
        "group",
        "expires_at",
        "link",
        "state",
        "invited_by",
        "accepted_by",
    )
    readonly_fields = ("link", "state", "invited_by", "accepted_by")

    @admin.display(description="Link to send")
    def link(self, invitation: Invitation) -> str:
        """The address that lets somebody sign up, while it does."""
        if invitation.pk is None:
            return "Appears once it is saved."
        if self.state(invitation) != "waiting":
            return "None: it is over."
        path = reverse("accounts:invitation-accept", args=[invitation.token])
        return f"{settings.SITE_URL}{path}"

    @admin.display(description="State")
    def state(self, invitation: Invitation) -> str:
        """What has become of it."""
        if invitation.accepted_at:
            return "accepted"
        return "waiting" if invitation.expires_at > timezone.now() else "expired"

    def save_model(
        self, request: HttpRequest, obj: Invitation, form: Any, change: bool
    ) -> None:
        """Note who invited."""
        if not change:
            obj.invited_by_id = request.user.pk
        super().save_model(request, obj, form, change)
