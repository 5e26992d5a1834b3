"""What tests of the Create page do in a browser."""

from playwright.sync_api import expect

WAIT_MS = 20_000


def press(page, prompt):
    """Ask for a picture; return the batch that shows it. `!` begins a fake's orders."""
    page.fill("#prompt", prompt)
    page.click(".composer__go")
    batch = page.locator("[data-batch]", has_text=prompt.split(" !")[0]).first
    expect(batch).to_be_visible()
    return batch


def done(batch):
    """Wait until the batch shows a picture."""
    expect(batch.locator("a.tile")).not_to_have_count(0, timeout=WAIT_MS)


def choose(page, *slugs):
    """Choose models for the form as a link does."""
    query = "&".join(f"image_model={slug}" for slug in slugs)
    page.goto(page.url.partition("?")[0] + f"?{query}")
    expect(page.locator("[data-picker-button]")).to_be_visible()
