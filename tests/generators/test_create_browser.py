"""The Create page in a real browser, against real workers."""

import gzip
import re

import pytest
from playwright.sync_api import expect

from tests.generators.live_site import PASSWORD
from tests.generators.pressing import WAIT_MS, done, press

pytestmark = [pytest.mark.browser, pytest.mark.long]
SLOW = "!steps=20 !step-seconds=0.25"


def test_when_somebody_draws_then_they_see_every_state(new_page):
    page = new_page()
    expect(page.locator(".welcome")).to_be_visible()
    page.click("[data-example]:first-child >> nth=0")
    expect(page.locator("#prompt")).to_have_value("a red apple")
    batch = press(page, f"a red apple {SLOW}")
    expect(page.locator(".welcome")).to_be_hidden()
    expect(batch.locator("[data-words]")).to_have_text(
        re.compile(r"Waiting|Drawing"), timeout=2000
    )
    box = batch.locator(".tile--waiting").bounding_box()
    expect(batch.locator("[data-words]")).to_have_text(re.compile(r"Drawing \d+ %"))
    expect(batch.locator("[data-preview]")).to_be_visible()
    expect(page.locator("[data-balance]")).to_have_text("98")
    done(batch)
    drawn = batch.locator("a.tile").bounding_box()
    for side in ("width", "height"):
        assert drawn[side] == pytest.approx(box[side], abs=0.5)
    expect(page.locator("[data-announcer]")).to_have_text("Done: 1 picture.")
    batch.locator("a.tile").click()
    page.wait_for_url(re.compile(r"/images/[0-9a-f-]+/$"))


def test_when_the_page_is_reloaded_then_it_shows_the_same(new_page):
    page = new_page()
    press(page, f"a lighthouse {SLOW}")
    expect(page.locator("[data-words]")).to_have_text(re.compile(r"Drawing \d+ %"))
    page.reload()
    batch = page.locator(".batch", has_text="a lighthouse")
    expect(batch.locator("[data-words]")).to_have_text(re.compile(r"Drawing \d+ %"))
    done(batch)


def test_when_two_tabs_are_open_then_both_show_it_over_one_stream(new_page, site):
    first = new_page()
    streams = []
    asked = lambda request: streams.extend([request] * ("/events/" in request.url))  # noqa: E731
    first.context.on("request", asked)
    second = first.context.new_page()
    second.goto(site.url)
    first.bring_to_front()
    press(first, "a boat !steps=8 !step-seconds=0.3")
    for page in (first, second):
        done(page.locator(".batch", has_text="a boat"))
        expect(page.locator("[data-balance]")).to_have_text("98")
    assert len(streams) <= 1  # the first tab's was open before we listened


def test_when_a_press_does_not_arrive_then_the_words_stay_and_it_says_so(new_page):
    page = new_page()
    page.context.set_offline(True)
    page.fill("#prompt", "a comet")
    page.click(".composer__go")
    expect(page.locator(".notices .notice")).to_contain_text("cannot be reached")
    expect(page.locator("#prompt")).to_have_value("a comet")
    expect(page.locator("[data-sending]")).to_have_count(0)
    page.context.set_offline(False)
    page.route("**/generations/", lambda route: route.fulfill(status=500, body="<p>x"))
    page.click(".composer__go")
    expect(page.locator(".notices .notice")).to_contain_text("broke on our side")
    page.unroute_all()
    page.click(".composer__go")
    done(page.locator("[data-batch]"))


def test_when_the_line_is_lost_then_the_page_catches_up(new_page):
    page = new_page()
    batch = press(page, "a train !steps=4 !step-seconds=0.5")
    page.context.set_offline(True)
    page.wait_for_timeout(4000)
    page.context.set_offline(False)
    done(batch)
    expect(page.locator("[data-balance]")).to_have_text("98")


@pytest.mark.parametrize("late", ["the press's answer", "the batch's answer"])
def test_when_news_come_before_the_press_is_answered_then_they_are_shown(
    new_page, late
):
    page = new_page()
    presses = held_back(page, re.compile("/generations/$"))
    batches = held_back(page, re.compile("/generations/[0-9a-f-]{36}/$"))
    page.fill("#prompt", "a quick bird !slow=2")
    page.click(".composer__go")
    page.wait_for_timeout(3500)  # it is drawn meanwhile, and told
    assert len(presses) == len(batches) == 1
    batch = page.locator("[data-batch]", has_text="a quick bird")
    in_order = [presses, batches]
    for held in in_order if late == "the batch's answer" else reversed(in_order):
        route, answer = held[0]
        route.fulfill(response=answer)
        expect(batch).to_have_count(1)
        done(batch)
    expect(page.locator("[data-sending]")).to_have_count(0)
    page.wait_for_timeout(300)  # for what the last answer changed
    expect(batch).to_have_count(1)
    expect(batch.locator("a.tile")).to_have_count(1)


def held_back(page, address):
    """Let requests through and keep their answers; return the list of them."""
    held = []
    page.route(address, lambda route: held.append((route, route.fetch())))
    return held


def test_when_there_is_no_stream_then_the_cards_are_polled(new_page):
    page = new_page()
    page.route("**/events/**", lambda route: route.abort())
    page.reload()
    batch = press(page, "a plane !steps=10 !step-seconds=0.4")
    expect(batch.locator("[data-words]")).to_have_text(re.compile(r"Drawing \d+ %"))
    done(batch)
    page.context.set_default_timeout(WAIT_MS)


def test_when_canceled_then_it_stops_and_costs_nothing(new_page):
    page = new_page()
    batch = press(page, "a castle !hang")
    batch.get_by_role("button", name="Cancel").click()
    expect(batch.get_by_text("Canceled")).to_be_visible(timeout=WAIT_MS)
    expect(page.locator("[data-balance]")).to_have_text("100", timeout=WAIT_MS)


def test_when_it_fails_then_the_tile_says_why_and_what_next(new_page):
    page = new_page()
    batch = press(page, "a dragon !refuse")
    expect(batch.get_by_text("The model declined these words.")).to_be_visible()
    expect(batch.get_by_text("Not charged")).to_be_visible()
    batch.get_by_role("link", name="Edit the words").click()
    expect(page.locator("#prompt")).to_have_value("a dragon !refuse")
    batch = press(page, "a kite !timeout !times=1")
    batch.get_by_role("button", name="Try again").click()
    expect(page.locator(".batch", has_text="a kite")).to_have_count(2)


def test_when_input_is_wrong_then_the_words_stay_and_the_error_shows(new_page):
    page = new_page()
    page.click(".composer__go")
    expect(page.locator("#prompt-error")).to_have_text("Describe the picture you want.")
    page.fill("#prompt", "keep me")
    page.click(".advanced summary")
    page.fill("#seed", "minus one")
    page.click(".composer__go")
    expect(page.locator("#seed-error")).to_be_visible()
    expect(page.locator("#prompt")).to_have_value("keep me")
    page.fill("#seed", "7")
    page.keyboard.press("Control+Enter")
    done(page.locator(".batch", has_text="keep me"))
    expect(page.locator(".field__error")).to_have_count(0)


def test_when_only_the_keyboard_is_used_then_everything_is_reached(new_page):
    page = new_page()
    page.locator(".brand").focus()
    page.keyboard.press("/")
    expect(page.locator("#prompt")).to_be_focused()
    page.keyboard.type("one")
    page.keyboard.press("Control+Enter")
    expect(page.locator("[data-batch]")).to_have_count(1)
    page.fill("#prompt", "two")
    page.keyboard.press("Control+Enter")
    expect(page.locator("[data-batch]")).to_have_count(2)
    page.fill("#prompt", "draft")
    page.keyboard.press("Alt+ArrowUp")
    page.keyboard.press("Alt+ArrowUp")
    expect(page.locator("#prompt")).to_have_value("one")
    page.keyboard.press("Alt+ArrowDown")
    page.keyboard.press("Alt+ArrowDown")
    expect(page.locator("#prompt")).to_have_value("draft")
    picker = page.get_by_role("combobox", name="Model")
    picker.focus()
    page.keyboard.press("ArrowDown")
    expect(picker).to_have_attribute("aria-expanded", "true")
    page.keyboard.press("End")
    page.keyboard.press("Enter")
    expect(picker).to_have_text(re.compile("Second test card"))
    expect(page.locator("[data-cost]")).to_have_text("1 credit")
    expect(picker).to_be_focused()
    page.keyboard.press("Enter")
    page.keyboard.press("Escape")
    expect(picker).to_have_attribute("aria-expanded", "false")


def test_when_a_model_was_just_chosen_then_a_press_waits_for_its_controls(new_page):
    page = new_page()
    go = page.locator(".composer__go")
    controls = held_back(page, re.compile("/model-controls/"))
    page.fill("#prompt", "a quick hand")
    for slug in ("spark", "fake-local"):  # the second's are asked for after the first's
        page.locator("[data-picker-button]").click()
        page.locator(f"[role=option][data-value='{slug}']").click()
        expect(go).to_be_disabled()
    page.evaluate("document.dispatchEvent(new Event('balance'))")  # as news do
    for answers in (1, 2):
        while len(controls) < answers:
            page.wait_for_timeout(50)
        expect(go).to_be_disabled()
        route, answer = controls[-1]
        route.fulfill(response=answer)
    page.click(".composer__go")
    expect(page.locator("[data-batch]", has_text="a quick hand").first).to_be_visible()
    assert page.locator("#composer-errors").inner_text() == ""


def test_when_more_pictures_are_asked_for_then_the_button_says_the_price(new_page):
    page = new_page()
    page.get_by_role("button", name="One picture more").click()
    expect(page.locator("[data-cost]")).to_have_text("4 credits")
    page.evaluate("document.querySelector('[data-balance]').textContent = '3'")
    page.get_by_role("button", name="One picture more").click()
    expect(page.locator(".composer__go")).to_be_disabled()
    expect(page.locator("[data-reason]")).to_contain_text("you have 3")
    page.get_by_role("button", name="One picture less").click()
    page.get_by_role("button", name="One picture less").click()
    expect(page.locator(".composer__go")).to_be_enabled()
    page.click(".advanced summary")
    page.get_by_role("button", name="Roll a seed").click()
    assert page.input_value("#seed").isdecimal()


def test_when_the_server_is_slow_then_the_place_is_drawn_before_it_answers(new_page):
    page = new_page()
    page.route("**/generations/", lambda route: None)  # it never answers
    page.locator(".shape").nth(1).click()
    page.get_by_role("button", name="One picture more").click()
    page.fill("#prompt", "a slow boat")
    page.evaluate(
        """() => document.querySelector(".composer__go").addEventListener("click", () => {
          const pressed = performance.now();
          requestAnimationFrame(function look() {
            if (!document.querySelector("[data-sending]")) requestAnimationFrame(look);
            else window.drawnAfterMs = performance.now() - pressed;
          });
        }, {once: true})"""
    )
    page.click(".composer__go")
    expect(page.locator("[data-sending] .tile--waiting")).to_have_count(2)
    box = page.locator("[data-sending] .tile--waiting").first.bounding_box()
    assert box["width"] / box["height"] == pytest.approx(384 / 256, abs=0.02)
    assert page.evaluate("window.drawnAfterMs") < 100
    page.unroute_all(behavior="ignoreErrors")


def test_when_pressed_twice_quickly_then_it_is_one_generation(new_page):
    page = new_page()
    page.fill("#prompt", "a twin")
    page.dblclick(".composer__go")
    done(page.locator(".batch").first)
    page.reload()
    expect(page.locator("[data-batch]")).to_have_count(1)


@pytest.mark.parametrize("size", [(1280, 720), (360, 740)], ids=str)
def test_when_the_page_opens_then_all_that_matters_is_above_the_fold(new_page, size):
    width, height = size
    page = new_page(viewport={"width": width, "height": height})
    for name in (
        "#prompt",
        "[data-picker-button]",
        ".shapes",
        ".stepper",
        ".composer__go",
    ):
        box = page.locator(name).bounding_box()
        assert box["x"] >= 0, name
        assert box["y"] >= 0, name
        assert box["x"] + box["width"] <= width, name
        assert box["y"] + box["height"] <= height, name
    assert page.evaluate("document.documentElement.scrollWidth") <= width


def test_when_a_theme_is_chosen_then_it_stays(new_page):
    page = new_page(color_scheme="light")
    page.get_by_role("button", name="Switch between light and dark").click()
    page.reload()
    assert page.evaluate("document.documentElement.dataset.theme") == "dark"
    assert page.evaluate("getComputedStyle(document.body).backgroundColor") == (
        "rgb(18, 17, 16)"
    )


def test_when_somebody_signs_out_then_their_earlier_prompts_are_forgotten(new_page):
    page = new_page()
    press(page, "a secret apple")
    kept = "() => Object.keys(localStorage).filter((key) => key.startsWith('prompts-'))"
    assert len(page.evaluate(kept)) == 1
    page.evaluate("localStorage.setItem('prompts-of-0', '[\"of another\"]')")
    page.reload()
    assert len(page.evaluate(kept)) == 1
    page.locator("#prompt").press("Alt+ArrowUp")
    expect(page.locator("#prompt")).to_have_value("a secret apple")
    page.locator("[data-menu] .avatar").click()
    page.get_by_role("button", name="Sign out").click()
    expect(page.get_by_text("You have signed out.")).to_be_visible()
    assert page.evaluate(kept) == []


def test_when_the_session_ends_then_the_words_outlive_it_but_not_a_sign_out(
    new_page, site
):
    page = new_page()
    email = page.locator(".menu__head").text_content()
    page.fill("#prompt", "a patient fox")
    page.get_by_role("button", name="One picture more").click()
    page.reload()
    expect(page.locator("#prompt")).to_have_value("a patient fox")
    expect(page.locator("#num_images")).to_have_value("2")
    page.context.clear_cookies(name="sessionid")
    page.click(".composer__go")
    page.wait_for_url(re.compile(r"/accounts/login/\?next="))
    page.fill("[name=login]", email)
    page.fill("[name=password]", PASSWORD)
    page.get_by_role("button", name="Sign in", exact=True).click()
    page.wait_for_url(f"{site.url}/?image_model=fake")
    expect(page.locator("#prompt")).to_have_value("a patient fox")
    expect(page.locator("[data-cost]")).to_have_text("4 credits")
    page.locator("[data-menu] .avatar").click()
    page.get_by_role("button", name="Sign out").click()
    expect(page.get_by_text("You have signed out.")).to_be_visible()
    drafts = "Object.keys(sessionStorage).filter((key) => key.startsWith('draft-'))"
    assert page.evaluate(drafts) == []


def test_when_a_picture_is_saved_then_the_preview_fades_into_it(new_page):
    page = new_page()
    batch = press(page, f"a harbour {SLOW}")
    expect(batch.locator("[data-preview]")).to_be_visible()
    page.evaluate(
        """() => document.addEventListener("animationstart", (event) => {
             if (event.target.matches("a.tile .is-leaving")) document.title = "fades";
           })"""
    )
    done(batch)
    expect(page).to_have_title("fades")
    expect(batch.locator(".tile__preview")).to_have_count(0)


def test_when_time_passes_then_the_page_says_so(new_page):
    page = new_page()
    page.clock.install()
    page.reload()
    batch = press(page, "a clock")
    page.clock.fast_forward("03:00")
    expect(batch.locator("time")).to_have_text("3 minutes ago")


def test_when_there_is_no_script_then_pictures_are_still_made(new_page):
    page = new_page(java_script_enabled=False)
    page.select_option("#image_model", "fake-local")
    page.get_by_role("button", name="Show its settings").click()
    page.fill("#prompt", "a quiet bird")
    page.check("input[name=size][value='384x256']", force=True)
    page.click(".composer__go")
    batch = page.locator(".batch", has_text="a quiet bird")
    for _ in range(20):
        if batch.locator("a.tile").count():
            break
        page.wait_for_timeout(500)
        page.reload()
    expect(batch.locator("a.tile")).to_have_count(1)


def test_when_the_page_is_weighed_then_its_script_is_light(new_page, site):
    page = new_page()
    scripts = []
    page.on("response", lambda answer: scripts.append(answer))
    page.reload()
    bodies = [each.body() for each in scripts if each.url.split("?")[0].endswith(".js")]
    assert len(bodies) > 5
    assert sum(len(gzip.compress(body)) for body in bodies) < 100_000
