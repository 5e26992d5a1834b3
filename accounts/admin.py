"""The admin's pages on wallets, the ledger and invitations; with those on people."""

from typing import Any

from django.conf import settings
from django.contrib import admin, messages
from django.db import IntegrityError, transaction
from django.http import Http404, HttpRequest, HttpResponse
from django.shortcuts import redirect, render
from django.urls import reverse
from django.utils import timezone
from django.utils.html import format_html
from unfold.decorators import action

from accounts import (
    admin_audit_log,
    admin_deletions,
    admin_offers,
    admin_payments,
    admin_people,
    admin_sign_in,
    ledger,
)
from accounts.admin_forms import CreditsForm
from accounts.admin_pages import QuickAdmin, RecordAdmin
from accounts.audit_changes import between
from accounts.models import AuditEntry, CreditEntry, Invitation, Wallet

__all__ = [
    "admin_audit_log",
    "admin_deletions",
    "admin_offers",
    "admin_payments",
    "admin_people",
    "admin_sign_in",
]


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
            return redirect(_page_after(request, wallet))
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
            with transaction.atomic():
                figures = Wallet.objects.filter(pk=wallet.pk).select_for_update()
                before = figures.values("balance", "debt").get()
                ledger.adjust(wallet, credits, reference=reference, note=reason)
                changes = between(
                    Wallet, before, figures.values("balance", "debt").get()
                )
                act = AuditEntry.Action.CREDITS
                self.log_act(request, wallet, act, changes=changes, reason=reason)
        except ledger.InsufficientCredits as error:
            form.add_error("credits", f"The wallet holds only {error.available}.")
            return False
        except IntegrityError:
            messages.info(request, "That was done before.")
            return True
        messages.success(request, f"{credits:+d} credits.")
        return True


def _page_after(request: HttpRequest, wallet: Wallet) -> str:
    """Return the page that the form was on: the owner's, or the wallet's."""
    if request.GET.get("back") == "person" and wallet.user_id is not None:
        return reverse("admin-person", args=[wallet.user_id])
    return reverse("admin:accounts_wallet_change", args=[wallet.pk])


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
