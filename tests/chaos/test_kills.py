"""SIGKILL at every kill point: no job is lost, no credit, no call is paid twice."""

from dataclasses import dataclass

import pytest

from tests.chaos import points
from tests.chaos.site import Site, assert_right

pytestmark = [pytest.mark.chaos, pytest.mark.timeout(3600)]

DRAWN = "succeeded"
FAILED = "failed"


@dataclass(frozen=True, kw_only=True)
class Case:
    """A model, where a process is killed, and what must have become of the job.

    ``most_submits`` is how often the service may have been asked: a paid one never
    twice, our own device again after a lost worker.
    """

    slug: str
    kill_at: tuple[str, ...]
    ends: str
    submits: tuple[int, ...]
    prompt: str = "a red apple"

    def __str__(self) -> str:
        return f"{self.slug} {' and '.join(self.kill_at)}"


CASES = [
    Case(slug="fake", kill_at=(points.LEASED,), ends=DRAWN, submits=(1,)),
    Case(slug="fake", kill_at=(points.BEFORE_SUBMIT,), ends=FAILED, submits=(0,)),
    Case(slug="fake", kill_at=(points.FILE_NO_ROW,), ends=FAILED, submits=(1,)),
    Case(
        slug="fake-async",
        kill_at=(points.SUBMITTED_NO_HANDLE,),
        ends=FAILED,
        submits=(1,),
    ),
    Case(slug="fake-async", kill_at=(points.HANDLE_SAVED,), ends=DRAWN, submits=(1,)),
    Case(slug="fake-async", kill_at=(points.MID_DOWNLOAD,), ends=DRAWN, submits=(1,)),
    Case(slug="fake-async", kill_at=(points.FILE_NO_ROW,), ends=DRAWN, submits=(1,)),
    Case(
        slug="fake-async", kill_at=(points.ROW_NO_SETTLEMENT,), ends=DRAWN, submits=(1,)
    ),
    Case(
        slug="fake-async", kill_at=(points.SETTLED_NO_COMMIT,), ends=DRAWN, submits=(1,)
    ),
    Case(
        slug="fake-async",
        kill_at=(points.MID_REFUND,),
        ends=FAILED,
        submits=(1,),
        prompt="a red apple !poll-refuse",
    ),
    Case(
        slug="fake-local",
        kill_at=(points.MID_DRAW,),
        ends=DRAWN,
        submits=(2,),
        prompt="a red apple !steps=5 !step-seconds=0.05",
    ),
    Case(slug="fake-local", kill_at=(points.BEFORE_SUBMIT,), ends=DRAWN, submits=(1,)),
    Case(slug="fake-local", kill_at=(points.FILE_NO_ROW,), ends=DRAWN, submits=(2,)),
    Case(slug="fake-local", kill_at=(points.SETTLED_NO_ACK,), ends=DRAWN, submits=(1,)),
    Case(
        slug="fake-local",
        kill_at=(points.LEASED, points.RECONCILER_BEFORE),
        ends=DRAWN,
        submits=(1,),
    ),
    Case(
        slug="fake-local",
        kill_at=(points.LEASED, points.RECONCILER_AFTER),
        ends=DRAWN,
        submits=(1,),
    ),
]


@pytest.mark.parametrize("case", CASES, ids=str)
def test_when_a_worker_is_killed_then_the_job_ends_rightly(
    site: Site, case: Case, kills: int
):
    for _ in range(kills):
        killed = sum(member.killed for member in site.members.values())
        for point in case.kill_at:
            site.arm(point)
        job = site.wait_for(site.press(case.slug, case.prompt))
        site.wait_until_disarmed(*case.kill_at)
        assert_right(job)
        assert job["status"] == case.ends, f"{job}\n{site.log_tail()}"
        assert job["submits"] in case.submits, job
        site.assert_in_order()
        died = sum(member.killed for member in site.members.values()) - killed
        assert died == len(case.kill_at)


def test_when_the_web_process_is_killed_before_the_publish_then_the_job_still_runs(
    site: Site, kills: int
):
    for _ in range(kills):
        site.arm(points.COMMITTED_NOT_PUBLISHED)
        token = site.press_and_die("fake-local", "a red apple")
        site.wait_until_disarmed(points.COMMITTED_NOT_PUBLISHED)
        job = site.wait_for(token)
        assert_right(job)
        assert job["status"] == DRAWN
        site.assert_in_order()


def test_when_a_press_is_repeated_after_a_crash_then_it_is_one_generation(
    site: Site, kills: int
):
    for _ in range(kills):
        site.arm(points.COMMITTED_NOT_PUBLISHED)
        token = site.press_and_die("fake", "a red apple")
        again = {"token": token, "slug": "fake", "prompt": "a red apple"}
        site.ask("submit", num_images=2, **again)
        job = site.wait_for(token)
        assert_right(job)
        assert job["submits"] == 1
        site.assert_in_order()
