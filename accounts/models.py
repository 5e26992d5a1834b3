"""People, their wallets, and the invitations that let them in."""

import secrets
from datetime import datetime, timedelta
from typing import Any, ClassVar, NoReturn

from django.conf import settings
from django.contrib.auth.models import AbstractUser, UserManager
from django.db import models
from django.db.models import Q
from django.db.models.functions import Lower
from django.utils import timezone


class PersonManager(UserManager["User"]):
    """Creates people by e-mail address."""

    def _create_user(self, email: str, password: str | None, **fields: Any) -> "User":
        if not email:
            raise ValueError("An e-mail address is required.")
        user = self.model(email=self.normalize_email(email).lower(), **fields)
        if password:
            user.set_password(password)
        else:
            user.set_unusable_password()
        user.save(using=self._db)
        return user

    def create_user(  # type: ignore[override]
        self, email: str, password: str | None = None, **fields: Any
    ) -> "User":
        """Create a person; without a password they cannot sign in by one."""
        return self._create_user(email, password, **fields)

    def create_superuser(  # type: ignore[override]
        self, email: str, password: str | None = None, **fields: Any
    ) -> "User":
        """Create an admin who may do everything."""
        fields |= {"is_staff": True, "is_superuser": True}
        return self._create_user(email, password, **fields)

    def get_by_natural_key(self, username: str | None) -> "User":
        """Find a person by e-mail in any case."""
        return self.get(email__iexact=username)


class User(AbstractUser):
    """A person who signs in by e-mail."""

    username = None  # type: ignore[assignment]
    first_name = None  # type: ignore[assignment]
    last_name = None  # type: ignore[assignment]
    email = models.EmailField("e-mail address", unique=True)
    name = models.CharField(max_length=100, blank=True)

    objects: ClassVar[PersonManager] = PersonManager()

    USERNAME_FIELD = "email"
    REQUIRED_FIELDS: ClassVar[list[str]] = []

    class Meta:
        constraints = [
            models.UniqueConstraint(
                Lower("email"),
                name="user_email_unique_in_any_case",
                violation_error_message="Somebody already uses this e-mail address.",
            )
        ]

    def __str__(self) -> str:
        return self.email

    def get_full_name(self) -> str:
        """Return the name, or the e-mail address without one."""
        return self.name or self.email

    def get_short_name(self) -> str:
        """Return the name, or what stands before the @ of the e-mail address."""
        return self.name or self.email.partition("@")[0]


class Wallet(models.Model):
    """Holds credits. ``balance`` may be spent, ``reserved`` is set aside for jobs.

    Both are caches of the ledger: ``sum(entries.amount) == balance`` and
    ``sum(entries.reserved) == reserved``.
    """

    # The ledger outlives the person: a deleted account leaves an ownerless wallet.
    user = models.OneToOneField(
        settings.AUTH_USER_MODEL,
        on_delete=models.SET_NULL,
        null=True,
        blank=True,
        related_name="wallet",
    )
    balance = models.BigIntegerField(default=0)
    reserved = models.BigIntegerField(default=0)

    class Meta:
        constraints = [
            models.CheckConstraint(
                condition=Q(balance__gte=0), name="wallet_balance_not_negative"
            ),
            models.CheckConstraint(
                condition=Q(reserved__gte=0), name="wallet_reserved_not_negative"
            ),
        ]

    def __str__(self) -> str:
        return f"Wallet of {self.user}" if self.user else f"Wallet {self.pk}"


class AppendOnly(Exception):
    """Somebody tried to change or delete what is only ever added to."""

    def __init__(self) -> None:
        super().__init__("Credit entries are never changed or deleted; add another.")


class CreditEntryQuerySet(models.QuerySet["CreditEntry"]):
    """Refuses to change rows. PostgreSQL refuses too, by a trigger."""

    def update(self, **kwargs: Any) -> NoReturn:
        """Raise ``AppendOnly``."""
        raise AppendOnly

    def delete(self) -> NoReturn:
        """Raise ``AppendOnly``."""
        raise AppendOnly


class CreditEntry(models.Model):
    """One row of the append-only ledger, in whole credits.

    ``amount`` is what it adds to the wallet's balance, ``reserved`` what it adds to the
    credits set aside: a reservation of 8 is (-8, +8), a settlement of 6 (0, -6), a
    refund of 2 (+2, -2).
    """

    class Kind(models.TextChoices):
        GRANT = "grant"
        RESERVE = "reserve"
        SETTLE = "settle"
        REFUND = "refund"
        ADJUST = "adjust"

    wallet = models.ForeignKey(Wallet, on_delete=models.PROTECT, related_name="entries")
    kind = models.CharField(max_length=16, choices=Kind)
    amount = models.BigIntegerField()
    reserved = models.BigIntegerField(default=0)
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
            models.Index(fields=["wallet", "-id"], name="credit_entry_of_wallet")
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
                condition=Q(kind="grant", amount__gte=0, reserved=0)
                | Q(kind="adjust", reserved=0)
                | Q(kind="reserve", amount__lte=0, reserved=-models.F("amount"))
                | Q(kind="settle", amount=0, reserved__lte=0)
                | Q(kind="refund", amount__gte=0, reserved=-models.F("amount")),
            ),
            models.CheckConstraint(
                name="credit_entry_job_for_job_kinds",
                condition=Q(
                    kind__in=["reserve", "settle", "refund"], job_id__isnull=False
                )
                | Q(kind__in=["grant", "adjust"], job_id__isnull=True),
            ),
        ]

    def __str__(self) -> str:
        return f"{self.kind} {self.amount:+d}"

    def save(self, *args: Any, **kwargs: Any) -> None:
        """Add the row. Raise ``AppendOnly`` if it is there already."""
        if not self._state.adding:
            raise AppendOnly
        super().save(*args, **kwargs)

    def delete(self, *args: Any, **kwargs: Any) -> NoReturn:
        """Raise ``AppendOnly``."""
        raise AppendOnly


def new_invitation_token() -> str:
    """Return 256 random bits, safe in a link."""
    return secrets.token_urlsafe(32)


def invitation_expiry() -> datetime:
    """Return when an invitation made now expires unless told otherwise: in 14 days."""
    return timezone.now() + timedelta(days=14)


class InvitationQuerySet(models.QuerySet["Invitation"]):
    """Finds invitations that still count."""

    def usable(self) -> "InvitationQuerySet":
        """Keep those that nobody has accepted and that have not expired."""
        return self.filter(accepted_at__isnull=True, expires_at__gt=timezone.now())


class Invitation(models.Model):
    """Lets one person sign up once while sign-up is by invitation.

    With an ``email`` only that address may use it; without one, whoever has the link.
    """

    token = models.CharField(
        max_length=64, unique=True, default=new_invitation_token, editable=False
    )
    email = models.EmailField("e-mail address", blank=True)
    invited_by = models.ForeignKey(
        settings.AUTH_USER_MODEL,
        on_delete=models.SET_NULL,
        null=True,
        blank=True,
        related_name="invitations",
    )
    created_at = models.DateTimeField(auto_now_add=True)
    expires_at = models.DateTimeField(default=invitation_expiry)
    accepted_at = models.DateTimeField(null=True, blank=True)
    accepted_by = models.OneToOneField(
        settings.AUTH_USER_MODEL,
        on_delete=models.SET_NULL,
        null=True,
        blank=True,
        related_name="accepted_invitation",
    )

    objects = InvitationQuerySet.as_manager()

    class Meta:
        ordering = ["-id"]

    def __str__(self) -> str:
        return self.email or f"Invitation {self.pk}"
