"""The promise of the README: from nothing to a picture in your gallery."""

import io
from pathlib import Path

import pytest
from PIL import Image
from playwright.sync_api import Browser, expect

from tests.e2e.conftest import PASSWORD, Visitor
from tests.e2e.site import Site

pytestmark = [pytest.mark.browser, pytest.mark.timeout(240)]


def set_up(visitor: Visitor) -> None:
    page = visitor.page
    page.goto(visitor.site.setup_url)
    page.fill("input[type=email]", "owner@example.org")
    page.fill("input[type=password]", PASSWORD)
    page.get_by_role("button", name="Make me the owner").click()
    page.locator("#prompt").wait_for()


def test_on_a_fresh_site_a_person_gets_their_first_picture(
    site: Site, browser: Browser, tmp_path: Path
):
    owner = Visitor(browser, site)
    set_up(owner)
    owner.page.goto(site.setup_url)
    expect(owner.page).to_have_url(f"{site.url}/")

    person = Visitor(browser, site)
    person.sign_up("ann@example.org")
    person.ask_for("a red apple")
    page = person.page
    tile = page.locator("[data-batch] .job__tile").first
    expect(tile).to_be_visible()
    picture = page.locator("[data-batch] a.job__tile img:not(.tile__preview)")
    expect(picture).to_be_visible(timeout=90_000)
    expect(picture).to_have_js_property("complete", value=True)
    assert picture.evaluate("image => image.naturalWidth") > 0

    page.get_by_role("link", name="Gallery").first.click()
    page.get_by_role("img", name="a red apple").first.click()
    expect(page.get_by_role("heading", name="a red apple")).to_be_visible()
    expect(page.locator(".recipe")).to_contain_text("Spark")
    for format_name in ("Original", "JPEG", "WebP"):
        page.locator("summary", has_text="Download").click()
        with page.expect_download() as downloading:
            page.locator(".menu__item", has_text=format_name).first.click()
        path = tmp_path / downloading.value.suggested_filename
        downloading.value.save_as(path)
        with Image.open(io.BytesIO(path.read_bytes())) as saved:
            saved.load()
            assert saved.width > 0
            assert saved.width * 4 >= saved.height
        page.reload()

    assert person.complaints == []
    assert owner.complaints == []
    stranger = Visitor(browser, site)
    answer = stranger.page.goto(page.url)
    assert answer
    assert "a red apple" not in stranger.page.content()
    assert "Traceback" not in site.console
