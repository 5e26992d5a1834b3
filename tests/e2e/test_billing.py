"""A limit that stops, a pack that is bought, a picture, a receipt, a refund."""

import pytest
from playwright.sync_api import Browser, Page, expect

from tests.e2e.conftest import PASSWORD, Visitor
from tests.e2e.site import Site
from tests.e2e.test_first_picture import set_up
from tests.fakes.stripe import StripeFake

pytestmark = [pytest.mark.browser, pytest.mark.timeout(240)]


@pytest.fixture
def stripe_fake():
    with StripeFake() as fake:
        yield fake


@pytest.fixture
def shop(tmp_path, stripe_fake):
    """A site that sells by the fake Stripe, with models that draw test cards."""
    site = Site(
        tmp_path / "home",
        FAKE_PROVIDER="1",
        SIGN_UP_CREDITS="8",
        STRIPE_API_URL=stripe_fake.url,
        STRIPE_SECRET_KEY=stripe_fake.KEY,
        STRIPE_WEBHOOK_SECRET=stripe_fake.WEBHOOK_SECRET,
    ).ready()
    stripe_fake.webhooks.url = f"{site.url}/billing/webhook/"
    yield site
    site.stop()


def put_on_sale(page: Page) -> None:
    page.goto("/admin/accounts/offer/add/")
    page.fill("[name=name]", "Handful")
    page.fill("[name=credits]", "100")
    page.fill("[name=price]", "5.00")
    page.fill("[name=currency]", "usd")
    page.get_by_role("button", name="Save", exact=True).click()
    expect(page.locator("#result_list")).to_contain_text("$5.00")
    expect(page.locator("#result_list")).to_contain_text("on sale")


def limit(page: Page, images_per_day: int) -> None:
    """Set the person's quota, as an admin does."""
    page.goto("/admin/accounts/quota/")
    link = page.locator("#result_list a[href*='/change/']").first
    if link.count():
        link.click()
    else:
        page.goto("/admin/accounts/quota/add/")
        choose_person(page, "pat@example.org")
    page.fill("[name=images_per_day]", str(images_per_day))
    page.get_by_role("button", name="Save", exact=True).click()
    expect(page.locator("#result_list")).to_be_visible()


def choose_person(page: Page, email: str) -> None:
    page.locator(".field-user .select2-selection").click()
    page.locator(".select2-dropdown .select2-search__field").fill(email)
    page.locator(".select2-results__option", has_text=email).click()


def ask(visitor: Visitor, prompt: str) -> None:
    """Ask for a picture and see it drawn."""
    visitor.page.goto("/?image_model=fake")
    visitor.ask_for(prompt)
    batch = visitor.page.locator("[data-batch]", has_text=prompt).first
    expect(batch.locator("a.job__tile img:not(.tile__preview)")).to_be_visible()


def test_limits_stop_packs_add_and_failures_give_back(
    shop: Site, stripe_fake: StripeFake, browser: Browser
):
    owner, pat = Visitor(browser, shop), Visitor(browser, shop)
    set_up(owner)
    put_on_sale(owner.page)
    pat.sign_up("pat@example.org")
    page = pat.page

    # Three pictures a day, set in the admin; the fourth is refused by name.
    limit(owner.page, 3)
    for number in range(3):
        ask(pat, f"owl {number}")
    page.goto("/?image_model=fake")
    pat.ask_for("one owl more")
    expect(page.locator("main")).to_contain_text("3 pictures a day")
    expect(page.locator(".header")).to_contain_text("2")

    # A pack, paid on Stripe's page; its news comes three times, the credits once.
    stripe_fake.webhooks.duplicate = 3
    page.goto("/credits/")
    page.get_by_role("link", name="Buy credits").click()
    page.get_by_role("button", name="Buy Handful for $5.00").click()
    page.get_by_role("button", name="Pay", exact=True).click()
    expect(page.get_by_role("heading", name="100 credits are yours")).to_be_visible()
    expect(page.locator("[data-balance]").first).to_contain_text("102")
    assert stripe_fake.webhooks.wait()
    times = [
        each
        for each in stripe_fake.webhooks.deliveries
        if each.event_type == "checkout.session.completed"
    ]
    assert [each.status for each in times] == [200, 200, 200]
    page.goto("/credits/")
    expect(page.locator("[data-balance]").first).to_contain_text("102")
    expect(page.locator(".entries", has_text="Bought")).to_be_visible()

    # With a wider limit, a picture, and its receipt.
    limit(owner.page, 10)
    ask(pat, "a bought owl")
    page.locator("[data-batch] a.job__tile").first.click()
    page.get_by_role("link", name="Receipt").click()
    expect(page.locator(".receipt__line--sum")).to_contain_text("Taken")
    expect(page.locator(".receipt__line--sum dd")).to_have_text("2")

    # A provider that fails gives everything back at once, and says so.
    page.goto("/?image_model=fake")
    pat.ask_for("a doomed owl !breaks")
    batch = page.locator("[data-batch]", has_text="a doomed owl").first
    expect(batch).to_contain_text("Not charged")
    page.goto("/credits/")
    expect(page.locator("[data-balance]").first).to_contain_text("100")
    assert PASSWORD not in shop.console
    # A browser writes down that the fourth press was refused, and nothing else.
    assert [each for each in pat.complaints if "(Unprocessable" not in each] == []
