"""Passkeys, the password button and the admin, in a real browser."""

import pytest
from allauth.mfa.models import Authenticator
from django.contrib import admin
from django.db.models import Model
from django.urls import reverse

from accounts import ledger
from accounts.models import User
from gallery.models import Image
from generators.models import GenerationJob, ImageModel
from tests import factories
from tests.accounts.chromium import chromium, watch
from tests.gallery.making import make_image

pytestmark = [pytest.mark.browser, pytest.mark.django_db(transaction=True)]
PASSWORD = "alice's password"


@pytest.fixture
def site(live_server, settings):
    """The address of a running site that knows its own name."""
    settings.SITE_URL = live_server.url
    settings.ACCOUNT_DEFAULT_HTTP_PROTOCOL = "http"
    return live_server.url


def sign_in(page, site, email="alice@example.org", password=PASSWORD):
    """Sign in through the form. The front page would open a stream; stay off it."""
    page.goto(f"{site}/accounts/login/?next=/accounts/sessions/")
    page.get_by_label("E-mail address").fill(email)
    page.get_by_label("Password", exact=True).fill(password)
    page.get_by_role("button", name="Sign in", exact=True).click()
    page.wait_for_url(f"{site}/accounts/sessions/")


def add_virtual_key(page):
    """Plug a key with a fingerprint reader into the browser."""
    session = page.context.new_cdp_session(page)
    session.send("WebAuthn.enable")
    session.send(
        "WebAuthn.addVirtualAuthenticator",
        {
            "options": {
                "protocol": "ctap2",
                "transport": "internal",
                "hasResidentKey": True,
                "hasUserVerification": True,
                "isUserVerified": True,
                "automaticPresenceSimulation": True,
            }
        },
    )


def add_passkey(page, site, *, alone=True):
    """Add a passkey through the pages, proving the password once more."""
    page.goto(f"{site}/accounts/2fa/webauthn/add/")
    page.get_by_label("Password", exact=True).fill(PASSWORD)
    page.get_by_role("button", name="Go on").click()
    page.get_by_label("Name").fill("Blue key")
    page.get_by_label("Sign in with this alone").set_checked(alone)
    page.get_by_role("button", name="Add it").click()
    page.wait_for_url("**/recovery-codes/**")


def sign_out(page, site):
    """Sign out through the page."""
    page.goto(f"{site}/accounts/logout/")
    page.get_by_role("button", name="Sign out").last.click()
    page.wait_for_url(lambda url: "logout" not in url)


def test_passkey_is_added_and_signs_in_alone(site, alice):
    ledger.wallet_of(alice)
    troubles: list[str] = []
    with chromium() as context:
        page = context.new_page()
        watch(page, troubles)
        add_virtual_key(page)
        sign_in(page, site)
        add_passkey(page, site)
        page.goto(f"{site}/accounts/2fa/webauthn/")
        assert page.get_by_role("heading", name="Blue key").is_visible()
        sign_out(page, site)
        page.goto(f"{site}/accounts/login/?next=/accounts/2fa/")
        page.get_by_role("button", name="Sign in with a passkey").click()
        page.wait_for_url(f"{site}/accounts/2fa/")
    assert troubles == []
    key = Authenticator.objects.get(type=Authenticator.Type.WEBAUTHN)
    assert key.user == alice
    assert key.last_used_at is not None


def test_key_that_is_a_second_step_only_is_asked_for_after_the_password(site, alice):
    ledger.wallet_of(alice)
    troubles: list[str] = []
    with chromium() as context:
        page = context.new_page()
        watch(page, troubles)
        add_virtual_key(page)
        sign_in(page, site)
        add_passkey(page, site, alone=False)
        sign_out(page, site)
        page.goto(f"{site}/accounts/login/?next=/accounts/email/")
        page.get_by_label("E-mail address").fill("alice@example.org")
        page.get_by_label("Password", exact=True).fill(PASSWORD)
        page.get_by_role("button", name="Sign in", exact=True).click()
        page.get_by_role("button", name="Use a passkey or security key").click()
        page.wait_for_url(f"{site}/accounts/email/")
    assert troubles == []


def test_passkey_that_is_not_there_is_told_in_words(site):
    with chromium() as context:
        page = context.new_page()
        add_virtual_key(page)
        page.goto(f"{site}/accounts/login/")
        page.get_by_role("button", name="Sign in with a passkey").click()
        page.get_by_text("Nothing was chosen").wait_for()
        assert page.get_by_role("button", name="Sign in with a passkey").is_enabled()


def test_password_can_be_looked_at_and_is_hidden_before_it_is_sent(site):
    with chromium() as context:
        page = context.new_page()
        page.goto(f"{site}/accounts/signup/")
        field = page.get_by_label("Password", exact=True)
        field.fill("12345678")
        page.get_by_role("button", name="Show what is typed").click()
        assert field.get_attribute("type") == "text"
        page.evaluate(
            "document.addEventListener('submit', (event) => event.preventDefault())"
        )
        page.get_by_label("E-mail address").fill("carol@example.org")
        page.get_by_role("button", name="Create account").click()
        assert field.get_attribute("type") == "password"


def test_admin_breaks_no_policy(site, alice, staff):
    ledger.wallet_of(staff)
    ledger.grant(ledger.wallet_of(alice), 100, reference="test")
    job = factories.make_job(alice)
    image = make_image(alice, job_id=job.public_id)
    adjusting = reverse("admin:accounts_wallet_adjust_credits", args=[alice.wallet.pk])
    paths = [reverse("admin:index"), adjusting]
    for model in admin.site._registry:
        meta = model._meta
        paths.append(reverse(f"admin:{meta.app_label}_{meta.model_name}_changelist"))
    rows: list[Model] = [alice, alice.wallet, job, image, *ImageModel.objects.all()[:1]]
    for row in rows:
        meta = row._meta
        paths.append(
            reverse(f"admin:{meta.app_label}_{meta.model_name}_change", args=[row.pk])
        )
    assert {GenerationJob, Image, User} <= set(admin.site._registry)
    troubles: list[str] = []
    with chromium(viewport={"width": 1280, "height": 720}) as context:
        page = context.new_page()
        watch(page, troubles)
        sign_in(page, site, "stan@example.org", "stan's password")
        for path in paths:
            page.goto(site + path)
            page.wait_for_load_state("networkidle")
            assert page.get_by_role("heading").first.is_visible(), path
            assert troubles == [], path
