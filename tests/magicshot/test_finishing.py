"""Wrong requests get pages of ours, and people's pages stay out of shared caches."""

import asyncio
import logging

import pytest
from django.conf import settings
from django.db import InterfaceError, OperationalError
from django.test import AsyncClient, Client
from django.urls import reverse

from tests.accounts.test_sign_in import sign_in_freshly

pytestmark = pytest.mark.django_db(transaction=True)
PASSWORD = "alice's password"


def test_a_wrong_method_gets_a_page_with_a_way_back(client, alice):
    client.force_login(alice)
    response = client.get(reverse("gallery:trash-empty"))
    assert response.status_code == 405
    assert response["Allow"] == "POST"
    assert 'class="error-page"' in response.content.decode()
    assert reverse("gallery:gallery-list") in response.content.decode()


def test_a_wrong_method_gets_its_page_from_the_asynchronous_server_too(alice):
    client = AsyncClient()
    client.force_login(alice)
    response = asyncio.run(client.get(reverse("gallery:trash-empty")))
    assert response.status_code == 405
    assert 'class="error-page"' in response.content.decode()


def test_a_form_in_an_unreadable_encoding_is_a_bad_request():
    strict = Client(enforce_csrf_checks=True)
    strict.get(reverse("account_login"))  # brings the cookie
    response = strict.post(
        reverse("account_login"),
        b"login=x",
        content_type="application/x-www-form-urlencoded; charset=utf-7",
    )
    assert response.status_code == 400
    assert "did not arrive in one piece" in response.content.decode()


@pytest.mark.parametrize(
    ("error", "status", "words"),
    [
        (
            OperationalError("couldn't get a connection after 10.00 sec"),
            503,
            "try again",
        ),
        (InterfaceError("connection already closed"), 503, "nothing was charged"),
        (ValueError("a mistake of ours"), 500, "Something broke on our side"),
    ],
)
@pytest.mark.parametrize("is_asynchronous", [False, True])
def test_a_database_that_is_away_says_when_to_come_back(
    alice, monkeypatch, error, status, words, is_asynchronous
):
    def fail(*_, **__):
        raise error

    client_class = AsyncClient if is_asynchronous else Client
    client = client_class(raise_request_exception=False)
    client.force_login(alice)
    monkeypatch.setattr("django.contrib.sessions.backends.db.SessionStore.load", fail)
    address = reverse("gallery:gallery-list")
    response = (
        asyncio.run(client.get(address)) if is_asynchronous else client.get(address)
    )
    assert response.status_code == status
    assert words in response.content.decode()
    assert response.get("Retry-After") == ("5" if status == 503 else None)


def test_a_missing_page_keeps_the_navigation_of_people(client, alice):
    gallery = reverse("gallery:gallery-list")
    assert gallery not in client.get("/nothing/").content.decode()
    client.force_login(alice)
    response = client.get("/nothing/")
    assert response.status_code == 404
    assert gallery in response.content.decode()


def test_pages_of_people_are_checked_before_they_are_shown_again(client, alice):
    client.force_login(alice)
    for name in ("gallery:gallery-list", "account_email", "usersessions_list"):
        assert client.get(reverse(name))["Cache-Control"] == "private, no-cache"


def test_secrets_are_never_kept(client, alice):
    sign_in_freshly(client, alice.email, PASSWORD)
    for name in ("mfa_activate_totp", "mfa_view_recovery_codes"):
        assert client.get(reverse(name))["Cache-Control"] == "private, no-store"


def test_mistakes_of_visitors_are_not_logged_but_ours_are():
    loggers = settings.LOGGING["loggers"]
    assert loggers["django.request"]["level"] == "ERROR"
    assert not logging.getLogger("django.request").isEnabledFor(logging.WARNING)
    assert logging.getLogger("django.request").isEnabledFor(logging.ERROR)
    for name in ("DisallowedHost", "TooManyFieldsSent", "TooManyFilesSent"):
        logger = logging.getLogger(f"django.security.{name}")
        assert not logger.isEnabledFor(logging.ERROR)
