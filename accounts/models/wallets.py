"""Wallets, and the ledger that says what moved in them."""

from django.conf import settings
from django.db import models
from django.db.models import Q

from accounts.models.append_only import AppendOnlyModel, AppendOnlyQuerySet
from accounts.models.people import Group

MAX_CREDITS = 10**12
"""The most one entry may move, far below what the column holds."""


class Wallet(models.Model):
    """Holds credits. ``balance`` may be spent, ``reserved`` is set aside for jobs.

    ``debt`` is owed: credits whose payment was taken back when they were spent already.
    All three are caches of the ledger: ``sum(entries.amount) == balance``, and so on.
    """

    # The ledger outlives its owner: a deleted account leaves an ownerless wallet.
    user = models.OneToOneField(
        settings.AUTH_USER_MODEL,
        on_delete=models.SET_NULL,
        null=True,
        blank=True,
        related_name="wallet",
    )
    group = models.OneToOneField(
        Group,
        on_delete=models.SET_NULL,
        null=True,
        blank=True,
        related_name="wallet",
    )
    balance = models.BigIntegerField(default=0)
    reserved = models.BigIntegerField(default=0)
    debt = models.BigIntegerField(default=0)
    free_month = models.CharField(
        max_length=7,
        blank=True,
        help_text="The month, as 2026-11, whose free credits are still in it.",
    )

    class Meta:
        constraints = [
            models.CheckConstraint(
                condition=Q(user__isnull=True) | Q(group__isnull=True),
                name="wallet_of_a_person_or_a_group",
            ),
            models.CheckConstraint(
                condition=Q(debt__gte=0), name="wallet_debt_not_negative"
            ),
            models.CheckConstraint(
                condition=Q(balance__gte=0), name="wallet_balance_not_negative"
            ),
            models.CheckConstraint(
                condition=Q(reserved__gte=0), name="wallet_reserved_not_negative"
            ),
        ]

    def __str__(self) -> str:
        if self.group is not None:
            return f"Wallet of group {self.group}"
        return f"Wallet of {self.user}" if self.user else f"Wallet {self.pk}"


class CreditEntryQuerySet(AppendOnlyQuerySet["CreditEntry"]):
    """Entries, which nobody changes."""


class CreditEntry(AppendOnlyModel):
    """One row of the append-only ledger, in whole credits.

    ``amount`` is what it adds to the wallet's balance, ``reserved`` what it adds to the
    credits set aside: a reservation of 8 is (-8, +8), a settlement of 6 (0, -6), a
    refund of 2 (+2, -2). ``debt`` is what it adds to the credits owed: a payment of 100
    that is taken back from a balance of 30 is (-30, 0, +70).
    """

    class Kind(models.TextChoices):
        GRANT = "grant"
        PURCHASE = "purchase"
        RESERVE = "reserve"
        SETTLE = "settle"
        REFUND = "refund"
        ADJUST = "adjust"
        EXPIRE = "expire"
        DISPUTE = "dispute"

    wallet = models.ForeignKey(Wallet, on_delete=models.PROTECT, related_name="entries")
    kind = models.CharField(max_length=16, choices=Kind)
    amount = models.BigIntegerField()
    reserved = models.BigIntegerField(default=0)
    debt = models.BigIntegerField(default=0)
    job_id = models.UUIDField(null=True, blank=True)
    reference = models.CharField(
        max_length=200, blank=True, help_text="What caused it, unique within its kind."
    )
    note = models.CharField(max_length=200, blank=True)
    created_at = models.DateTimeField(auto_now_add=True)

    objects = CreditEntryQuerySet.as_manager()

    class Meta:
        verbose_name_plural = "credit entries"
        ordering = ["-id"]
        indexes = [
            models.Index(fields=["wallet", "-id"], name="credit_entry_of_wallet"),
            models.Index(fields=["kind", "-id"], name="credit_entry_of_kind"),
        ]
        constraints = [
            models.UniqueConstraint(
                fields=["kind", "job_id"],
                condition=Q(job_id__isnull=False),
                name="credit_entry_once_a_job",
            ),
            models.UniqueConstraint(
                fields=["kind", "reference"],
                condition=~Q(reference=""),
                name="credit_entry_once_a_reference",
            ),
            models.CheckConstraint(
                name="credit_entry_amounts_fit_its_kind",
                condition=Q(kind__in=["grant", "purchase"], amount__gte=0, reserved=0)
                | Q(kind="adjust", reserved=0)
                | Q(kind="expire", amount__lte=0, reserved=0)
                | Q(kind="dispute", reserved=0)
                | Q(kind="reserve", amount__lte=0, reserved=-models.F("amount"))
                | Q(kind="settle", amount=0, reserved__lte=0)
                | Q(kind="refund", amount__gte=0, reserved=-models.F("amount")),
            ),
            models.CheckConstraint(
                name="credit_entry_debt_by_disputes",
                condition=Q(debt=0) | Q(kind="dispute"),
            ),
            models.CheckConstraint(
                name="credit_entry_job_for_job_kinds",
                condition=Q(
                    kind__in=["reserve", "settle", "refund"], job_id__isnull=False
                )
                | Q(
                    kind__in=["grant", "purchase", "adjust", "expire", "dispute"],
                    job_id__isnull=True,
                ),
            ),
        ]

    def __str__(self) -> str:
        return f"{self.kind} {self.amount:+d}"
