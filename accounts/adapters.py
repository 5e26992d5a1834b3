"""What allauth asks us: who may sign up, and what a new account starts with."""

import base64
import logging
import secrets
from dataclasses import dataclass
from typing import Any
from urllib.parse import urljoin, urlsplit

from allauth.account.adapter import DefaultAccountAdapter
from allauth.core import context
from allauth.core.exceptions import ImmediateHttpResponse
from allauth.mfa.adapter import DefaultMFAAdapter
from allauth.mfa.models import Authenticator
from django.conf import settings
from django.core.exceptions import ValidationError
from django.db import IntegrityError, transaction
from django.forms import BaseForm
from django.http import HttpRequest, HttpResponseBase
from django.shortcuts import redirect

from accounts import encryption, invitations, ledger
from accounts.models import User

logger = logging.getLogger(__name__)


@dataclass(frozen=True, slots=True, kw_only=True)
class Site:
    """What mail says of the site, whichever host name the visitor used."""

    name: str
    domain: str


class AccountAdapter(DefaultAccountAdapter):  # type: ignore[misc]
    """Sign-up that is open, by invitation or closed, and comes with a wallet."""

    def is_open_for_signup(self, request: HttpRequest) -> bool:
        """Say whether this visitor may sign up now."""
        if settings.SIGN_UP == "invitation":
            return invitations.held_by(request) is not None
        return bool(settings.SIGN_UP == "open")

    def clean_email(self, email: str) -> str:
        """Refuse an address that is not the invited one, when one is named."""
        invitation = invitations.held_by(context.request)
        is_signing_up = not context.request.user.is_authenticated
        if (
            is_signing_up
            and invitation is not None
            and invitation.email
            and invitation.email.lower() != email.lower()
        ):
            raise ValidationError(f"This invitation is for {invitation.email}.")
        return email

    def save_user(
        self, request: HttpRequest, user: User, form: BaseForm, commit: bool = True
    ) -> User:
        """Save the person, use up the invitation and grant the first credits, or none."""
        try:
            with transaction.atomic():
                super().save_user(request, user, form, commit=True)
                if not invitations.accept(request, user) and (
                    settings.SIGN_UP == "invitation"
                ):
                    raise ImmediateHttpResponse(redirect("account_signup"))
                ledger.wallet_of(user)
        except IntegrityError as error:  # a double press: the other one was first
            raise ImmediateHttpResponse(redirect("account_login")) from error
        return user

    def post_login(
        self, request: HttpRequest, user: User, **options: Any
    ) -> HttpResponseBase:
        """Give those whom a command made their wallet before any page shows it."""
        ledger.wallet_of(user)
        response: HttpResponseBase = super().post_login(request, user, **options)
        return response

    def send_mail(
        self, template_prefix: str, email: str, context: dict[str, Any]
    ) -> None:
        """Name the site, and link to it, as the settings do: the Host header may lie."""
        links = {
            name: urljoin(settings.SITE_URL, urlsplit(link).path)
            for name, link in context.items()
            if name.endswith("_url")
        }
        site = Site(name=settings.SITE_NAME, domain=urlsplit(settings.SITE_URL).netloc)
        super().send_mail(
            template_prefix, email, context | links | {"current_site": site}
        )

    def _get_login_attempts_cache_key(
        self, request: HttpRequest, **credentials: Any
    ) -> str:
        """Count wrong passwords by address alone: allauth's key has the Host header."""
        return str(credentials.get("email", "")).lower()


class MFAAdapter(DefaultMFAAdapter):  # type: ignore[misc]
    """Second factors that carry the site's name, and keys bound to its host.

    The secrets of authenticator apps and recovery codes are encrypted at rest.
    """

    def encrypt(self, text: str) -> str:
        """Return a secret as it may lie in the database."""
        return encryption.encrypt(text)

    def decrypt(self, encrypted_text: str) -> str:
        """Return a secret; one that was kept before secrets were encrypted is itself.

        For one whose key is lost it is a fresh one, whose codes nobody has.
        """
        if not encryption.is_encrypted(encrypted_text):
            return encrypted_text
        try:
            return encryption.decrypt(encrypted_text)
        except encryption.CannotDecrypt:
            logger.error("A second factor was kept under another ENCRYPTION_KEYS.")
            return base64.b32encode(secrets.token_bytes(20)).decode()

    def generate_authenticator_name(self, user: User, type: Authenticator.Type) -> str:
        """Propose a name for the next key."""
        count = Authenticator.objects.filter(user=user, type=type).count()
        return f"Passkey {count + 1}" if count else "Passkey"

    def get_public_key_credential_rp_entity(self) -> dict[str, str]:
        """Return whom passkeys belong to: the host of ``SITE_URL``."""
        return {
            "id": urlsplit(settings.SITE_URL).hostname or "localhost",
            "name": settings.SITE_NAME,
        }
