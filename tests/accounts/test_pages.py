"""Every page around sign-in keeps the strict content security policy."""

import re

import pytest
from allauth.mfa.models import Authenticator
from django.urls import reverse

from tests.accounts.test_sign_in import sign_in_freshly

pytestmark = pytest.mark.django_db

OUTSIDE = (
    "account_login",
    "account_signup",
    "account_reset_password",
    "account_reset_password_done",
    "account_reset_password_from_key_done",
    "account_email_verification_sent",
    "account_inactive",
)
INSIDE = (
    "account_email",
    "account_change_password",
    "account_logout",
    "account_reauthenticate",
    "mfa_index",
    "mfa_activate_totp",
    "mfa_add_webauthn",
    "mfa_list_webauthn",
    "usersessions_list",
)
INLINE = re.compile(
    r"<script(?![^>]*\bsrc=)(?![^>]*application/json)|<style|\sstyle=|\son\w+="
)


def check(response):
    """Fail on anything the policy would stop, and on a page that is not ours."""
    assert response.status_code == 200
    html = response.content.decode()
    assert not INLINE.search(html)
    assert "css/tokens.css" in html
    policy = response.headers["Content-Security-Policy"]
    assert "script-src 'self'" in policy.split("; ")
    assert "unsafe" not in policy


@pytest.mark.parametrize("name", OUTSIDE)
def test_page_for_strangers_is_ours(client, name):
    check(client.get(reverse(name)))


@pytest.mark.parametrize("name", INSIDE)
def test_page_for_people_is_ours(client, alice, name):
    sign_in_freshly(client, "alice@example.org", "alice's password")
    check(client.get(reverse(name)))


@pytest.mark.parametrize("name", INSIDE)
def test_page_for_people_asks_strangers_to_sign_in(client, name):
    response = client.get(reverse(name))
    assert response.status_code == 302
    assert response.url.startswith((reverse("account_login"), "/"))


def test_page_for_people_without_a_password_is_ours(client, alice):
    alice.set_unusable_password()
    alice.save()
    client.force_login(alice)
    check(client.get(reverse("account_set_password")))


def test_pages_of_recovery_codes_are_ours(client, alice):
    sign_in_freshly(client, "alice@example.org", "alice's password")
    Authenticator.objects.create(
        user=alice, type=Authenticator.Type.TOTP, data={"secret": "JBSWY3DPEHPK3PXP"}
    )
    check(client.get(reverse("mfa_generate_recovery_codes")))
    client.post(reverse("mfa_generate_recovery_codes"))
    check(client.get(reverse("mfa_view_recovery_codes")))
    check(client.get(reverse("mfa_reauthenticate")))
    check(client.get(reverse("mfa_deactivate_totp")))
