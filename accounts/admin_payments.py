"""The admin's pages on money: what came, what left again, what Stripe told."""

from typing import Any

from django.contrib import admin, messages
from django.db import transaction
from django.db.models import QuerySet
from django.http import HttpRequest
from django.utils import timezone
from django.utils.html import format_html

from accounts import sending
from accounts.admin_pages import RecordAdmin
from accounts.billing.client import is_on
from accounts.billing.money import money_words
from accounts.models import (
    AuditEntry,
    Customer,
    Order,
    Purchase,
    StripeEvent,
    Subscription,
)


class SoldHere:
    """Tables that are not mentioned where nothing is sold."""

    def has_module_permission(self, request: HttpRequest) -> bool:
        """Leave them out of the admin's overview until there is a key."""
        return is_on() and bool(super().has_module_permission(request))  # type: ignore[misc]


class StripeAdmin(SoldHere, RecordAdmin):
    """Rows that mirror objects at Stripe."""

    ordering = ("-id",)

    @admin.display(description="At Stripe")
    def at_stripe(self, row: Any) -> str:
        """A link to Stripe's own page on it."""
        if not row.stripe_id:
            return ""
        customer = getattr(row, "customer", row)
        mode = "" if customer.livemode else "test/"
        return format_html(
            '<a href="https://dashboard.stripe.com/{}search?query={}" rel="noreferrer">{}</a>',
            mode,
            row.stripe_id,
            row.stripe_id,
        )


@admin.register(Customer)
class CustomerAdmin(StripeAdmin):
    """Wallets that Stripe knows."""

    list_display = ("id", "wallet", "at_stripe", "livemode", "created_at")
    list_select_related = ("wallet__user", "wallet__group")
    search_fields = ("=stripe_id", "^wallet__user__email")
    fields = ("wallet", "at_stripe", "livemode", "created_at")


@admin.register(Order)
class OrderAdmin(StripeAdmin):
    """Presses on Buy, and automatic top-ups."""

    list_display = ("id", "kind", "offer", "wallet", "status", "failure", "created_at")
    list_select_related = ("offer", "customer__wallet__user", "customer__wallet__group")
    list_filter = ("kind", "status")
    search_fields = ("=stripe_id", "^customer__wallet__user__email")
    fields = (
        "public_id",
        "kind",
        "wallet",
        "offer",
        "status",
        "failure",
        "keeps_card",
        "at_stripe",
        "created_at",
    )

    @admin.display(description="Wallet")
    def wallet(self, order: Order) -> str:
        """Whose credits it is for."""
        return str(order.customer.wallet)


@admin.register(Purchase)
class PurchaseAdmin(StripeAdmin):
    """Money that came, and what of it left again."""

    list_display = ("id", "wallet", "offer", "credits", "paid", "returned", "made_at")
    list_select_related = ("wallet__user", "wallet__group", "offer", "customer")
    search_fields = ("=stripe_id", "=payment_intent", "^wallet__user__email")
    fields = (
        "wallet",
        "offer",
        "credits",
        "taken_back",
        "paid",
        "returned",
        "at_stripe",
        "payment_intent",
        "made_at",
        "created_at",
    )

    @admin.display(description="Paid")
    def paid(self, purchase: Purchase) -> str:
        """What was paid."""
        return money_words(purchase.amount, purchase.currency)

    @admin.display(description="Refunded or disputed")
    def returned(self, purchase: Purchase) -> str:
        """What left again."""
        gone = purchase.refunded + purchase.disputed
        return money_words(gone, purchase.currency) if gone else ""


@admin.register(Subscription)
class SubscriptionAdmin(StripeAdmin):
    """Plans that people pay."""

    list_display = (
        "id",
        "wallet",
        "offer",
        "status",
        "ends_at_period_end",
        "period_ends_at",
    )
    list_select_related = ("offer", "customer__wallet__user", "customer__wallet__group")
    list_filter = ("status",)
    search_fields = ("=stripe_id", "^customer__wallet__user__email")
    fields = (
        "wallet",
        "offer",
        "status",
        "ends_at_period_end",
        "period_ends_at",
        "at_stripe",
        "updated_at",
    )

    @admin.display(description="Wallet")
    def wallet(self, subscription: Subscription) -> str:
        """Whose credits it brings."""
        return str(subscription.customer.wallet)


@admin.register(StripeEvent)
class StripeEventAdmin(StripeAdmin):
    """Stripe's news, and what became of each."""

    list_display = (
        "id",
        "type",
        "object_id",
        "status",
        "told",
        "num_attempts",
        "received_at",
    )
    list_filter = ("status",)
    search_fields = ("=stripe_id", "=object_id")
    ordering = ("-id",)
    actions = ("handle_again", "ignore")
    fields = (
        "stripe_id",
        "type",
        "object_id",
        "livemode",
        "status",
        "told",
        "num_attempts",
        "next_attempt_at",
        "happened_at",
        "received_at",
    )

    def has_handle_permission(self, request: HttpRequest) -> bool:
        """Those who may change events may have them handled again."""
        return request.user.has_perm("accounts.change_stripeevent")

    @admin.action(description="Handle selected events again", permissions=["handle"])
    def handle_again(
        self, request: HttpRequest, queryset: QuerySet[StripeEvent]
    ) -> None:
        """Put them in line again: how things stand is asked anew, so it is safe."""
        again = queryset.exclude(status=StripeEvent.Status.WAITING)
        with transaction.atomic():
            events = list(again.select_for_update())
            for event in events:
                self.log_act(request, event, AuditEntry.Action.TRY)
            again.update(
                status=StripeEvent.Status.WAITING,
                num_attempts=0,
                next_attempt_at=timezone.now(),
            )
            transaction.on_commit(lambda: sending.send(sending.STRIPE_EVENTS))
        messages.success(request, f"{len(events)} events are handled again.")

    @admin.action(description="Put selected events away", permissions=["handle"])
    def ignore(self, request: HttpRequest, queryset: QuerySet[StripeEvent]) -> None:
        """Look no more at those that failed: somebody has seen to them."""
        failed = queryset.filter(status=StripeEvent.Status.FAILED)
        with transaction.atomic():
            events = list(failed.select_for_update())
            for event in events:
                self.log_act(request, event, AuditEntry.Action.DISMISS)
            failed.update(status=StripeEvent.Status.IGNORED)
        messages.success(request, f"{len(events)} events were put away.")


def event_badge(request: HttpRequest) -> int:
    """Return how many of Stripe's news need a look, for the sidebar; no more than 99."""
    failed = StripeEvent.objects.filter(status=StripeEvent.Status.FAILED)
    return failed[:99].count()
