"""The second step: codes, recovery codes, and passkeys that are none."""

import json
import re

import pytest
import time_machine
from allauth.mfa.adapter import get_adapter
from allauth.mfa.models import Authenticator
from allauth.mfa.totp.internal.auth import format_hotp_value, hotp_value
from django.test import Client
from django.urls import reverse

from tests.accounts.test_sign_in import is_signed_in, sign_in, sign_in_freshly

pytestmark = pytest.mark.django_db
START = 1_900_000_000


def code_at(secret, seconds):
    """Return what an authenticator app shows at that time."""
    return format_hotp_value(hotp_value(secret, int(seconds) // 30))


@pytest.fixture
def clock():
    """Stop the clock; codes are good for half a minute of it."""
    with time_machine.travel(START, tick=False) as traveller:
        yield traveller


@pytest.fixture
def secret(client, alice, clock):
    """Alice's authenticator app, turned on through the pages."""
    sign_in_freshly(client, "alice@example.org", "alice's password")
    page = reverse("mfa_activate_totp")
    html = client.get(page).content.decode()
    assert "data:image/svg+xml" in html
    (secret,) = re.findall(r"<code>(\w+)</code>", html)
    response = client.post(page, {"code": code_at(secret, START)})
    assert response.status_code == 302
    return secret


def test_wrong_code_does_not_turn_the_app_on(client, alice, clock):
    sign_in_freshly(client, "alice@example.org", "alice's password")
    page = reverse("mfa_activate_totp")
    client.get(page)
    for code in ("000000", "", "\x00", "x" * 5000, "\uff11" * 6):
        assert client.post(page, {"code": code}).status_code == 200
    assert not Authenticator.objects.exists()


def test_sign_in_asks_for_a_code_of_the_app(secret, clock):
    clock.shift(300)
    visitor = Client()
    response = sign_in(visitor, "alice@example.org", "alice's password")
    assert response.url == reverse("mfa_authenticate")
    assert not is_signed_in(visitor)
    visitor.post(response.url, {"code": "000000"})
    assert not is_signed_in(visitor)
    visitor.post(response.url, {"code": code_at(secret, START + 300)})
    assert is_signed_in(visitor)


def test_passkey_is_offered_to_those_alone_who_have_one(secret, clock):
    visitor = Client()
    page = sign_in(visitor, "alice@example.org", "alice's password").url
    assert "data-passkey" not in visitor.get(page).content.decode()


def test_code_counts_once(secret, clock):
    clock.shift(300)
    for is_first in (True, False):
        visitor = Client()
        response = sign_in(visitor, "alice@example.org", "alice's password")
        visitor.post(response.url, {"code": code_at(secret, START + 300)})
        assert is_signed_in(visitor) == is_first


def test_recovery_code_lets_in_once(client, secret):
    page = client.get(reverse("mfa_view_recovery_codes")).content.decode()
    codes = re.findall(r"<li><code>(\w+)</code></li>", page)
    assert len(codes) == 10
    for is_first in (True, False):
        visitor = Client()
        response = sign_in(visitor, "alice@example.org", "alice's password")
        visitor.post(response.url, {"code": codes[0]})
        assert is_signed_in(visitor) == is_first


def test_recovery_codes_can_be_saved_and_made_anew(client, secret):
    before = client.get(reverse("mfa_download_recovery_codes")).content
    assert client.get(reverse("mfa_generate_recovery_codes")).status_code == 200
    client.post(reverse("mfa_generate_recovery_codes"))
    assert client.get(reverse("mfa_download_recovery_codes")).content != before


def test_app_can_be_turned_off(client, secret):
    assert client.get(reverse("mfa_deactivate_totp")).status_code == 200
    client.post(reverse("mfa_deactivate_totp"))
    assert not Authenticator.objects.exists()
    assert sign_in(Client(), "alice@example.org", "alice's password").url == "/"


NO_CREDENTIALS = [
    "",
    "null",
    "[]",
    "7",
    '"x"',
    "{}",
    "{",
    "\x00",
    '{"id": "x", "rawId": "x", "response": {}, "type": "public-key"}',
    '{"id": 1, "rawId": [], "response": "x", "type": null}',
    json.dumps(
        {
            "id": "AAAA",
            "rawId": "AAAA",
            "type": "public-key",
            "response": {
                "clientDataJSON": "AAAA",
                "attestationObject": "oA",
                "authenticatorData": "AAAA",
                "signature": "%%%",
                "userHandle": "AAAA",
            },
        }
    ),
    json.dumps({"response": {"userHandle": "w6k"}, "rawId": "AAAA", "id": "AAAA"}),
    "[" * 3000,
]


@pytest.mark.parametrize("credential", NO_CREDENTIALS)
def test_made_up_passkey_does_not_sign_in(client, alice, credential):
    page = reverse("mfa_login_webauthn")
    client.get(page, headers={"accept": "application/json"})
    response = client.post(page, {"credential": credential}, follow=True)
    assert response.status_code == 200
    assert not is_signed_in(client)


@pytest.mark.parametrize("credential", NO_CREDENTIALS)
def test_made_up_passkey_is_not_added(client, alice, credential):
    sign_in_freshly(client, "alice@example.org", "alice's password")
    page = reverse("mfa_add_webauthn")
    assert client.get(page).status_code == 200
    response = client.post(page, {"name": "Key", "credential": credential})
    assert response.status_code == 200
    assert not Authenticator.objects.exists()


@pytest.mark.parametrize("credential", NO_CREDENTIALS)
def test_made_up_passkey_is_no_second_step(secret, credential):
    visitor = Client()
    page = sign_in(visitor, "alice@example.org", "alice's password").url
    visitor.get(page)
    assert visitor.post(page, {"credential": credential}).status_code == 200
    assert not is_signed_in(visitor)


def test_somebody_elses_passkey_is_not_found(client, alice, bob):
    key = Authenticator.objects.create(
        user=bob, type=Authenticator.Type.WEBAUTHN, data={"name": "Bob's"}
    )
    sign_in_freshly(client, "alice@example.org", "alice's password")
    for name in ("mfa_edit_webauthn", "mfa_remove_webauthn"):
        page = reverse(name, args=[key.pk])
        assert client.get(page).status_code == 404
        assert client.post(page, {"name": "mine"}).status_code == 404


def test_when_a_second_factor_is_kept_then_its_secret_lies_encrypted(secret, settings):
    kept = Authenticator.objects.get(type=Authenticator.Type.TOTP)
    assert secret not in str(kept.data)
    adapter = get_adapter()
    assert adapter.decrypt(kept.data["secret"]) == secret
    assert adapter.decrypt(secret) == secret  # as it was kept before
    settings.ENCRYPTION_KEYS = ["another"]
    assert secret not in adapter.decrypt(kept.data["secret"])
    assert len(adapter.decrypt(kept.data["secret"])) == 32
