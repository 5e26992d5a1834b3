"""The admin's page on groups: their members, their credits, and who spent them."""

from typing import Any

from django.contrib import admin
from django.db.models import Count, Sum
from django.http import HttpRequest
from django.urls import reverse
from django.utils.html import format_html

from accounts import ledger
from accounts.admin_pages import QuickAdmin, text_lines
from accounts.credit_words import credit_words
from accounts.models import Group
from accounts.site_days import month_began
from generators.models import GenerationJob

MEMBERS_SHOWN = 50


@admin.register(Group)
class GroupAdmin(QuickAdmin):
    """Groups of people. A group's members stay when it is deleted; its quota goes."""

    list_display = ("name", "num_members", "shares_credits", "created_at")
    search_fields = ("name",)
    ordering = ("name",)
    fields = ("name", "shares_credits", "members_link", "wallet_link", "spending")
    readonly_fields = ("members_link", "wallet_link", "spending")

    def get_queryset(self, request: HttpRequest) -> Any:
        """Count the members in the same query."""
        return super().get_queryset(request).annotate(num_members=Count("members"))

    def save_model(
        self, request: HttpRequest, obj: Group, form: Any, change: bool
    ) -> None:
        """Give a new group its wallet."""
        super().save_model(request, obj, form, change)
        ledger.wallet_of_group(obj)

    def has_delete_permission(self, request: HttpRequest, obj: Any = None) -> bool:
        """A group is deleted on its own page, and not while its wallet holds anything."""
        if obj is None:
            return False
        wallet = ledger.wallet_of_group(obj)
        is_empty = not (wallet.balance or wallet.reserved or wallet.debt)
        return is_empty and bool(super().has_delete_permission(request, obj))

    @admin.display(description="Members", ordering="num_members")
    def num_members(self, group: Any) -> int:
        """How many belong to it."""
        return int(group.num_members)

    @admin.display(description="Members")
    def members_link(self, group: Group) -> str:
        """A link to the people who belong to it."""
        if group.pk is None:
            return (
                "None yet: choose the group on a person's page, or invite them to it."
            )
        url = reverse("admin:accounts_user_changelist")
        return format_html(
            '<a href="{}?group__id__exact={}">Members</a>', url, group.pk
        )

    @admin.display(description="Credits")
    def wallet_link(self, group: Group) -> str:
        """The balance, linked to the wallet, where credits are given."""
        if group.pk is None:
            return "Its wallet comes with it."
        wallet = ledger.wallet_of_group(group)
        url = reverse("admin:accounts_wallet_change", args=[wallet.pk])
        return format_html('<a href="{}">{}</a>', url, credit_words(wallet.balance))

    @admin.display(description="Spent this month")
    def spending(self, group: Group) -> str:
        """What each member's jobs took of the group's credits, most first."""
        if group.pk is None:
            return "Nothing."
        jobs = GenerationJob.objects.filter(
            owner__in=group.members.all(),
            created_at__gte=month_began(),
            wallet__group=group,
            settled_credits__gt=0,
        )
        spent = (
            jobs.order_by()
            .values_list("owner__email")
            .annotate(sum=Sum("settled_credits"))
            .order_by("-sum")[:MEMBERS_SHOWN]
        )
        lines = ((email, credit_words(credits)) for email, credits in spent)
        return text_lines("{}: {}", lines) or "Nothing."
