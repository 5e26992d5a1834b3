"""Who may sign up, and what a new account starts with."""

from concurrent.futures import ThreadPoolExecutor
from datetime import timedelta

import pytest
from allauth.account.models import EmailAddress
from django.core import checks
from django.db import connection
from django.test import Client, override_settings
from django.urls import reverse
from django.utils import timezone

from accounts.models import Invitation, User, Wallet

pytestmark = pytest.mark.django_db
PASSWORD = "correct horse 7"


def sign_up(client, email="carol@example.org", password=PASSWORD):
    """Fill the form in and send it."""
    return client.post(
        reverse("account_signup"), {"email": email, "password1": password}
    )


def open_invitation(client, invitation):
    """Open an invitation's link."""
    return client.get(reverse("accounts:invitation-accept", args=[invitation.token]))


def test_signing_up_makes_a_person_with_credits_and_signs_them_in(client, settings):
    settings.SIGN_UP_CREDITS = 42
    response = sign_up(client, "Carol@Example.ORG")
    assert (response.status_code, response.url) == (302, "/")
    carol = User.objects.get()
    assert carol.email == "carol@example.org"
    assert not carol.is_staff
    assert Wallet.objects.get(user=carol).balance == 42
    assert client.session["_auth_user_id"] == str(carol.pk)


def test_taken_address_in_another_case_is_refused(client, alice):
    response = sign_up(client, "ALICE@example.org")
    assert response.status_code == 200
    assert "already" in response.content.decode()
    assert User.objects.count() == 1


@pytest.mark.parametrize(
    ("email", "password"),
    [
        ("", PASSWORD),
        ("no address", PASSWORD),
        ("a@b", PASSWORD),
        ("a\x00b@example.org", PASSWORD),
        ("a\ud800@example.org", PASSWORD),
        ("a\r\nBcc: x@example.org", PASSWORD),
        (f"{'a' * 300}@example.org", PASSWORD),
        ("carol@example.org", ""),
        ("carol@example.org", "12345678"),
        ("carol@example.org", "short7"),
        ("carol@example.org", "password"),
        ("carol@example.org", "carol@example.org"),
        ("carol@example.org", "with\x00nul in it"),
    ],
)
def test_bad_input_is_an_error_of_the_form(client, email, password):
    email = email.encode("utf-8", "surrogatepass")
    response = sign_up(client, email, password)
    assert response.status_code == 200
    assert "errorlist" in response.content.decode()
    assert not User.objects.exists()


def test_closed_site_takes_nobody(client, settings):
    settings.SIGN_UP = "closed"
    assert "closed" in client.get(reverse("account_signup")).content.decode()
    sign_up(client)
    assert not User.objects.exists()
    assert reverse("account_signup") not in (
        client.get(reverse("account_login")).content.decode()
    )


def test_stranger_cannot_sign_up_where_invitations_are_needed(client, settings):
    settings.SIGN_UP = "invitation"
    assert "invitation" in client.get(reverse("account_signup")).content.decode()
    sign_up(client)
    assert not User.objects.exists()


def test_invitation_lets_one_person_in_once(client, settings, staff):
    settings.SIGN_UP = "invitation"
    invitation = Invitation.objects.create(invited_by=staff)
    response = open_invitation(client, invitation)
    assert response.url == reverse("account_signup")
    sign_up(client)
    carol = User.objects.get(email="carol@example.org")
    invitation.refresh_from_db()
    assert invitation.accepted_by == carol
    assert open_invitation(Client(), invitation).status_code == 404


def test_two_who_share_a_link_are_one_person_in_the_end(settings):
    settings.SIGN_UP = "invitation"
    invitation = Invitation.objects.create()
    first, second = Client(), Client()
    open_invitation(first, invitation)
    open_invitation(second, invitation)
    sign_up(first, "first@example.org")
    response = sign_up(second, "second@example.org")
    assert response.status_code == 200
    assert [user.email for user in User.objects.all()] == ["first@example.org"]


def test_invitation_for_an_address_is_for_that_address(client, settings):
    settings.SIGN_UP = "invitation"
    invitation = Invitation.objects.create(email="Dora@example.org")
    open_invitation(client, invitation)
    assert "This invitation is for" in sign_up(client).content.decode()
    assert sign_up(client, "dora@example.org").status_code == 302


def test_who_is_signed_in_needs_no_invitation(client, alice):
    client.force_login(alice)
    invitation = Invitation.objects.create()
    assert open_invitation(client, invitation).url == "/"
    assert Invitation.objects.usable().exists()


def test_expired_or_made_up_invitations_lead_nowhere(client, settings):
    settings.SIGN_UP = "invitation"
    expired = Invitation.objects.create(expires_at=timezone.now() - timedelta(days=1))
    assert open_invitation(client, expired).status_code == 404
    for path in ("x", "%00", "a" * 2000, "%ED%A0%80"):
        response = client.get(f"/accounts/invitation/{path}/")
        assert response.status_code == 404
    sign_up(client)
    assert not User.objects.exists()


def test_invitation_that_expires_while_the_form_is_filled_in_is_refused(
    client, settings
):
    settings.SIGN_UP = "invitation"
    invitation = Invitation.objects.create()
    open_invitation(client, invitation)
    Invitation.objects.update(expires_at=timezone.now())
    sign_up(client)
    assert not User.objects.exists()


@pytest.mark.usefixtures("_mail")
def test_address_must_be_confirmed_where_mail_can_be_sent(client, mailoutbox):
    response = sign_up(client)
    assert response.url == reverse("account_email_verification_sent")
    assert "_auth_user_id" not in client.session
    (message,) = mailoutbox
    path = next(
        word.removeprefix("http://localhost:8000")
        for word in message.body.split()
        if "confirm-email" in word
    )
    assert "Is this you?" in client.get(path).content.decode()
    assert client.post(path).status_code == 302
    assert EmailAddress.objects.get().verified


@pytest.mark.usefixtures("_mail")
def test_made_up_confirmation_links_are_no_server_error(client):
    for key in ("x", "MQ:1abc:xyz", "a" * 500):
        response = client.get(f"/accounts/confirm-email/{key}/")
        assert response.status_code == 200
        assert "has ended" in response.content.decode()


@pytest.mark.django_db(transaction=True)
def test_double_press_makes_one_person():
    def press(_):
        try:
            return sign_up(Client()).status_code
        finally:
            connection.close()

    with ThreadPoolExecutor(4) as pool:
        statuses = list(pool.map(press, range(4)))
    assert max(statuses) < 500
    assert User.objects.count() == Wallet.objects.count() == 1


def test_settings_that_cannot_work_are_system_errors(settings):
    settings.SIGN_UP = "sometimes"
    settings.SIGN_UP_CREDITS = -1
    found = {message.id for message in checks.run_checks(tags=["security"])}
    assert {"accounts.E001", "accounts.E002"} <= found


def test_open_sign_up_without_mail_is_warned_of_before_deployment(settings):
    def warned():
        found = checks.run_checks(include_deployment_checks=True)
        return "accounts.W001" in {message.id for message in found}

    settings.EMAIL_IS_SET, settings.SIGN_UP, settings.SIGN_UP_CREDITS = False, "open", 5
    assert warned()
    assert "accounts.W001" not in {message.id for message in checks.run_checks()}
    for way_out in (
        {"EMAIL_IS_SET": True},
        {"SIGN_UP": "closed"},
        {"SIGN_UP_CREDITS": 0},
    ):
        with override_settings(**way_out):
            assert not warned()
