"""Every remote service as a fake: a picture from each, and each failure in words."""

import json
import os
import re
import subprocess
import sys
from contextlib import ExitStack

import pytest
from playwright.sync_api import expect

from tests.fakes import services, wire
from tests.fakes.wire import Fault
from tests.generators.live_site import ROOT, LiveSite
from tests.generators.pressing import choose, press

pytestmark = [pytest.mark.browser, pytest.mark.long]
COMPATIBLE = "openai-compatible"
DRAW = "POST /v1/images"
WAIT_MS = 45_000  # also for the reconciler, which ends what nobody can be asked about

KINDS = {
    "refused": (
        wire.status(400, {"error": {"code": "content_policy_violation"}}),
        "The model declined these words.",
    ),
    "broken": (wire.status(500), "The model's service broke while it drew."),
    "invalid": (
        wire.status(422, {"detail": "no such size"}),
        "The model could not use these settings.",
    ),
    "nonsense": (wire.html(200), "No picture came back."),
    "memory": (
        wire.status(500, {"detail": "CUDA out of memory."}),
        "There was not enough memory.",
    ),
    "empty": (wire.status(200, {"data": []}), "No picture came back."),
    "busy": (wire.status(429, {"detail": "later"}), "The model is too busy."),
    "gone": (
        wire.status(404, {"detail": "Model not found"}),
        "This model is no longer available.",
    ),
    "unknown": (Fault(cuts=True), "Nobody could tell us whether it was made."),
}


@pytest.fixture(scope="module")
def fakes():
    """The fakes of all services, running."""
    with ExitStack() as running:
        yield {s: running.enter_context(fake()) for s, fake in services.ALL.items()}


@pytest.fixture(scope="module")
def home(tmp_path_factory):
    """The site's data folder."""
    return tmp_path_factory.mktemp("site")


@pytest.fixture(scope="module")
def models(fakes, home):
    """A model of each service, by provider."""
    ran = subprocess.run(
        [
            *(sys.executable, "-m", "tests.fakes.connecting"),
            *(f"{slug}={fake.url}" for slug, fake in fakes.items()),
        ],
        cwd=ROOT,
        env=os.environ | {"MAGICSHOT_HOME": str(home)},
        capture_output=True,
        text=True,
        check=True,
    )
    assert ran.stderr == ""
    return json.loads(ran.stdout)


@pytest.fixture(scope="module")
def site(home, models):
    """The whole site, connected, with few threads; it soon gives up."""
    site = LiveSite(
        home,
        REMOTE_CONCURRENCY="4",
        RETRY_SECONDS="1",
        UNKNOWN_SECONDS="1",
        SIGN_UP_CREDITS="999",
    )
    yield site
    site.stop()


def drawn(batch):
    expect(batch.locator("a.tile img")).to_have_count(1, timeout=WAIT_MS)


@pytest.mark.parametrize("provider", services.ALL)
def test_when_a_service_draws_then_its_picture_and_its_price_are_there(
    new_page, models, fakes, provider
):
    page = new_page()
    choose(page, models[provider])
    expect(page.locator("[data-picker-button]")).to_have_text(re.compile(r"\(fake\)"))
    price = page.locator("[data-cost]").text_content()
    batch = press(page, "a red apple")
    drawn(batch)
    expect(batch).to_contain_text(f" · {price}")
    assert any(b"a red apple" in call.body for call in fakes[provider].calls)


@pytest.mark.parametrize("kind", KINDS)
def test_when_a_service_fails_then_its_tile_says_so_and_the_next_one_is_drawn(
    new_page, models, fakes, kind
):
    fault, words = KINDS[kind]
    page = new_page()
    choose(page, models[COMPATIBLE])
    fakes[COMPATIBLE].fail(fault, times=5 if kind == "busy" else 1, on=DRAW)
    batch = press(page, f"a {kind} bird")
    expect(batch.get_by_text(words)).to_be_visible(timeout=WAIT_MS)
    expect(batch.get_by_text("Not charged")).to_be_visible()
    expect(page.locator("[data-balance]")).to_have_text("999")
    fakes[COMPATIBLE].forgive()
    drawn(press(page, "a good bird"))


def test_when_a_service_is_away_then_its_tile_says_so_and_it_comes_back(
    new_page, models, fakes
):
    page = new_page()
    choose(page, models[COMPATIBLE])
    fake = fakes[COMPATIBLE]
    port = int(fake.url.rpartition(":")[2])
    fake.stop()
    batch = press(page, "a lost bird")
    expect(batch.get_by_text("The model could not be reached.")).to_be_visible(
        timeout=WAIT_MS
    )
    expect(batch.get_by_text("Not charged")).to_be_visible()
    fake.start(port)
    drawn(press(page, "a good bird"))


@pytest.mark.parametrize(
    ("provider", "fault"),
    [
        ("google", wire.status(401, {"error": {"status": "UNAUTHENTICATED"}})),
        ("stability", wire.status(402, {"name": "payment_required"})),
    ],
    ids=["key refused", "account empty"],
)
def test_when_only_the_admin_can_mend_it_then_the_person_hears_no_more_than_that(
    new_page, models, fakes, provider, fault
):
    page = new_page()
    choose(page, models[provider])
    fakes[provider].fail(fault, on="POST")
    batch = press(page, "an unpaid bird")
    words = batch.get_by_text("Unavailable right now; your admin has been told.")
    expect(words).to_be_visible(timeout=WAIT_MS)
    expect(batch.get_by_text("Not charged")).to_be_visible()
    assert fakes[provider].KEY not in page.content()


def test_when_a_service_hangs_then_only_its_own_jobs_wait(new_page, models, fakes):
    page = new_page()
    choose(page, models["openai"])
    fakes["openai"].fail(Fault(hangs=True), times=6, on="POST")
    hung = [press(page, f"a hung bird {number}") for number in range(6)]
    assert wire.soon(lambda: len(fakes["openai"].calls_to("POST")) >= 3)
    choose(page, models[COMPATIBLE])
    drawn(press(page, "a free bird"))
    expect(hung[0].locator("a.tile")).to_have_count(0)
    fakes["openai"].forgive()
    fakes["openai"].let_go()


@pytest.mark.parametrize("size", [(360, 740), (390, 844), (768, 1024)], ids=str)
def test_when_a_phone_shows_a_model_with_many_shapes_then_nothing_lies_outside(
    new_page, models, size
):
    width, height = size
    view = {"width": width, "height": height}
    page = new_page(viewport=view, is_mobile=True, has_touch=True)
    for slug in (models["google"], models["openai"], models["stability"]):
        choose(page, slug)
        assert page.evaluate("innerWidth") == width, slug
        assert page.evaluate("document.documentElement.scrollWidth") == width, slug
        button = page.locator(".composer__go").bounding_box()
        assert button["y"] + button["height"] <= height, slug
        avatar = page.locator(".avatar").bounding_box()
        assert avatar["x"] + avatar["width"] <= width - 4, slug


def test_when_famous_names_are_searched_then_each_finds_an_entry(new_page):
    page = new_page()
    page.get_by_role("combobox", name="Model").click()
    search = page.get_by_role("combobox", name="Search by name")
    live = page.locator("[role=option]:visible")
    for name in ("flux", "ideogram", "stable diffusion"):
        search.fill(name)
        expect(live.first).to_contain_text("(fake)")
    for name in ("imagen", "dall-e"):
        search.fill(name)
        gone = page.locator("[data-gone]:visible")
        expect(gone.first).to_contain_text(re.compile(r"retired; .+ takes over"))
