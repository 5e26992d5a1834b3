"""People, and the groups they belong to."""

from typing import Any, ClassVar

from django.contrib.auth.models import AbstractUser, UserManager
from django.db import models
from django.db.models import Q
from django.db.models.functions import Lower


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


class Group(models.Model):
    """People with quotas, and perhaps credits, of their own: a class, a team, a family.

    Not Django's own group, which bundles the rights of staff.
    """

    name = models.CharField(max_length=100, unique=True)
    shares_credits = models.BooleanField(
        default=False,
        help_text="Members spend the group's credits instead of their own.",
    )
    created_at = models.DateTimeField(auto_now_add=True)

    class Meta:
        ordering = ["name"]

    def __str__(self) -> str:
        return self.name


class User(AbstractUser):
    """A person who signs in by e-mail."""

    username = None  # type: ignore[assignment]
    first_name = None  # type: ignore[assignment]
    last_name = None  # type: ignore[assignment]
    email = models.EmailField("e-mail address", unique=True)
    name = models.CharField(max_length=100, blank=True)
    group = models.ForeignKey(
        Group,
        on_delete=models.SET_NULL,
        null=True,
        blank=True,
        related_name="members",
        help_text="Whose quotas, and perhaps credits, count for this person.",
    )
    deletion_due_at = models.DateTimeField(
        null=True,
        blank=True,
        editable=False,
        help_text="When the account is deleted; written by accounts.deletions alone.",
    )

    objects: ClassVar[PersonManager] = PersonManager()

    USERNAME_FIELD = "email"
    REQUIRED_FIELDS: ClassVar[list[str]] = []

    class Meta:
        permissions = [("impersonate_user", "Can look at the site as somebody")]
        indexes = [
            models.Index(
                fields=["deletion_due_at"],
                name="user_to_be_deleted",
                condition=Q(deletion_due_at__isnull=False),
            )
        ]
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
