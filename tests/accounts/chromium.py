"""Starts the Debian package's Chromium for tests that need a real browser."""

import shutil
from collections.abc import Iterator
from contextlib import contextmanager

from playwright.sync_api import BrowserContext, sync_playwright

ARGUMENTS = [
    "--no-sandbox",
    "--disable-gpu",
    "--no-first-run",
    "--disable-background-networking",
    "--disable-component-update",
    "--disable-sync",
]


@contextmanager
def chromium(**options) -> Iterator[BrowserContext]:
    """Yield an empty profile. Ask the database nothing inside: a loop runs there."""
    path = shutil.which("chromium")
    assert path, "Install the package chromium."
    with sync_playwright() as playwright:
        browser = playwright.chromium.launch(executable_path=path, args=ARGUMENTS)
        context = browser.new_context(**options)
        context.set_default_timeout(30_000)
        yield context
        browser.close()


def watch(page, troubles: list[str]) -> None:
    """Collect what the page complains of: policy violations and script errors."""
    page.on("pageerror", lambda error: troubles.append(str(error)))
    page.on(
        "console",
        lambda message: (
            troubles.append(message.text)
            if message.type == "error" or "Content Security" in message.text
            else None
        ),
    )
