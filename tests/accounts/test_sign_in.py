"""Signing in and out, lockout, and getting back in."""

import re
from urllib.parse import parse_qs, urlsplit

import pytest
from allauth.account.models import EmailAddress
from django.test import Client
from django.urls import reverse

from accounts.models import User, Wallet

pytestmark = pytest.mark.django_db
NEW = "another horse 8"


def sign_in(client, email, password, **more):
    """Fill the sign-in form in and send it."""
    data = {"login": email, "password": password, **more}
    return client.post(reverse("account_login"), data)


def sign_in_freshly(client, email, password):
    """Sign in and prove it once more, as delicate changes ask."""
    sign_in(client, email, password)
    client.post(reverse("account_reauthenticate"), {"password": password})


def is_signed_in(client):
    """Say whether the client's session belongs to somebody."""
    return "_auth_user_id" in client.session


def reset_link(message):
    """Return the path of the link in a reset mail."""
    (link,) = re.findall(r"http://localhost:8000(/\S+)", message.body)
    return link


@pytest.mark.parametrize("email", ["alice@example.org", "ALICE@EXAMPLE.org"])
def test_right_password_signs_in(client, alice, email):
    response = sign_in(client, email, "alice's password")
    assert (response.status_code, response.url) == (302, "/")
    assert is_signed_in(client)


def test_person_whom_a_command_made_has_a_wallet_once_signed_in(client, staff):
    sign_in(client, "stan@example.org", "stan's password")
    assert Wallet.objects.get(user=staff).balance == 100


@pytest.mark.parametrize(
    ("email", "password"),
    [
        ("alice@example.org", "wrong"),
        ("nobody@example.org", "alice's password"),
        ("", ""),
        ("\x00", "\x00"),
        ("a" * 5000, "b" * 5000),
        ("alice@example.org", "\x00"),
        ("%s%n{{7*7}}", "' OR 1=1 --"),
    ],
)
def test_anything_else_is_an_error_of_the_form(client, alice, email, password):
    response = sign_in(client, email, password)
    assert response.status_code == 200
    assert not is_signed_in(client)


def test_unknown_and_wrong_are_told_alike(client, alice):
    def words(response):
        return re.findall(r'role="alert">([^<]+)', response.content.decode())

    wrong = sign_in(client, "alice@example.org", "wrong")
    unknown = sign_in(client, "nobody@example.org", "wrong")
    assert words(wrong) == words(unknown) != []


def test_after_five_wrong_tries_even_the_right_password_waits(client, alice):
    for _ in range(5):
        sign_in(client, "alice@example.org", "wrong")
    response = sign_in(Client(), "alice@example.org", "alice's password")
    assert "Too many failed" in response.content.decode()
    assert not is_signed_in(client)


def test_lockout_of_one_is_not_a_lockout_of_another(client, alice, bob):
    for _ in range(5):
        sign_in(client, "alice@example.org", "wrong")
    assert sign_in(client, "bob@example.org", "bob's password").status_code == 302


@pytest.mark.parametrize(
    ("target", "expected"),
    [
        ("/gallery/", "/gallery/"),
        ("https://evil.example/", "/"),
        ("//evil.example/", "/"),
        ("javascript:alert(1)", "/"),
    ],
)
def test_sign_in_goes_on_to_this_site_alone(client, alice, target, expected):
    response = sign_in(client, "alice@example.org", "alice's password", next=target)
    assert response.url == expected


def test_disabled_account_cannot_sign_in(client, alice):
    alice.is_active = False
    alice.save()
    sign_in(client, "alice@example.org", "alice's password")
    assert not is_signed_in(client)


def test_signing_out_takes_a_press(client, alice):
    sign_in(client, "alice@example.org", "alice's password")
    client.get(reverse("account_logout"))
    assert is_signed_in(client)
    client.post(reverse("account_logout"))
    assert not is_signed_in(client)


def test_forgotten_password_is_chosen_anew_once(client, alice, mailoutbox):
    client.post(reverse("account_reset_password"), {"email": "alice@example.org"})
    link = reset_link(mailoutbox[0])
    form = client.get(link, follow=True)
    answer = client.post(
        form.redirect_chain[-1][0], {"password1": NEW, "password2": NEW}
    )
    assert answer.status_code == 302
    alice.refresh_from_db()
    assert alice.check_password(NEW)
    replay = Client().get(link, follow=True)
    assert "This link has ended" in replay.content.decode()


def test_reset_for_a_stranger_looks_the_same(client, alice):
    def ask(email):
        response = client.post(reverse("account_reset_password"), {"email": email})
        return response.status_code, response.url

    assert ask("nobody@example.org") == ask("alice@example.org")


@pytest.mark.parametrize(
    "key", ["0-x", "zzzzzzzzzzzzzzzz-x", "1-set-password", "1-%00"]
)
def test_made_up_reset_links_are_no_server_error(client, alice, key):
    response = client.get(f"/accounts/password/reset/key/{key}/", follow=True)
    assert response.status_code == 200
    assert "This link has ended" in response.content.decode()


def test_changing_the_password_signs_other_devices_out(client, alice):
    sign_in(client, "alice@example.org", "alice's password")
    other = Client()
    sign_in(other, "alice@example.org", "alice's password")
    client.post(
        reverse("account_change_password"),
        {"oldpassword": "alice's password", "password1": NEW, "password2": NEW},
    )
    page = reverse("account_email")
    assert client.get(page).status_code == 200
    assert other.get(page).status_code == 302


def test_other_devices_can_be_signed_out(client, alice):
    sign_in(client, "alice@example.org", "alice's password")
    other = Client(HTTP_USER_AGENT="Mozilla/5.0 (iPhone) Version/19.0 Safari/605.1")
    sign_in(other, "alice@example.org", "alice's password")
    page = reverse("usersessions_list")
    assert "Safari on iPhone" in client.get(page).content.decode()
    client.post(page)
    assert client.get(page).status_code == 200
    assert other.get(page).status_code == 302


def test_address_changes_at_once_where_no_mail_can_be_sent(client, alice):
    sign_in_freshly(client, "alice@example.org", "alice's password")
    page = reverse("account_email")
    client.post(page, {"action_add": "", "email": "New@example.org"})
    alice.refresh_from_db()
    assert alice.email == "new@example.org"
    assert [a.email for a in EmailAddress.objects.filter(user=alice)] == [alice.email]
    assert sign_in(Client(), alice.email, "alice's password").status_code == 302


def test_changing_the_address_asks_for_the_password_again(client, alice):
    sign_in(client, "alice@example.org", "alice's password")
    page = reverse("account_email")
    response = client.post(page, {"action_add": "", "email": "new@example.org"})
    assert response.url.startswith(reverse("account_reauthenticate"))
    alice.refresh_from_db()
    assert alice.email == "alice@example.org"


def test_somebody_elses_address_cannot_be_taken(client, alice, bob):
    sign_in(client, "alice@example.org", "alice's password")
    page = reverse("account_email")
    response = client.post(page, {"action_add": "", "email": "BOB@example.org"})
    assert response.status_code == 200
    assert set(User.objects.values_list("email", flat=True)) == {
        "alice@example.org",
        "bob@example.org",
    }


@pytest.mark.usefixtures("_mail")
def test_address_changes_once_confirmed_where_mail_can_be_sent(
    client, alice, mailoutbox
):
    EmailAddress.objects.create(
        user=alice, email=alice.email, primary=True, verified=True
    )
    sign_in_freshly(client, "alice@example.org", "alice's password")
    page = reverse("account_email")
    client.post(page, {"action_add": "", "email": "new@example.org"})
    alice.refresh_from_db()
    assert alice.email == "alice@example.org"
    assert "Waiting for you to confirm" in client.get(page).content.decode()
    client.post(reset_link(mailoutbox[-1]))
    alice.refresh_from_db()
    assert alice.email == "new@example.org"


def test_too_many_requests_get_our_own_page(client, settings):
    settings.ACCOUNT_RATE_LIMITS = {"signup": "1/m/ip"}
    page = reverse("account_signup")
    client.post(page)
    response = client.post(page)
    assert response.status_code == 429
    assert "Too many tries" in response.content.decode()


@pytest.mark.parametrize(
    ("headers", "page"),
    [
        (
            {"HX-Request": "true", "HX-Current-URL": "http://testserver/?job=1"},
            "/?job=1",
        ),
        ({"Referer": "http://testserver/gallery/?tag=red"}, "/gallery/?tag=red"),
        ({"Referer": "http://evil.example.org/gallery/"}, "/"),
        ({"Referer": "http://testserver//evil.example.org/x"}, "/"),
        ({"Referer": "http://testserver////evil.example.org/x"}, "/"),
        ({"Referer": "http://testserver/\\evil.example.org/x"}, "/"),
        ({"Referer": "http://testserver"}, "/"),
        ({"HX-Request": "true", "HX-Current-URL": "http://["}, "/"),
        ({"Referer": "http://testserver/trash/empty/"}, "/"),
        ({}, "/"),
    ],
)
def test_after_a_press_without_a_session_one_comes_back_to_the_page(
    client, headers, page
):
    response = client.post(reverse("gallery:trash-empty"), headers=headers)
    address = urlsplit(response["Location"])
    assert address.path == reverse("account_login")
    assert parse_qs(address.query) == {"next": [page]}


def test_mail_names_the_site_of_the_settings_and_not_of_the_visitor(
    client, alice, mailoutbox, settings
):
    settings.SITE_URL, settings.SITE_NAME = "https://pictures.example.org", "Pictures"
    for address in ("alice@example.org", "nobody@example.org"):
        client.post(
            reverse("account_reset_password"),
            {"email": address},
            headers={"Host": "localhost:9999"},
        )
    assert len(mailoutbox) == 2
    for message in mailoutbox:
        assert "localhost" not in message.body
        assert "Hello from Pictures!" in message.body
        assert "https://pictures.example.org/accounts/" in message.body


def test_lockout_counts_an_address_under_every_name_of_the_site(client, alice):
    for port in range(6):
        response = client.post(
            reverse("account_login"),
            {"login": alice.email, "password": "wrong"},
            headers={"Host": f"localhost:{port + 1}"},
        )
    assert "Too many failed login attempts" in response.content.decode()
