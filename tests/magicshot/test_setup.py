"""The first visit makes one owner, for whoever can read the console."""

from concurrent.futures import ThreadPoolExecutor

import pytest
from allauth.account.models import EmailAddress
from asgiref.sync import async_to_sync
from django.core.cache import cache
from django.db import connection
from django.test import AsyncClient, Client
from django.urls import reverse

from accounts.models import User
from magicshot import setup

pytestmark = pytest.mark.django_db
PASSWORD = "correct horse 7"


@pytest.fixture(autouse=True)
def _own_home(settings, tmp_path):
    settings.MAGICSHOT_HOME = tmp_path / "home"
    settings.MAGICSHOT_HOME.mkdir()
    cache.clear()


def send(client, token=None, email="olive@example.org", password=PASSWORD):
    """Fill the form in and send it; by default with the right token."""
    token = setup.token() if token is None else token
    data = {"token": token, "email": email, "password": password}
    return client.post(reverse("setup"), data)


def test_front_page_sends_strangers_to_set_up(client):
    assert client.get("/").url == reverse("setup")
    assert client.get(reverse("account_login")).status_code == 200


@pytest.mark.django_db(transaction=True)
def test_front_page_sends_strangers_to_set_up_on_the_asynchronous_server():
    get = async_to_sync(AsyncClient().get)
    assert get("/").headers["Location"] == reverse("setup")
    assert get(reverse("account_login")).status_code == 200


def test_address_carries_the_token_into_the_form(client, settings):
    settings.SITE_URL = "http://localhost:8123"
    address = setup.address() or ""
    assert address.startswith("http://localhost:8123/setup/?token=")
    page = client.get(address.removeprefix("http://localhost:8123"))
    assert f'value="{setup.token()}"' in page.content.decode()
    assert "unsafe" not in page.headers["Content-Security-Policy"]
    assert "no-store" in page.headers["Cache-Control"]


def test_first_look_at_the_page_writes_the_token(client, settings):
    assert client.get(reverse("setup")).status_code == 200
    assert (settings.MAGICSHOT_HOME / "setup_token").exists()


def test_token_is_kept_private_and_stays_the_same(settings):
    token = setup.token()
    path = settings.MAGICSHOT_HOME / "setup_token"
    assert path.stat().st_mode & 0o777 == 0o600
    assert setup.token() == token == path.read_text()
    assert len(token or "") >= 43


def test_token_makes_the_owner_and_signs_them_in(client, settings):
    response = send(client)
    assert (response.status_code, response.url) == (302, "/")
    owner = User.objects.get()
    assert owner.is_superuser
    assert owner.is_staff
    assert owner.check_password(PASSWORD)
    assert owner.wallet.balance == settings.SIGN_UP_CREDITS
    assert client.session["_auth_user_id"] == str(owner.pk)
    assert EmailAddress.objects.get(user=owner).verified


def test_set_up_is_over_once_there_is_an_owner(client, settings):
    token = setup.token()
    send(client, token)
    assert setup.token() is setup.address() is None
    assert not (settings.MAGICSHOT_HOME / "setup_token").exists()
    stranger = Client()
    assert stranger.get(reverse("setup")).headers["Location"] == "/"
    assert send(stranger, token, "mallory@example.org").url == "/"
    assert stranger.get("/").status_code == 200
    assert User.objects.count() == 1


@pytest.mark.parametrize("token", ["", "x", "é", "\x00", "a" * 5000, "0" * 43])
def test_wrong_token_makes_nobody(client, token):
    setup.token()
    response = send(client, token)
    assert response.status_code == 422
    assert "errorlist" in response.content.decode()
    assert not User.objects.exists()


@pytest.mark.parametrize(
    ("email", "password"),
    [
        ("", PASSWORD),
        ("no address", PASSWORD),
        ("a\x00@example.org", PASSWORD),
        (f"{'a' * 300}@example.org", PASSWORD),
        ("olive@example.org", ""),
        ("olive@example.org", "12345678"),
        ("olive@example.org", "olive@example.org"),
        ("olive@example.org", "nul\x00nul\x00nul"),
    ],
)
def test_bad_input_is_an_error_of_the_form(client, email, password):
    response = send(client, None, email, password)
    assert response.status_code == 422
    assert "errorlist" in response.content.decode()
    assert not User.objects.exists()
    assert PASSWORD not in response.content.decode()


def test_owner_of_the_command_line_is_adopted(client):
    owner = setup.ensure_owner()
    assert setup.ensure_owner() == owner
    assert not owner.has_usable_password()
    assert setup.is_open()
    send(client)
    adopted = User.objects.get()
    assert (adopted.pk, adopted.email) == (owner.pk, "olive@example.org")
    assert not setup.is_open()


def test_ensure_owner_returns_the_admin_there_is(client):
    send(client)
    assert setup.ensure_owner().email == "olive@example.org"


def test_admin_who_cannot_sign_in_does_not_close_set_up(staff):
    assert not setup.is_open()
    staff.is_active = False
    staff.save()
    assert setup.is_open()


def test_somebody_elses_address_is_not_taken_over(client, alice):
    response = send(client, None, "Alice@example.org")
    assert response.status_code == 422
    alice.refresh_from_db()
    assert not alice.is_superuser
    assert alice.check_password("alice's password")


def test_people_who_are_signed_in_use_the_site_before_it_is_set_up(client, alice):
    client.force_login(alice)
    assert client.get("/").status_code == 200


@pytest.mark.django_db(transaction=True)
def test_posts_at_once_make_one_owner():
    token = setup.token()

    def post(number):
        try:
            return send(Client(), token, f"olive{number}@example.org").status_code
        finally:
            connection.close()

    with ThreadPoolExecutor(5) as pool:
        statuses = list(pool.map(post, range(5)))
    assert max(statuses) < 500
    assert User.objects.filter(is_superuser=True).count() == 1
    assert EmailAddress.objects.count() == 1


@pytest.mark.django_db(transaction=True)
def test_owners_made_at_once_are_one():
    def make(_):
        try:
            return setup.ensure_owner().pk
        finally:
            connection.close()

    with ThreadPoolExecutor(5) as pool:
        assert len(set(pool.map(make, range(5)))) == 1
    assert User.objects.count() == 1
