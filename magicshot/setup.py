"""The first visit: whoever can read the console makes the owner's account.

Set-up is open until an admin with a usable password exists. It is guarded by a token
that lies in the data folder and is printed with the site's address; using it up takes
it away.
"""

import hmac
from collections.abc import Callable
from pathlib import Path
from typing import Any
from urllib.parse import urlencode

from allauth.account.models import EmailAddress
from allauth.account.utils import perform_login
from django import forms
from django.conf import settings
from django.contrib.auth.hashers import UNUSABLE_PASSWORD_PREFIX
from django.contrib.auth.password_validation import validate_password
from django.contrib.contenttypes.models import ContentType
from django.db import transaction
from django.db.models import QuerySet
from django.http import HttpRequest, HttpResponse, HttpResponseBase
from django.shortcuts import redirect, render
from django.urls import reverse
from django.views.decorators.cache import never_cache
from django.views.decorators.debug import sensitive_post_parameters
from django.views.decorators.http import require_http_methods

from accounts import ledger
from accounts.models import User
from magicshot.env import kept_secret

OWNER_EMAIL = "owner@localhost"
"""Whom the command line draws for before anybody has set the site up."""


class AlreadySetUp(Exception):
    """The site has an owner by now."""


def is_open() -> bool:
    """Say whether no admin can sign in by password yet."""
    admins = User.objects.filter(is_superuser=True, is_active=True)
    return not _with_password(admins).exists()


def token() -> str | None:
    """Return the one-time token, made if missing; None once the site is set up."""
    if not is_open():
        return None
    return kept_secret(_token_path(), num_bytes=32)


def address() -> str | None:
    """Return the link that sets the site up; None once it is."""
    if (found := token()) is None:
        return None
    return f"{settings.SITE_URL}{reverse('setup')}?{urlencode({'token': found})}"


def ensure_owner() -> User:
    """Return the site's first admin; one without a password if there is none.

    Set-up stays open for such an owner and hands it, with its pictures, to whoever
    completes it.
    """
    with transaction.atomic():
        _lock()
        owner = _owners().first()
        if owner is None:
            owner = User.objects.create_superuser(OWNER_EMAIL)
    ledger.wallet_of(owner)
    return owner


class SetUpForm(forms.Form):
    """Who will own the site. ``token`` is what the console printed."""

    token = forms.CharField(
        label="Set-up token",
        max_length=100,
        widget=forms.TextInput(attrs={"autocomplete": "off", "spellcheck": "false"}),
        help_text="Printed in the console where the site was started.",
    )
    email = forms.EmailField(
        label="E-mail address",
        max_length=254,
        widget=forms.EmailInput(attrs={"autocomplete": "username"}),
    )
    password = forms.CharField(
        label="Password",
        max_length=1000,
        strip=False,
        widget=forms.PasswordInput(attrs={"autocomplete": "new-password"}),
        help_text="At least 8 characters, nothing common.",
    )

    def clean_token(self) -> str:
        """Compare in constant time with the token in the data folder."""
        given: str = self.cleaned_data["token"].strip()
        if not hmac.compare_digest(given.encode(), (token() or "").encode()):
            raise forms.ValidationError(
                "This is not the token of this site. Copy it from the console again."
            )
        return given

    def clean_email(self) -> str:
        """Refuse the address of somebody who signed up before."""
        email: str = self.cleaned_data["email"].lower()
        taken = User.objects.filter(email__iexact=email)
        if taken.exclude(pk__in=_owners()).exists():
            raise forms.ValidationError(
                "Somebody signed up with this address already. Choose another."
            )
        return email

    def clean(self) -> dict[str, Any]:
        """Hold the password against the rules, the address among them."""
        cleaned: dict[str, Any] = super().clean() or {}
        if "password" in cleaned:
            try:
                validate_password(
                    cleaned["password"], User(email=cleaned.get("email", ""))
                )
            except forms.ValidationError as error:
                self.add_error("password", error)
        return cleaned


@never_cache
@sensitive_post_parameters()
@require_http_methods(["GET", "HEAD", "POST"])
def set_up(request: HttpRequest) -> HttpResponseBase:
    """Make the owner, once, for whoever has the token, and sign them in."""
    if not is_open():
        return redirect("/")
    if request.method == "POST":
        form = SetUpForm(request.POST)
        if form.is_valid():
            try:
                owner = _make_owner(**form.cleaned_data)
            except AlreadySetUp:
                return redirect("account_login")
            response: HttpResponseBase = perform_login(
                request, owner, email_verification="none", redirect_url="/"
            )
            return response
        return _page(request, form, status=422)
    token()  # where only the web server runs, the first look writes it
    return _page(request, SetUpForm(initial={"token": request.GET.get("token", "")}))


def send_to_set_up(
    get_response: Callable[[HttpRequest], HttpResponseBase],
) -> Callable[[HttpRequest], HttpResponseBase]:
    """Send strangers who open the front page to set-up while the site has no owner.

    The last of ``MIDDLEWARE``, and synchronous: with that Django runs all of it in one
    thread, also on the asynchronous server. Otherwise each one changes threads twice.
    """

    def answer(request: HttpRequest) -> HttpResponseBase:
        if request.path == "/" and _is_sent_away(request):
            return redirect("setup")
        return get_response(request)

    return answer


def _is_sent_away(request: HttpRequest) -> bool:
    return request.user.is_anonymous and is_open()


def _page(request: HttpRequest, form: SetUpForm, *, status: int = 200) -> HttpResponse:
    return render(request, "magicshot/setup.html", {"form": form}, status=status)


def _make_owner(*, token: str, email: str, password: str) -> User:
    """Adopt the owner without a password, or make one. Raises AlreadySetUp."""
    with transaction.atomic():
        _lock()
        if not is_open():
            raise AlreadySetUp
        owner = _owners().first() or User(is_staff=True, is_superuser=True)
        owner.email = email
        owner.set_password(password)
        owner.save()
        EmailAddress.objects.filter(user=owner).delete()
        EmailAddress.objects.create(
            user=owner, email=email, primary=True, verified=True
        )
        ledger.wallet_of(owner)
    _token_path().unlink(missing_ok=True)
    return owner


def _owners() -> QuerySet[User]:
    return User.objects.filter(is_superuser=True, is_active=True).order_by("pk")


def _with_password(users: QuerySet[User]) -> QuerySet[User]:
    return users.exclude(password="").exclude(
        password__startswith=UNUSABLE_PASSWORD_PREFIX
    )


def _lock() -> None:
    """Let one at a time past here until its transaction ends, on every web server.

    The row of the User table's content type is there in each migrated database, and
    nobody else locks it. SQLite's immediate transactions do the same by themselves.
    """
    ContentType.objects.select_for_update().get(app_label="accounts", model="user")


def _token_path() -> Path:
    return Path(settings.MAGICSHOT_HOME) / "setup_token"
