"""What the page shows while a job runs: the same truth, whatever happens to the page."""

import itertools
import time
from collections.abc import Iterator

import pytest
from playwright.sync_api import Browser, Locator, Page, expect

from tests.e2e.conftest import Visitor
from tests.e2e.site import Site

pytestmark = [pytest.mark.browser, pytest.mark.timeout(180)]
MODEL = "fake-local"
NUMBERS = itertools.count()


@pytest.fixture
def person(toy_site: Site, browser: Browser) -> Iterator[Visitor]:
    visitor = Visitor(browser, toy_site)
    visitor.sign_up(f"person-{next(NUMBERS)}@example.org")
    yield visitor
    visitor.context.close()


def pictures(page: Page) -> Locator:
    return page.locator("[data-batch] a.job__tile img:not(.tile__preview)")


def test_a_reload_midway_shows_the_same_job_and_then_its_picture(person):
    person.ask_for("a boat !steps=20 !step-seconds=0.4", model=MODEL)
    page = person.page
    expect(page.locator("[data-words]").first).to_contain_text("Drawing")
    page.reload()
    expect(page.locator("[data-batch]")).to_have_count(1)
    expect(page.locator("[data-words]").first).to_contain_text("Drawing")
    expect(pictures(page)).to_have_count(1)
    assert person.complaints == []


def test_a_second_tab_shows_what_the_first_started(person):
    second = person.tab()
    second.goto("/")
    person.ask_for("two boats !steps=10 !step-seconds=0.3", model=MODEL)
    expect(second.locator("[data-batch]")).to_have_count(1)
    expect(pictures(second)).to_have_count(1)
    expect(pictures(person.page)).to_have_count(1)
    assert person.complaints == []


def test_a_canceled_job_says_so_and_costs_nothing(person):
    page = person.page
    balance = page.locator("[data-balance]").first
    before = balance.inner_text()
    person.ask_for("a train !hang", model=MODEL)
    expect(page.locator("[data-words]").first).to_contain_text("Drawing")
    page.get_by_role("button", name="Cancel").click()
    expect(page.locator(".outcome")).to_contain_text("Canceled")
    expect(page.locator(".outcome")).to_contain_text("Not charged")
    page.reload()
    expect(page.locator("[data-balance]").first).to_have_text(before)
    assert person.complaints == []


def test_a_refused_prompt_gets_words_and_a_next_step(person):
    person.ask_for("something !refuse", model=MODEL)
    outcome = person.page.locator(".outcome")
    expect(outcome).to_contain_text("Not charged")
    expect(outcome.locator(".button")).to_be_visible()
    assert person.complaints == []


def test_an_empty_prompt_is_named_and_nothing_is_started(person):
    person.ask_for("   ", model=MODEL)
    expect(person.page.locator("#prompt-error")).to_be_visible()
    expect(person.page.locator("[data-batch]")).to_have_count(0)


def test_a_restart_of_the_web_process_is_lived_through(person):
    person.ask_for("a tower !steps=20 !step-seconds=0.4", model=MODEL)
    page = person.page
    expect(page.locator("[data-words]").first).to_contain_text("Drawing")
    page.evaluate("window.isSamePage = true")
    person.site.child("web").kill()
    expect(pictures(page)).to_have_count(1, timeout=60_000)
    assert page.evaluate("window.isSamePage")  # nothing was reloaded


def test_a_lost_connection_is_made_good(person):
    person.ask_for("a bridge !steps=12 !step-seconds=0.3", model=MODEL)
    page = person.page
    expect(page.locator("[data-words]").first).to_contain_text("Drawing")
    person.context.set_offline(True)
    time.sleep(5)
    person.context.set_offline(False)
    expect(pictures(page)).to_have_count(1, timeout=60_000)
