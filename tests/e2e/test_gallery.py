"""The gallery in a real browser: rows, endless pages, keys, the trash and back."""

import json
import re
from collections.abc import Iterator

import pytest
from playwright.sync_api import Browser, Page, expect

from tests.e2e.conftest import Visitor
from tests.e2e.site import Site, manage

pytestmark = [pytest.mark.browser, pytest.mark.timeout(240)]

PICTURES = 70
FILL = f"""
import uuid
from accounts.models import User
from tests.gallery.making import make_image
ann = User.objects.get(email="ann@example.org")
sizes = [(320, 200), (200, 320), (260, 260), (640, 160), (90, 400)]
batches = [uuid.uuid4() for _ in range({PICTURES} // 3 + 1)]
for number in range({PICTURES}):
    make_image(ann, number, size=sizes[number % 5], batch_id=batches[number // 3],
               prompt=f"picture number {{number}}")
"""


@pytest.fixture(scope="module")
def full_site(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Site]:
    """A site that nothing is asked of but its gallery."""
    site = Site(tmp_path_factory.mktemp("gallery") / "home", FAKE_PROVIDER="1").ready()
    yield site
    site.stop()


@pytest.fixture(scope="module")
def ann(full_site: Site, browser: Browser) -> Visitor:
    """A person with seventy pictures."""
    visitor = Visitor(browser, full_site)
    visitor.sign_up("ann@example.org")
    done = manage("shell", "-v0", "-c", FILL, home=full_site.home)
    assert done.returncode == 0, done.stderr
    return visitor


@pytest.fixture
def page(ann: Visitor) -> Iterator[Page]:
    """Ann's gallery; nothing in it may make her browser complain."""
    ann.complaints.clear()
    ann.page.goto("/gallery/")
    yield ann.page
    assert ann.complaints == []


def test_rows_are_full_and_cut_nothing(page: Page):
    expect(page.locator(".shot.is-measured").first).to_be_visible()
    shots = json.loads(
        page.evaluate("""() => JSON.stringify([...document.querySelectorAll(".shot")].map(
            (shot) => {
                const box = shot.getBoundingClientRect();
                const picture = shot.querySelector("img");
                const ratio = picture.getAttribute("width") / picture.getAttribute("height");
                return {top: box.top, right: box.right, ratio, shown: box.width / box.height};
            }))""")
    )
    for shot in shots:
        assert shot["shown"] == pytest.approx(max(shot["ratio"], 0.4), rel=0.02)
    rows = sorted({round(shot["top"]) for shot in shots})
    edge = page.evaluate(
        "document.querySelector('.shots').getBoundingClientRect().right"
    )
    for row in rows[:-2]:
        rights = [s["right"] for s in shots if abs(s["top"] - row) < 2]
        assert max(rights) == pytest.approx(edge, abs=1)


def test_scrolling_brings_every_picture_once(page: Page):
    for _ in range(8):
        page.mouse.wheel(0, 4000)
        page.wait_for_timeout(250)
    expect(page.locator(".shot")).to_have_count(PICTURES)
    names = page.locator(".shot").evaluate_all("shots => shots.map((shot) => shot.id)")
    assert len(set(names)) == PICTURES
    expect(page.locator(".shots__day")).to_have_count(1)
    expect(page.locator(".shot:not(.is-measured)")).to_have_count(0)


def test_trash_and_undo_happen_in_place(page: Page):
    tile = page.locator(".shot").nth(1)
    tile.hover()
    tile.get_by_role("button", name="Move to the trash").click()
    expect(tile).to_contain_text("In the trash")
    undo = tile.get_by_role("button", name="Undo")
    expect(undo).to_be_focused()
    undo.press("Enter")
    expect(tile.locator("a.shot__link")).to_be_focused()
    expect(tile).not_to_contain_text("In the trash")


def test_keys_lead_through_pictures_and_back(page: Page):
    def press(key: str) -> None:
        page.wait_for_load_state("load")  # scripts have started
        page.keyboard.press(key)

    page.locator(".shot__link").nth(1).click()
    here = page.get_by_role("heading", name=re.compile("picture number"))
    expect(here).to_have_text(f"picture number {PICTURES - 2}")
    press("ArrowRight")
    expect(here).to_have_text(f"picture number {PICTURES - 3}")
    press("ArrowLeft")
    expect(here).to_have_text(f"picture number {PICTURES - 2}")
    press("ArrowLeft")
    expect(here).to_have_text(f"picture number {PICTURES - 1}")
    press("t")
    expect(page.locator("#tag-input")).to_be_focused()
    page.keyboard.type("Favourite")
    page.keyboard.press("Enter")
    expect(page.get_by_role("link", name="favourite")).to_be_visible()
    page.get_by_role("link", name="favourite").click()
    expect(page.locator(".shot")).to_have_count(1)
    page.locator(".shot__link").click()
    expect(here).to_be_visible()
    press("Delete")
    expect(page.locator(".undo")).to_contain_text("is in the trash")
    page.get_by_role("button", name="Undo").click()
    expect(here).to_have_text(f"picture number {PICTURES - 1}")
    press("Escape")
    expect(page).to_have_url(re.compile(r"/gallery/#image-"))


def test_a_phone_needs_no_sideways_scrolling(page: Page):
    page.set_viewport_size({"width": 360, "height": 740})
    link = page.locator(".shot__link").first.get_attribute("href")
    for where in ("/gallery/", link, "/trash/"):
        page.goto(str(where))
        assert page.evaluate("document.documentElement.scrollWidth") == 360
    page.set_viewport_size({"width": 1280, "height": 720})
