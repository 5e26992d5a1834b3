"""Taking everything along and leaving, in a real browser against real workers."""

import json
import re
import zipfile
from collections.abc import Iterator

import pytest
from playwright.sync_api import Browser, Page, expect

from tests.e2e.conftest import PASSWORD, Visitor, browser
from tests.e2e.site import Site, manage

__all__ = ["browser"]
pytestmark = [pytest.mark.browser, pytest.mark.timeout(240)]
FILL = """
from accounts.models import User
from tests.gallery.making import make_image
ann = User.objects.get(email="ann@example.org")
for number in range(3):
    make_image(ann, number, prompt=f"picture number {number}")
"""


@pytest.fixture(scope="module")
def site(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Site]:
    """A site with workers and beat."""
    site = Site(tmp_path_factory.mktemp("leaving") / "home", FAKE_PROVIDER="1").ready()
    yield site
    site.stop()


@pytest.fixture(scope="module")
def ann(site: Site, browser: Browser) -> Visitor:
    """A person with three pictures."""
    visitor = Visitor(browser, site)
    visitor.sign_up("ann@example.org")
    done = manage("shell", "-v0", "-c", FILL, home=site.home)
    assert done.returncode == 0, done.stderr
    return visitor


def prove(page: Page) -> None:
    """Type the password once more, where it is asked for."""
    page.wait_for_url("**/accounts/reauthenticate/**")
    page.get_by_label("Password", exact=True).fill(PASSWORD)
    page.get_by_role("button", name="Go on").click()


def test_everything_is_put_together_and_downloaded(ann: Visitor):
    page = ann.page
    page.goto("/")
    page.get_by_label("Your account").click()
    page.get_by_role("link", name="Your data").click()
    page.get_by_role("button", name="Put it together").click()
    card = page.locator("#export")
    expect(card).to_contain_text(
        "Ready:", timeout=30_000
    )  # by itself, without a reload
    page.reload()
    expect(card).to_contain_text("Ready:")
    page.get_by_role("link", name="Download").click()
    prove(page)
    page.wait_for_url("**/your-data/")
    with page.expect_download() as caught:
        page.get_by_role("link", name="Download").click()
    assert re.fullmatch(r"magicshot-[\d-]+\.zip", caught.value.suggested_filename)
    with zipfile.ZipFile(caught.value.path()) as packed:
        assert packed.testzip() is None
        prompts = {each["prompt"] for each in json.loads(packed.read("pictures.json"))}
    assert prompts == {f"picture number {number}" for number in range(3)}
    assert ann.complaints == []


def test_the_account_is_to_be_deleted_and_kept_after_all(ann: Visitor):
    page = ann.page
    page.goto("/your-data/")
    page.get_by_role("link", name="Delete my account").click()
    if "reauthenticate" in page.url:  # where this test runs alone
        prove(page)
    expect(page.get_by_text("3 pictures with the trash")).to_be_visible()
    page.get_by_label("Your e-mail address").fill("bob@example.org")
    page.get_by_role("button", name=re.compile("Delete my account in")).click()
    expect(page.get_by_text("This is not the address of this account")).to_be_visible()
    page.get_by_label("Your e-mail address").fill("ann@example.org")
    page.get_by_role("button", name=re.compile("Delete my account in")).click()
    page.goto("/")
    bar = page.locator(".leaving")
    expect(bar).to_contain_text("Your account will be deleted on")
    ann.ask_for("a red apple", model="fake")
    expect(page.locator("#composer-errors")).to_contain_text("nothing new is drawn")
    bar.get_by_role("button", name="Keep it").click()
    page.wait_for_url("**/your-data/")
    expect(page.locator(".leaving")).to_have_count(0)
    page.goto("/")
    ann.ask_for("a red apple", model="fake")
    expect(page.locator("a.tile")).to_have_count(1)
    ours = re.compile("status of 422")  # the two refusals above
    assert [each for each in ann.complaints if not ours.search(each)] == []
