"""A real Chromium, and people who look into its console."""

from collections.abc import Iterator
from pathlib import Path

import pytest
from playwright.sync_api import Browser, BrowserContext, Page, expect, sync_playwright

from tests.e2e.site import Site

CHROMIUM = "/usr/bin/chromium"
ARGUMENTS = [
    "--headless",
    "--no-sandbox",
    "--disable-gpu",
    "--disable-quic",
    "--no-first-run",
    "--disable-background-networking",
    "--disable-component-update",
    "--disable-sync",
]
PASSWORD = "correct horse battery"


class Visitor:
    """A person with a browser of their own; ``complaints`` is what its console said."""

    def __init__(self, browser: Browser, site: Site) -> None:
        self.site = site
        self.context: BrowserContext = browser.new_context(
            base_url=site.url, viewport={"width": 1280, "height": 720}
        )
        self.context.set_default_timeout(30_000)
        self.complaints: list[str] = []
        self.page = self.tab()

    def tab(self) -> Page:
        """Open one more tab."""
        page = self.context.new_page()
        page.on(
            "console",
            lambda said: self._hear(said.type, f"{said.text} {said.location}"),
        )
        page.on("pageerror", lambda error: self._hear("error", str(error)))
        return page

    def _hear(self, kind: str, text: str) -> None:
        if kind in {"error", "warning"}:
            self.complaints.append(text)

    def sign_up(self, email: str) -> None:
        """Make an account and land on the Create page."""
        self.page.goto("/accounts/signup/")
        self.page.fill("input[type=email]", email)
        self.page.fill("input[type=password]", PASSWORD)
        self.page.get_by_role("button", name="Create account").click()
        self.page.locator("#prompt").wait_for()

    def ask_for(self, prompt: str, *, model: str | None = None) -> None:
        """Choose a model by its slug, type words and press Generate."""
        if model is not None:
            self.page.locator("[data-picker-button]").click()
            self.page.locator(f"[role=option][data-value='{model}']").click()
        self.page.locator("#prompt").fill(prompt)
        self.page.get_by_role("button", name="Generate").click()


@pytest.fixture(scope="module")  # Playwright runs a loop: one at a time, closed after
def browser() -> Iterator[Browser]:
    """Debian's Chromium, headless."""
    expect.set_options(timeout=30_000)
    with sync_playwright() as playwright:
        chromium = playwright.chromium.launch(executable_path=CHROMIUM, args=ARGUMENTS)
        yield chromium
        chromium.close()


@pytest.fixture
def site(tmp_path: Path) -> Iterator[Site]:
    """A fresh site, nothing in it, with the real Spark."""
    site = Site(tmp_path / "home").ready()
    yield site
    site.stop()


@pytest.fixture(scope="module")
def toy_site(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Site]:
    """A fresh site with the fake provider, whose jobs last as long as a test asks."""
    home = tmp_path_factory.mktemp("toy") / "home"
    site = Site(home, FAKE_PROVIDER="1", SIGN_UP_CREDITS="1000").ready()
    yield site
    site.stop()
