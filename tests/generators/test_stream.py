"""The live stream, heard from a real server while real workers draw."""

import json
import os
import re
import sys
import time
import uuid
from collections.abc import Generator

import psutil
import pytest
import requests

from tests.generators.live_site import LiveSite, events_of, found


@pytest.fixture(scope="module")
def site(tmp_path_factory):
    """The whole site, with its workers."""
    site = LiveSite(tmp_path_factory.mktemp("site"))
    yield site
    site.stop()


@pytest.fixture
def server(site):
    """A bare web server beside it, that waits for open answers when it is stopped."""
    server = LiveSite(
        site.home, sys.executable, "-m", "uvicorn", "magicshot.asgi:application",
        "--port", "PORT", "--lifespan", "off",
    )  # fmt: skip
    yield server
    server.stop()


def new_person(site: LiveSite) -> requests.Session:
    return site.sign_up(f"person-{uuid.uuid4().hex[:8]}")


def listen(site: LiveSite, person) -> Generator[dict[str, str]]:
    """Open the stream, and return what follows its first words."""
    events = events_of(person, site.url)
    assert next(events) == {"retry": "2000"}
    return events


def press(site: LiveSite, person, prompt: str, *, model="fake", **typed) -> str:
    """Press the button; return the job's id."""
    page = person.get(site.url, timeout=20).text
    proof = found(r'name="csrfmiddlewaretoken" value="(\w+)"', page)
    answer = person.post(
        f"{site.url}/generations/",
        {"csrfmiddlewaretoken": proof, "prompt": prompt, "image_model": model} | typed,
        headers={"HX-Request": "true", "Referer": site.url},
        timeout=20,
    )
    assert answer.status_code == 200, answer.text
    return found(r'id="job-([0-9a-f-]+)"', answer.text)


def jobs_in(events, *, until):
    """Return what the stream says of jobs up to the first message that ``until`` takes."""
    told = []
    for event in events:
        if event.get("event") != "job":
            continue
        told.append(json.loads(event["data"]) | {"cursor": event["id"]})
        if until(told[-1]):
            return told
    raise AssertionError(f"The stream ended after {told}")


def is_ended(news):
    return "data-active" not in news["html"]


def test_when_a_job_runs_then_the_stream_tells_each_state(site):
    person = new_person(site)
    events = listen(site, person)
    first = next(events)
    assert first["event"] == "balance"
    assert json.loads(first["data"]) == {"balance": 100}
    job = press(site, person, "a red apple !steps=6 !step-seconds=0.3")
    told = jobs_in(events, until=is_ended)
    assert {news["job"] for news in told} == {job}
    versions = [news["version"] for news in told]
    assert versions == sorted(versions)
    assert any(re.search(r"Drawing \d+ %", news["html"]) for news in told)
    assert any("/preview/?v=" in news["html"] for news in told)
    assert re.search(r'href="/images/[0-9a-f-]+/"', told[-1]["html"])
    assert told[-1]["announcement"] == "Done: 1 picture."
    balance = next(event for event in events if event.get("event") == "balance")
    assert json.loads(balance["data"]) == {"balance": 98}


def test_when_a_job_fails_then_the_stream_says_why_and_what_next(site):
    person = new_person(site)
    events = listen(site, person)
    press(site, person, "a red apple !refuse")
    last = jobs_in(events, until=is_ended)[-1]
    assert "The model declined these words." in last["html"]
    assert "Not charged" in last["html"]
    assert "Edit the words" in last["html"]
    assert last["announcement"].startswith("Failed: ")


def test_when_a_page_comes_back_then_it_is_told_what_it_missed(site):
    person = new_person(site)
    events = listen(site, person)
    press(site, person, "first")
    cursor = jobs_in(events, until=is_ended)[-1]["cursor"]
    events.close()
    missed = press(site, person, "second")
    until = time.monotonic() + 20
    while "data-active" in person.get(f"{site.url}/jobs/{missed}/", timeout=20).text:
        assert time.monotonic() < until
        time.sleep(0.2)
    told = jobs_in(
        events_of(person, site.url, cursor=cursor),
        until=lambda news: news["job"] == missed,
    )
    assert is_ended(told[-1])


def test_when_jobs_wait_then_their_places_are_told(site):
    person = new_person(site)
    press(site, person, "a slow one !slow=6", model="fake-local")
    waiting = press(site, person, "after it", model="fake-local")
    events = events_of(person, site.url)
    words = next(event for event in events if event.get("event") == "waiting")
    assert json.loads(words["data"])[waiting].startswith("Waiting · next")


def test_when_others_draw_then_the_stream_is_silent_but_alive(site):
    alice, bob = new_person(site), new_person(site)
    events = listen(site, bob)
    job = press(site, alice, "a red apple")
    heard = []
    for event in events:
        heard.append(event)
        if "" in event:  # the heartbeat, a comment
            break
    assert job not in json.dumps(heard)
    assert {event.get("event") for event in heard} <= {None, "balance"}


def test_when_nobody_is_signed_in_then_there_is_no_stream(site):
    assert requests.get(f"{site.url}/events/", timeout=20).status_code == 403


def test_when_the_cursor_is_nonsense_then_it_is_refused(site):
    person = new_person(site)
    answer = person.get(f"{site.url}/events/?after=yesterday", timeout=20)
    assert answer.status_code == 400


def test_when_the_server_is_stopped_then_streams_end_at_once(site, server):
    person = new_person(server)
    streams = [events_of(person, server.url) for _ in range(3)]
    for events in streams:
        next(events)
    assert server.stop() < 3


def test_when_browsers_leave_then_nothing_of_them_stays(site, server):
    person = new_person(server)
    process = psutil.Process(server.pid)
    for _ in range(12):
        events = events_of(person, server.url)
        next(events)
        next(events)
        events.close()
    until = time.monotonic() + 10
    while any(c.status == "ESTABLISHED" for c in process.net_connections()):
        assert time.monotonic() < until
        time.sleep(0.2)
        person.close()
    database = [f for f in process.open_files() if f.path.endswith("db.sqlite3")]
    assert len(database) <= 2 + 2  # two lookers, and the threads of the last requests
    assert process.num_threads() < 12 + (os.cpu_count() or 1) + 4
