"""A worker that stands still past its lease and then goes on harms nothing."""

import pytest

from tests.chaos.site import Site, assert_right, on_each

pytestmark = [pytest.mark.chaos, pytest.mark.timeout(3600)]


def test_when_a_local_worker_stalls_then_another_draws_and_the_first_stops(
    sites: list[Site], kills: int
):
    def stall(site: Site) -> None:
        token = site.press("fake-local", "a red apple !steps=20 !step-seconds=0.1")
        site.wait_for_event(token, "claim")
        site.tend_for(0.5)
        with site.members["local"].stalled() as first:
            job = site.wait_for(token)
            assert job["status"] == "succeeded"
            assert job["attempts"] == 1
            first.wake()
            site.tend_for(3)
            assert first.process.poll() is None, "the first worker died of it"
        assert_right(site.job(token))
        assert site.job(token)["submits"] == 2
        site.assert_in_order()

    on_each(sites, stall, times=kills)


def test_when_a_worker_stalls_in_a_paid_call_then_it_may_still_deliver_but_never_twice(
    sites: list[Site], kills: int
):
    def stall(site: Site) -> None:
        token = site.press("fake", "a red apple !slow=2")
        site.wait_for_event(token, "claim")
        site.tend_for(0.5)
        with site.members["remote"].stalled() as first:
            site.wait_for(token, "unknown")
            first.wake()
            job = site.wait_for(token)
            site.tend_for(1)
        assert_right(job)
        assert job["submits"] == 1
        assert site.job(token)["ends"] == 1
        site.assert_in_order()

    on_each(sites, stall, times=kills)
