"""One picture with each engine beside diffusion, in a browser, by the real weights."""

import io
from pathlib import Path

import pytest
from PIL import Image
from playwright.sync_api import Browser, Locator, Page, expect

from tests.e2e.conftest import Visitor
from tests.e2e.site import Site

pytestmark = [pytest.mark.browser, pytest.mark.timeout(240)]


@pytest.fixture
def pictures(tmp_path: Path) -> list[str]:
    """Two picture files: one to work on, one to take a style from."""
    noise = Image.effect_noise((120, 90), 80)
    start = Image.merge(
        "RGB", (Image.linear_gradient("L").resize((120, 90)), noise, noise)
    )
    style = Image.radial_gradient("L").convert("RGB")
    paths = []
    for name, picture in (("start.png", start), ("style.png", style)):
        picture.save(tmp_path / name)
        paths.append(str(tmp_path / name))
    return paths


def choose(page: Page, model: str, files: list[str]) -> None:
    page.goto(f"/?image_model={model}")
    page.locator("[data-tray-files]").set_input_files(files)
    expect(page.locator("[data-tray-rows] [data-picture]")).to_have_count(len(files))


def press(page: Page) -> Locator:
    """Press Generate and return the finished picture."""
    before = page.locator("[data-batch]").count()
    page.get_by_role("button", name="Generate").click()
    expect(page.locator("[data-batch]")).to_have_count(before + 1)
    newest = page.locator("[data-batch]").first
    picture = newest.locator("a.job__tile img:not(.tile__preview)")
    expect(picture).to_be_visible(timeout=90_000)
    expect(picture).to_have_js_property("complete", value=True)
    return picture


def original_of(page: Page, picture: Locator) -> Image.Image:
    address = picture.locator("xpath=ancestor::a").get_attribute("href")
    page.goto(address or "")
    page.locator("summary", has_text="Download").click()
    with page.expect_download() as downloading:
        page.locator(".menu__item", has_text="Original").first.click()
    image = Image.open(io.BytesIO(Path(downloading.value.path()).read_bytes()))
    image.load()
    return image


def test_a_picture_is_enlarged_and_painted_in_three_ways(
    site: Site, browser: Browser, pictures: list[str]
):
    person = Visitor(browser, site)
    person.sign_up("ann@example.org")
    page = person.page

    choose(page, "real-esrgan-fast", pictures[:1])
    page.locator(".advanced__open").click()
    page.get_by_label("Times larger").select_option(label="2")
    page.keyboard.press("Escape")
    assert original_of(page, press(page)).size == (240, 180)

    choose(page, "style-built-in", pictures[:1])
    expect(page.get_by_role("radio", name="Fresco")).to_be_checked()
    page.locator(".look", has_text="Stained glass").click()
    glass = original_of(page, press(page))
    assert glass.size == (120, 90)
    expect(page.locator(".recipe")).to_contain_text("Stained glass", ignore_case=True)

    choose(page, "style-any", pictures)
    roles = page.locator("[data-tray-rows] [data-picture-role]")
    expect(roles.nth(0)).to_have_value("init")
    expect(roles.nth(1)).to_have_value("style")
    page.reload()
    choose(page, "style-any", pictures)
    assert original_of(page, press(page)).size == (120, 90)

    choose(page, "style-gatys", pictures)
    page.locator(".advanced__open").click()
    page.get_by_label("Steps").first.fill("20")
    page.keyboard.press("Escape")
    assert original_of(page, press(page)).size == (120, 90)
    expect(page.locator(".curve")).to_contain_text("changed 20 times")
    drawn = page.locator(".curve polyline").bounding_box()
    assert drawn
    assert drawn["width"] > 200
    assert drawn["height"] > 50

    page.goto("/gallery/")
    for picture in page.locator("main img").all():
        expect(picture).to_have_js_property("complete", value=True)
    assert page.locator("main img").count() >= 4
    assert person.complaints == []
    assert "Traceback" not in site.console


def test_without_a_second_picture_the_button_says_what_is_missing(
    site: Site, browser: Browser, pictures: list[str]
):
    person = Visitor(browser, site)
    person.sign_up("ann@example.org")
    page = person.page
    choose(page, "style-any", pictures[:1])
    button = page.get_by_role("button", name="Generate")
    button.click()
    expect(
        page.get_by_text("Add a second picture to take the style from.")
    ).to_be_visible()
    assert page.locator("[data-batch]").count() == 0
