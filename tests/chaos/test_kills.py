"""SIGKILL at every kill point: no job is lost, no credit, no call is paid twice."""

import random
from dataclasses import dataclass

import pytest

from tests.chaos import points
from tests.chaos.site import ROLES, Site, assert_right, on_each

pytestmark = [pytest.mark.chaos, pytest.mark.long, pytest.mark.timeout(3600)]

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
    sites: list[Site], case: Case, kills: int
):
    def kill_and_look(site: Site) -> None:
        killed = site.num_killed()
        for point in case.kill_at:
            site.arm(point)
        job = site.wait_for(site.press(case.slug, case.prompt))
        site.wait_until_killed(killed + len(case.kill_at))
        assert_right(job)
        assert job["status"] == case.ends, job
        assert job["submits"] in case.submits, job
        site.assert_in_order()
        assert site.num_killed() == killed + len(case.kill_at)

    on_each(sites, kill_and_look, times=kills)


def test_when_the_web_process_is_killed_before_the_publish_then_the_job_still_runs(
    sites: list[Site], kills: int
):
    def kill_and_look(site: Site) -> None:
        site.arm(points.COMMITTED_NOT_PUBLISHED)
        token = site.press_and_die("fake-local", "a red apple")
        assert not site.is_armed(points.COMMITTED_NOT_PUBLISHED)
        job = site.wait_for(token)
        assert_right(job)
        assert job["status"] == DRAWN
        site.assert_in_order()

    on_each(sites, kill_and_look, times=kills)


def test_when_a_press_is_repeated_after_a_crash_then_it_is_one_generation(
    sites: list[Site], kills: int
):
    def kill_and_look(site: Site) -> None:
        site.arm(points.COMMITTED_NOT_PUBLISHED)
        token = site.press_and_die("fake", "a red apple")
        again = {"token": token, "slug": "fake", "prompt": "a red apple"}
        site.ask("submit", num_images=2, **again)
        job = site.wait_for(token)
        assert_right(job)
        assert job["submits"] == 1
        site.assert_in_order()

    on_each(sites, kill_and_look, times=kills)


_BUSY = (
    ("fake", "a red apple !slow=0.5", 2),
    ("fake-async", "a blue pear !polls=3", 4),
    ("fake-async", "a plum !refused=1", 2),
    ("fake-local", "a green leaf !steps=5 !step-seconds=0.1", 3),
    ("fake", "!refuse", 1),
    ("fake-local-b", "a red apple", 1),
    ("fake", "!down !times=1", 1),
)


def test_when_anything_is_killed_at_any_time_then_everything_ends_rightly(
    sites: list[Site], kills: int
):
    def storm(site: Site) -> None:
        chance = random.Random(20261123)  # noqa: S311 (the same storm each time)  # noqa: S311
        presses = [
            (slug, site.press(slug, words, num_images=n))
            for slug, words, n in _BUSY * 2
        ]
        for _ in range(3 * kills):
            site.members[chance.choice(ROLES)].kill()
            site.tend_for(chance.uniform(0.1, 2.0))
            slug, words, n = chance.choice(_BUSY)
            presses.append((slug, site.press(slug, words, num_images=n)))
        for slug, token in presses:
            job = site.wait_for(token)
            assert_right(job)
            is_paid = not slug.startswith("fake-local")
            assert not is_paid or job["submits"] <= 1 or "postpone" in job["events"], (
                job
            )
        site.assert_in_order()

    on_each(sites, storm)
