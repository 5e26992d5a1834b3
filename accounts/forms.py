"""Forms that differ from allauth's."""

import struct
from typing import Any

from allauth.account.forms import AddEmailForm
from allauth.account.models import EmailAddress
from allauth.mfa.webauthn.forms import (
    AddWebAuthnForm,
    AuthenticateWebAuthnForm,
    LoginWebAuthnForm,
    ReauthenticateWebAuthnForm,
)
from django.conf import settings
from django.core.exceptions import ValidationError
from django.db import transaction
from django.http import HttpRequest

from accounts.models import User


class ChangeEmailForm(AddEmailForm):  # type: ignore[misc]
    """Changes the address at once on a site that cannot send mail to confirm it."""

    user: User

    def clean_email(self) -> str:
        """Refuse somebody else's address; without mail nothing else would."""
        email: str = super().clean_email()
        others = User.objects.filter(email__iexact=email).exclude(pk=self.user.pk)
        if not settings.EMAIL_IS_SET and others.exists():
            raise ValidationError("Somebody already uses this e-mail address.")
        return email

    def save(self, request: HttpRequest) -> EmailAddress:
        """Send the confirmation, or change the address where none can be sent."""
        if settings.EMAIL_IS_SET:
            return super().save(request)
        email = self.cleaned_data["email"]
        with transaction.atomic():
            self.user.email = email
            self.user.save(update_fields=["email"])
            EmailAddress.objects.filter(user=self.user).delete()
            return EmailAddress.objects.create(
                user=self.user, email=email, primary=True, verified=False
            )


UNREADABLE = (
    AttributeError,
    IndexError,
    KeyError,
    RecursionError,
    TypeError,
    ValueError,
    struct.error,
)
"""What allauth and fido2 let through when a passkey's answer is made up."""


class ReadableCredential:
    """Turns an answer that is no passkey's into a message instead of a server error."""

    data: Any

    def full_clean(self) -> None:
        """Validate; an unreadable credential is an error of the form."""
        try:
            super().full_clean()  # type: ignore[misc]
        except UNREADABLE:
            self.data = {**self.data.dict(), "credential": ""}  # not to be read again
            self.cleaned_data: dict[str, Any] = {}
            self.add_error(  # type: ignore[attr-defined]
                None, "The answer of this passkey could not be read. Please try again."
            )


class AddPasskeyForm(ReadableCredential, AddWebAuthnForm):  # type: ignore[misc]
    """Adds a passkey or security key; one that signs in alone unless told otherwise."""

    def __init__(self, *args: Any, **kwargs: Any) -> None:
        super().__init__(*args, **kwargs)
        self.fields["passwordless"].initial = True


class AuthenticatePasskeyForm(ReadableCredential, AuthenticateWebAuthnForm):  # type: ignore[misc]
    """Checks a key as the second factor."""


class LoginPasskeyForm(ReadableCredential, LoginWebAuthnForm):  # type: ignore[misc]
    """Signs in by passkey alone."""


class ReauthenticatePasskeyForm(ReadableCredential, ReauthenticateWebAuthnForm):  # type: ignore[misc]
    """Checks a key again before something delicate."""
