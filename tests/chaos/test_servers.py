"""Redis and PostgreSQL go away and come back: everything submitted still ends."""

import signal
import time

import pytest

from tests.chaos.servers import PostgreSQL, Redis
from tests.chaos.site import Site, assert_right

pytestmark = [pytest.mark.chaos, pytest.mark.services, pytest.mark.timeout(3600)]

_PRESSES = (
    ("fake", "a red apple !slow=1"),
    ("fake-async", "a blue pear !polls=4 !poll-seconds=0.3"),
    ("fake-local", "a green leaf !steps=10 !step-seconds=0.1"),
    ("fake-local", "a yellow star"),
    ("fake", "a plum"),
)


def press_all(site: Site) -> list[str]:
    return [site.press(slug, prompt) for slug, prompt in _PRESSES]


def assert_all_drawn(site: Site, tokens: list[str]) -> None:
    for token in tokens:
        job = site.wait_for(token)
        assert_right(job)
        assert job["status"] == "succeeded", f"{job}\n{site.log_tail()}"
        assert job["submits"] == 1, job
    site.assert_in_order()


def test_when_redis_is_killed_then_what_waits_and_what_comes_meanwhile_is_drawn(
    served: Site, redis_server: Redis, kills: int
):
    for _ in range(kills):
        tokens = press_all(served)
        redis_server.stop(signal.SIGKILL)
        started = time.monotonic()
        tokens.append(served.press("fake", "pressed while Redis was away"))
        assert time.monotonic() - started < 10, "the press waited for Redis"
        served.tend_for(1)
        redis_server.start()
        assert_all_drawn(served, tokens)


def test_when_redis_is_flushed_then_everything_is_drawn(
    served: Site, redis_server: Redis, kills: int
):
    for _ in range(kills):
        tokens = press_all(served)
        redis_server.flush()
        assert_all_drawn(served, tokens)


def test_when_postgresql_is_stopped_at_once_then_work_goes_on_where_it_was(
    served: Site, postgresql_server: PostgreSQL, kills: int
):
    for _ in range(kills):
        tokens = press_all(served)
        for token in tokens[:3]:
            served.wait_for_event(token, "claim")
        postgresql_server.stop(signal.SIGQUIT)
        time.sleep(1.5)
        postgresql_server.start()
        for token in tokens:
            job = served.wait_for(token)
            assert_right(job)
            is_paid = job["price"] > 1
            assert not is_paid or job["submits"] <= 1, job
        served.assert_in_order()
