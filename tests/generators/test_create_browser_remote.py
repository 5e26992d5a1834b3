"""Options, pictures to work on, search and comparison in a real browser."""

import base64
import re

import pytest
from playwright.sync_api import expect

from tests.gallery.making import picture
from tests.generators.pressing import WAIT_MS, choose, done, press

pytestmark = pytest.mark.browser
NARROW = {"viewport": {"width": 360, "height": 740}, "has_touch": True}


def file(name="a.png", *, size=(320, 240), shade=120):
    content = picture(size=size, shade=shade)
    return {"name": name, "mimeType": "image/png", "buffer": content}


def give(page, *files):
    page.set_input_files("[data-tray-files]", list(files))


def roles(page) -> list[str]:
    rows = page.locator("[data-picture-role]")
    return [rows.nth(place).input_value() for place in range(rows.count())]


def cost(page, words):
    expect(page.locator("[data-cost]")).to_have_text(words)


def drop_file(page, selector, *, kind="drop"):
    """Drop a file as from the desktop, or paste it."""
    page.evaluate(
        """([selector, kind, content]) => {
          const bytes = Uint8Array.from(atob(content), (c) => c.charCodeAt(0));
          const held = new DataTransfer();
          held.items.add(new File([bytes], "dropped.png", {type: "image/png"}));
          const target = document.querySelector(selector);
          const options = {bubbles: true, cancelable: true};
          const event = kind === "paste"
            ? new ClipboardEvent("paste", {...options, clipboardData: held})
            : new DragEvent(kind, {...options, dataTransfer: held});
          target.dispatchEvent(event);
        }""",
        [selector, kind, base64.b64encode(picture(size=(320, 240), shade=7)).decode()],
    )


def test_when_a_setting_changes_the_price_then_the_button_says_it_undisturbed(new_page):
    page = new_page()
    choose(page, "fake-studio")
    page.fill("#prompt", "typed before")
    cost(page, "6 credits")
    page.click(".advanced summary")
    page.fill("#seed", "77")
    page.locator("#option_quality").focus()
    page.keyboard.press("ArrowDown")  # medium to high
    cost(page, "20 credits")
    expect(page.locator("#option_quality")).to_be_focused()
    expect(page.locator(".advanced")).to_have_attribute("open", "")
    page.fill("#own_size", "1024x1536")
    cost(page, "25 credits")
    expect(page.locator("#seed")).to_have_value("77")
    expect(page.locator("#prompt")).to_have_value("typed before")
    page.get_by_role("button", name="One picture more").click()
    cost(page, "50 credits")
    page.click(".advanced summary")
    page.select_option("#option_quality", "low")
    page.fill("#own_size", "")
    cost(page, "4 credits")
    page.keyboard.press("Escape")
    batch = press(page, "a priced bird")
    done(batch)
    expect(page.locator("[data-balance]")).to_have_text("96")
    expect(batch.locator("[data-facts]")).to_have_text(re.compile(r"\d+ s · 4 credits"))


def test_when_a_slider_is_drawn_then_it_and_its_number_say_the_same(new_page):
    page = new_page()
    choose(page, "fake-studio")
    page.click(".advanced summary")
    page.fill("#option_creativity", "7.5")
    slider = page.get_by_role("slider", name="Creativity")
    expect(slider).to_have_value("7.5")
    slider.fill("2")
    expect(page.locator("#option_creativity")).to_have_value("2")


def test_when_pictures_are_given_then_each_has_a_place_and_a_use(new_page):
    page = new_page()
    expect(page.locator("[data-tray-toggle]")).to_be_hidden()
    choose(page, "fake-studio")
    page.locator("[data-tray-toggle]").click()
    expect(page.locator("[data-tray-toggle]")).to_have_attribute(
        "aria-expanded", "true"
    )
    give(page, file())
    drop_file(page, "#prompt")
    drop_file(page, "#prompt", kind="paste")
    expect(page.locator("[data-picture]")).to_have_count(3)
    assert roles(page) == ["init", "reference", "reference"]
    expect(page.locator(".shapes--given")).to_have_text("Shape of the start picture")
    cost(page, "9 credits")
    page.locator("[data-picture-role]").nth(1).select_option("init")
    assert roles(page) == ["reference", "init", "reference"], "one start, they swap"
    page.get_by_role("button", name="Remove this picture").nth(2).click()
    cost(page, "8 credits")
    page.get_by_label("What to do").select_option("outpaint")
    page.click(".advanced summary")
    expect(page.locator("#option_expand_right")).to_be_visible()
    page.keyboard.press("Escape")
    batch = press(page, "a wider beach")
    done(batch)
    drawn = batch.locator("a.tile img:not(.tile__preview)")
    expect(drawn).to_have_attribute("width", str(320 + 64))
    expect(page.locator("[data-picture]")).to_have_count(2)  # for the next press
    batch.locator("a.tile").click()
    expect(page.get_by_text("Made from")).to_be_visible()


def test_when_a_press_is_refused_then_the_pictures_and_words_stay(new_page):
    page = new_page()
    choose(page, "fake-studio")
    give(page, file(), file("mask.png", size=(64, 64)))
    page.locator("[data-picture-role]").nth(1).select_option("mask")
    page.fill("#prompt", "keep me")
    page.click(".advanced summary")
    page.fill("#seed", "5")
    page.keyboard.press("Escape")
    page.click(".composer__go")
    error = page.locator("#mask_image-error")
    expect(error).to_contain_text("they must be equally large")
    expect(page.locator("[data-sending]")).to_have_count(0)
    assert roles(page) == ["init", "mask"]
    expect(page.locator("#prompt")).to_have_value("keep me")
    expect(page.locator("#seed")).to_have_value("5")
    page.get_by_role("button", name="Remove this picture").nth(1).click()
    page.click(".composer__go")
    done(page.locator(".batch", has_text="keep me"))
    expect(error).to_have_count(0)


def test_when_files_are_no_use_then_it_is_said_at_once(new_page):
    page = new_page()
    choose(page, "fake-studio")
    text = {"name": "notes.txt", "mimeType": "text/plain", "buffer": b"words"}
    give(page, text)
    words = page.locator("[data-tray-words]")
    expect(words).to_have_text("notes.txt is not a PNG, JPEG, WebP or AVIF picture.")
    give(page, file())
    expect(words).to_have_count(0)
    choose(page, "fake")
    drop_file(page, "#prompt")
    expect(words).to_contain_text("draws from words alone")
    expect(page.locator("[data-picture]")).to_have_count(0)


def test_when_the_model_takes_no_pictures_any_more_then_it_waits_for_a_decision(
    new_page,
):
    page = new_page()
    choose(page, "fake-studio")
    give(page, file())
    expect(page.locator(".shapes--given")).to_be_visible()
    page.locator("[data-picker-button]").click()
    page.locator("[role=option][data-value=fake]").click()
    expect(page.locator("[data-reason]")).to_contain_text("cannot start from a picture")
    expect(page.locator(".composer__go")).to_be_disabled()
    page.get_by_role("button", name="Remove this picture").click()
    expect(page.locator(".composer__go")).to_be_enabled()


def test_when_a_model_needs_a_picture_then_the_button_waits_for_it(new_page):
    page = new_page()
    choose(page, "fake-enlarge")
    expect(page.locator("[data-tray]")).to_have_attribute("open", "")
    expect(page.locator("[data-reason]")).to_have_text("Add a picture to start from.")
    expect(page.locator(".composer__go")).to_be_disabled()
    give(page, file(size=(100, 50)))
    expect(page.locator(".composer__go")).to_be_enabled()
    page.click(".advanced summary")
    page.select_option("#option_look", "painted")
    page.keyboard.press("Escape")
    page.route("**/generations/", lambda route: None)  # it never answers
    page.click(".composer__go")
    waiting = page.locator("[data-sending] .tile--waiting")
    expect(waiting).to_have_count(1)
    box = waiting.bounding_box()
    assert box["width"] / box["height"] == pytest.approx(2, abs=0.05)
    page.unroute_all(behavior="ignoreErrors")


def test_when_a_picture_of_the_gallery_is_used_then_it_is_in_the_form(new_page):
    page = new_page()
    batch = press(page, "a first bird")
    done(batch)
    batch.locator("a.tile").click()
    page.locator("summary", has_text="Use").click()
    page.get_by_role("link", name="Use as start").click()
    expect(page.locator("[data-picture]")).to_have_count(1)
    assert roles(page) == ["init"]
    expect(page.locator("[data-picker-name]")).to_have_text("Test studio")
    batch = press(page, "the bird in winter")
    done(batch)
    page.goto(page.url.partition("?")[0] + "gallery/")
    expect(page.locator(".shot")).to_have_count(2)


def test_when_something_is_searched_then_its_cards_are_found_by_any_name(new_page):
    page = new_page()
    button = page.get_by_role("combobox", name="Model")
    search = page.get_by_role("combobox", name="Search by name")
    button.click()
    expect(search).to_be_focused()
    shown = page.locator("[role=option]:visible")
    for name in ("flux", "ideogram", "Stable Diffusion", "ATELIER"):
        search.fill(name)
        expect(shown.first).to_be_visible()
        assert shown.count() < 20
    expect(shown).to_have_text(re.compile("Test studio"))
    for name in ("dall-e", "DALL·E 3", "dalle", "imagen"):
        search.fill(name)
        gone = page.locator("[data-gone]:visible")
        expect(gone.first).to_contain_text(re.compile("retired; .+ takes over"))
    search.fill("no such thing")
    expect(page.get_by_text("No model is called that.")).to_be_visible()
    search.fill("test pol")
    page.keyboard.press("Enter")
    expect(button).to_have_text(re.compile("Test card, polled"))
    expect(button).to_be_focused()
    page.keyboard.type("studio")
    expect(search).to_have_value("studio")
    page.keyboard.press("Enter")
    expect(button).to_have_text(re.compile("Test studio"))
    page.keyboard.press("Enter")
    page.get_by_role("button", name=re.compile(r"Show \d+ unavailable")).click()
    expect(page.get_by_text("Not connected yet").first).to_be_visible()
    page.keyboard.press("Escape")
    expect(search).to_be_hidden()
    expect(button).to_be_focused()


@pytest.mark.parametrize("options", [{}, NARROW], ids=["wide", "narrow"])
def test_when_several_are_ticked_then_they_draw_side_by_side(new_page, options):
    page = new_page(**options)
    button = page.get_by_role("combobox", name="Model")
    button.click()
    page.locator("[data-value=fake-async] [data-tick]").click()
    page.locator("[data-value=fake-studio] [data-tick]").click()
    expect(button).to_have_text(re.compile("3 models"))
    page.get_by_role("button", name="Done").click()
    expect(page.locator(".chosen__model")).to_have_count(3)
    cost(page, "11 credits")
    page.get_by_role("button", name="One picture more").click()
    cost(page, "22 credits")
    page.locator(".shape").nth(1).click()
    answers = []
    page.route("**/generations/", lambda route: answers.append(route))
    page.fill("#prompt", "three boats !polls=2")
    page.click(".composer__go")
    sending = page.locator("[data-sending]")
    expect(sending.locator(".tile--waiting")).to_have_count(6)
    before = places(page, sending)
    answers[0].continue_()
    batch = page.locator("[data-batch]")
    expect(batch).to_have_count(1)
    expect(batch.locator(".group")).to_have_count(3)
    assert places(page, batch) == before, "what follows takes the place of what waited"
    expect(batch.locator("a.tile")).to_have_count(6, timeout=WAIT_MS)
    assert places(page, batch) == before
    labels = batch.locator(".group__label")
    expect(labels).to_have_text(["Test card", "Test card, polled", "Test studio"])
    facts = batch.locator(".job__facts:visible")
    expect(facts).to_have_text(
        [re.compile(rf"\d+ s · {credits} credits") for credits in (4, 6, 12)]
    )
    lefts = {left for left, _, _ in places(page, batch, ".group")}
    assert len(lefts) == (1 if options else 3), "stacked on a phone"
    assert (
        page.evaluate("document.documentElement.scrollWidth")
        <= (options.get("viewport", {"width": 1280})["width"])
    )
    page.unroute_all(behavior="ignoreErrors")


def places(page, batch, selector=".tile"):
    """Return where parts of a batch lie below its top, seen at one moment."""
    page.wait_for_timeout(400)  # the skeleton comes in with a short movement
    return batch.evaluate(
        """(batch, selector) => {
          const top = batch.getBoundingClientRect().top;
          const near = (pixels) => Math.round(pixels / 4) * 4;
          return [...batch.querySelectorAll(selector)].map((part) => {
            const box = part.getBoundingClientRect();
            return [near(box.x), near(box.y - top), near(box.width)];
          });
        }""",
        selector,
    )


def test_when_only_the_keyboard_is_used_then_models_are_compared(new_page):
    page = new_page()
    button = page.get_by_role("combobox", name="Model")
    button.focus()
    page.keyboard.press("ArrowDown")
    page.keyboard.press("ArrowDown")
    page.keyboard.press("Space")
    expect(button).to_have_text(re.compile("2 models"))
    search = page.get_by_role("combobox", name="Search by name")
    search.fill("test")
    page.keyboard.press("Space")
    expect(search).to_have_value("test ")
    page.keyboard.type("studio")
    page.keyboard.press("ArrowDown")
    page.keyboard.press("Space")
    expect(button).to_have_text(re.compile("3 models"))
    page.keyboard.press("Enter")
    expect(button).to_be_focused()
    expect(button).to_have_attribute("aria-expanded", "false")
    expect(page.locator(".chosen__model")).to_have_count(3)
    page.get_by_role("button", name="Leave out Test card, polled").press("Enter")
    expect(page.locator(".chosen__model")).to_have_count(2)
    expect(page.locator(".field__only").first).to_contain_text("Only")
    page.get_by_role("button", name="Leave out Test studio").press("Enter")
    expect(page.locator(".chosen")).to_be_hidden()
    expect(button).to_have_text(re.compile("Test card"))
    cost(page, "2 credits")


def test_when_one_of_several_is_tried_again_then_the_others_stay(new_page):
    page = new_page()
    choose(page, "fake", "fake-async")
    batch = press(page, "a kite !poll-timeout")
    expect(batch.locator("a.tile")).to_have_count(1, timeout=WAIT_MS)
    group = batch.locator(".group", has_text="Test card, polled")
    expect(group.get_by_text("It took too long.")).to_be_visible()
    group.get_by_role("button", name="Try again").click()
    expect(page.locator("[data-batch]")).to_have_count(2)
    older = page.locator("[data-batch]").last
    expect(older.locator("a.tile")).to_have_count(1)
    expect(older.locator(".group")).to_have_count(2)


def test_when_there_is_no_script_then_a_picture_is_still_changed(new_page, site):
    page = new_page(java_script_enabled=False)
    page.goto(f"{site.url}/?image_model=fake-studio")
    page.locator(".tray__summary").click()
    page.set_input_files("[name=init_image]", [file()])
    page.set_input_files("[name=reference_images]", [file(shade=3), file(shade=4)])
    page.fill("#prompt", "a quiet beach")
    page.click(".composer__go")
    expect(
        page.get_by_text("The price rose from 6 credits to 9 credits")
    ).to_be_visible()
    expect(page.get_by_text("choose them again")).to_be_visible()
    page.set_input_files("[name=init_image]", [file()])
    page.set_input_files("[name=reference_images]", [file(shade=3), file(shade=4)])
    page.click(".composer__go")
    batch = page.locator(".batch", has_text="a quiet beach")
    for _ in range(20):
        if batch.locator("a.tile").count():
            break
        page.wait_for_timeout(500)
        page.reload()
    expect(batch.locator("a.tile")).to_have_count(1)
    page.goto(f"{site.url}/gallery/")
    expect(page.get_by_text("Uploaded")).to_have_count(3)
