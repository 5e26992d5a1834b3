"""What is sold for money, who bought it, and what Stripe has told of it.

Nothing here moves credits: ``accounts.billing`` does, by the ledger. Amounts are whole
numbers of a currency's smallest unit, as Stripe counts: cents, yen.
"""

import uuid

from django.db import models
from django.db.models import Q
from django.utils import timezone

from accounts.models.wallets import MAX_CREDITS, Wallet

MAX_AMOUNT = 99_999_999
"""The most that Stripe takes at once. https://docs.stripe.com/currencies"""


class OfferQuerySet(models.QuerySet["Offer"]):
    """Finds what may be bought."""

    def on_sale(self, *, livemode: bool) -> "OfferQuerySet":
        """Return what people may buy with keys of that mode."""
        return self.filter(active=True, livemode=livemode).exclude(stripe_price="")


class Offer(models.Model):
    """Credits for money: a pack, once, or a plan, each month. One price at Stripe.

    Credits and amount never change: take an offer off sale and add another.
    """

    class Kind(models.TextChoices):
        PACK = "pack", "pack, bought once"
        PLAN = "plan", "plan, paid each month"

    kind = models.CharField(max_length=8, choices=Kind, default=Kind.PACK)
    name = models.CharField(max_length=60)
    credits = models.BigIntegerField(help_text="Credits for each payment.")
    amount = models.PositiveIntegerField(help_text="In the currency's smallest unit.")
    currency = models.CharField(max_length=3, help_text="As usd, eur, jpy.")
    active = models.BooleanField("on sale", default=True)
    order = models.PositiveIntegerField(default=100)
    livemode = models.BooleanField(default=False, editable=False)
    stripe_price = models.CharField(max_length=255, blank=True, editable=False)
    created_at = models.DateTimeField(auto_now_add=True)

    objects = OfferQuerySet.as_manager()

    class Meta:
        ordering = ["order", "amount", "id"]
        constraints = [
            models.CheckConstraint(
                condition=Q(credits__gte=1, credits__lte=MAX_CREDITS),
                name="offer_credits_in_range",
            ),
            models.CheckConstraint(
                condition=Q(amount__gte=1, amount__lte=MAX_AMOUNT),
                name="offer_amount_in_range",
            ),
            models.UniqueConstraint(
                fields=["stripe_price"],
                condition=~Q(stripe_price=""),
                name="offer_once_a_stripe_price",
            ),
        ]

    def __str__(self) -> str:
        return self.name


class Customer(models.Model):
    """A wallet as Stripe knows it, in test or live mode."""

    wallet = models.ForeignKey(
        Wallet, on_delete=models.PROTECT, related_name="customers"
    )
    livemode = models.BooleanField()
    stripe_id = models.CharField(max_length=255, unique=True)
    created_at = models.DateTimeField(auto_now_add=True)

    class Meta:
        constraints = [
            models.UniqueConstraint(
                fields=["wallet", "livemode"], name="customer_once_a_wallet_and_mode"
            )
        ]

    def __str__(self) -> str:
        return self.stripe_id


class Order(models.Model):
    """One wish to pay: a press on Buy, or an automatic top-up.

    The row is there before Stripe is asked; ``public_id`` is the idempotency key, so
    that however often it is asked, one session or payment comes of it.
    """

    class Kind(models.TextChoices):
        CHECKOUT = "checkout"
        TOP_UP = "top-up"

    class Status(models.TextChoices):
        OPEN = "open"
        PENDING = "pending", "payment on its way"
        PAID = "paid"
        FAILED = "failed"
        EXPIRED = "expired"

    public_id = models.UUIDField(default=uuid.uuid4, unique=True, editable=False)
    kind = models.CharField(max_length=16, choices=Kind)
    customer = models.ForeignKey(
        Customer, on_delete=models.PROTECT, related_name="orders"
    )
    offer = models.ForeignKey(Offer, on_delete=models.PROTECT, related_name="orders")
    status = models.CharField(max_length=8, choices=Status, default=Status.OPEN)
    keeps_card = models.BooleanField(default=False)
    stripe_id = models.CharField(
        max_length=255, blank=True, help_text="Of the session or the payment."
    )
    url = models.URLField(max_length=2000, blank=True)
    failure = models.CharField(max_length=200, blank=True)
    created_at = models.DateTimeField(default=timezone.now)

    class Meta:
        ordering = ["-id"]
        indexes = [models.Index(fields=["customer", "-id"], name="order_of_customer")]
        constraints = [
            models.UniqueConstraint(
                fields=["stripe_id"],
                condition=~Q(stripe_id=""),
                name="order_once_a_stripe_object",
            ),
            models.UniqueConstraint(
                fields=["customer"],
                condition=Q(kind="top-up", status__in=["open", "pending"]),
                name="order_one_top_up_at_once",
            ),
        ]

    def __str__(self) -> str:
        return f"{self.kind} {self.public_id}"


class Purchase(models.Model):
    """Money that came, and the credits that it brought: once a Stripe object.

    ``taken_back`` of the credits left again, by refunds and disputes. ``num_looks`` is
    how often Stripe was asked about it: see ``accounts.billing.fresh``.
    """

    wallet = models.ForeignKey(
        Wallet, on_delete=models.PROTECT, related_name="purchases"
    )
    customer = models.ForeignKey(
        Customer, on_delete=models.PROTECT, related_name="purchases"
    )
    offer = models.ForeignKey(Offer, on_delete=models.PROTECT, related_name="purchases")
    stripe_id = models.CharField(
        max_length=255, unique=True, help_text="The session, invoice or payment."
    )
    payment_intent = models.CharField(max_length=255, blank=True, db_index=True)
    credits = models.BigIntegerField()
    amount = models.PositiveIntegerField(help_text="What was paid, taxes included.")
    currency = models.CharField(max_length=3)
    taken_back = models.BigIntegerField(default=0)
    refunded = models.PositiveIntegerField(default=0, help_text="Money given back.")
    disputed = models.PositiveIntegerField(
        default=0, help_text="Money that a dispute holds or took."
    )
    num_looks = models.PositiveIntegerField(default=0, editable=False)
    livemode = models.BooleanField()
    made_at = models.DateTimeField(help_text="When Stripe's object was made.")
    created_at = models.DateTimeField(auto_now_add=True)

    class Meta:
        ordering = ["-id"]
        indexes = [
            models.Index(fields=["wallet", "-id"], name="purchase_of_wallet"),
            models.Index(fields=["made_at"], name="purchase_by_time"),
        ]
        constraints = [
            models.CheckConstraint(
                condition=Q(taken_back__gte=0, taken_back__lte=models.F("credits")),
                name="purchase_takes_back_what_it_brought",
            )
        ]

    def __str__(self) -> str:
        return self.stripe_id


class Subscription(models.Model):
    """A plan that somebody pays each month, as Stripe last told of it."""

    class Status(models.TextChoices):
        """Stripe's own words."""

        INCOMPLETE = "incomplete"
        INCOMPLETE_EXPIRED = "incomplete_expired"
        TRIALING = "trialing"
        ACTIVE = "active"
        PAST_DUE = "past_due"
        CANCELED = "canceled"
        UNPAID = "unpaid"
        PAUSED = "paused"

    customer = models.ForeignKey(
        Customer, on_delete=models.PROTECT, related_name="subscriptions"
    )
    offer = models.ForeignKey(
        Offer, on_delete=models.PROTECT, related_name="subscriptions"
    )
    stripe_id = models.CharField(max_length=255, unique=True)
    status = models.CharField(max_length=24, choices=Status)
    ends_at_period_end = models.BooleanField(default=False)
    period_ends_at = models.DateTimeField(null=True, blank=True)
    num_looks = models.PositiveIntegerField(default=0, editable=False)
    updated_at = models.DateTimeField(auto_now=True)

    class Meta:
        ordering = ["-id"]

    def __str__(self) -> str:
        return self.stripe_id


class TopUp(models.Model):
    """Buys a pack by itself when a balance falls below a mark, up to a sum a month."""

    customer = models.OneToOneField(
        Customer, on_delete=models.PROTECT, related_name="top_up"
    )
    offer = models.ForeignKey(Offer, on_delete=models.PROTECT, related_name="+")
    below = models.PositiveIntegerField(help_text="Credits.")
    monthly_cap = models.PositiveIntegerField(
        help_text="The most it may pay in a month, in the smallest unit."
    )
    enabled = models.BooleanField(default=True)
    stopped_because = models.CharField(max_length=200, blank=True)

    class Meta:
        indexes = [
            models.Index(
                fields=["id"], condition=Q(enabled=True), name="top_up_enabled"
            )
        ]

    def __str__(self) -> str:
        return f"{self.offer} below {self.below}"


class StripeEvent(models.Model):
    """News of Stripe's, once an id: what changed, not how. The object is fetched again."""

    class Status(models.TextChoices):
        WAITING = "waiting"
        HANDLED = "handled"
        IGNORED = "ignored", "not about us"
        FAILED = "failed", "needs a look"

    stripe_id = models.CharField(max_length=255, unique=True)
    type = models.CharField(max_length=100)
    object_id = models.CharField(max_length=255)
    livemode = models.BooleanField()
    status = models.CharField(max_length=8, choices=Status, default=Status.WAITING)
    num_attempts = models.PositiveIntegerField(default=0)
    next_attempt_at = models.DateTimeField(default=timezone.now)
    told = models.CharField(
        "what became of it", max_length=300, blank=True, editable=False
    )
    happened_at = models.DateTimeField(help_text="As Stripe says.")
    received_at = models.DateTimeField(auto_now_add=True)

    class Meta:
        ordering = ["-id"]
        indexes = [
            models.Index(
                fields=["next_attempt_at"],
                condition=Q(status="waiting"),
                name="stripe_event_waiting",
            )
        ]

    def __str__(self) -> str:
        return f"{self.type} {self.stripe_id}"
