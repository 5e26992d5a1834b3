"""A span's figures are the sums of its jobs, whichever part was written down before."""

from datetime import datetime, timedelta
from zoneinfo import ZoneInfo

import pytest
import time_machine

from accounts.models import User
from generators.contracts import Lane
from generators.models import DayFigure, GenerationJob, PersonDay
from magicshot.dashboard.figures import figures
from magicshot.dashboard.spans import MONTH, TODAY
from tests.magicshot.dashboard.conftest import INDEX, failed

Status = GenerationJob.Status
Kind = GenerationJob.FailureKind
pytestmark = pytest.mark.django_db
NOW = datetime(2026, 11, 20, 15, 30, tzinfo=ZoneInfo("UTC"))


@pytest.fixture(autouse=True)
def _at_half_past_three():
    with time_machine.travel(NOW):
        yield


def credits(rows):
    return [(row.key, row.credits) for row in rows]


def test_when_jobs_ended_in_thirty_days_then_they_add_up(make_ended, alice, bob):
    make_ended(alice, settled_credits=4)
    make_ended(bob, at=NOW - timedelta(days=3), settled_credits=9, provider="local")
    make_ended(bob, at=NOW - timedelta(days=29), image_model_slug="ink")
    make_ended(alice, at=NOW - timedelta(days=3), **failed())
    make_ended(alice, at=NOW - timedelta(days=30))  # one too long ago
    found = figures(MONTH)
    assert found.outcomes == {Status.SUCCEEDED: 3, Status.FAILED: 1}
    assert (found.total.num_jobs, found.total.num_pictures) == (4, 3)
    assert found.total.credits == 18
    assert credits(found.people) == [(str(bob.pk), 14), (str(alice.pk), 4)]
    assert credits(found.providers) == [("fake", 9), ("local", 9)]
    assert credits(found.image_models) == [("brush", 13), ("ink", 5)]
    told = {slot.name: slot.outcomes for slot in found.slots if slot.outcomes}
    assert told == {
        "22 Oct": {Status.SUCCEEDED: 1},
        "17 Nov": {Status.SUCCEEDED: 1, Status.FAILED: 1},
        "20 Nov": {Status.SUCCEEDED: 1},
    }
    assert (len(found.slots), found.now) == (30, 29)


def test_when_it_is_added_up_again_then_it_says_the_same(make_ended, alice):
    for ago in (0, 1, 1, 12):
        make_ended(alice, at=NOW - timedelta(days=ago), actual_usd_micros=70)
    first = figures(MONTH)
    assert DayFigure.objects.exists()
    assert figures(MONTH) == first
    assert (first.total.cost_usd_micros, first.total.told_usd_micros) == (280, 280)


def test_when_today_is_asked_for_then_each_hour_has_its_own(make_ended, alice):
    make_ended(alice, at=NOW - timedelta(hours=2), settled_credits=3)
    make_ended(alice, at=NOW - timedelta(hours=15))  # half past midnight
    make_ended(alice, at=NOW - timedelta(hours=16))  # yesterday
    found = figures(TODAY)
    told = {slot.name: slot.credits for slot in found.slots if slot.outcomes}
    assert told == {"00:00": 5, "13:00": 3}
    assert (found.total.num_jobs, len(found.slots), found.now) == (2, 24, 15)


def test_when_the_site_lives_elsewhere_then_its_days_are_its_own(
    make_ended, alice, settings
):
    settings.TIME_ZONE = "Asia/Tokyo"  # where the 21st began half an hour ago
    make_ended(alice, at=NOW - timedelta(minutes=29))
    make_ended(alice, at=NOW - timedelta(minutes=31))
    assert figures(TODAY).total.num_jobs == 1
    assert figures(TODAY).now == 0
    slots = figures(MONTH).slots
    assert [(slot.name, slot.outcomes) for slot in slots[-2:]] == [
        ("20 Nov", {Status.SUCCEEDED: 1}),
        ("21 Nov", {Status.SUCCEEDED: 1}),
    ]


def test_when_cost_is_told_or_estimated_then_the_better_of_both_counts(
    make_ended, alice
):
    make_ended(alice, estimated_usd_micros=100, actual_usd_micros=120)
    make_ended(alice, estimated_usd_micros=100)
    make_ended(alice, estimated_usd_micros=100, **failed())
    make_ended(alice, estimated_usd_micros=100, actual_usd_micros=30, **failed())
    total = figures(TODAY).total
    assert (total.cost_usd_micros, total.told_usd_micros) == (250, 150)


def test_when_jobs_failed_then_kinds_come_with_their_latest_job(make_ended, alice):
    long_ago = NOW - timedelta(days=2)
    make_ended(alice, at=long_ago, **failed(Kind.REFUSED))
    down = make_ended(alice, at=long_ago, **failed(Kind.PROVIDER_DOWN))
    latest = make_ended(alice, **failed(Kind.REFUSED))
    found = figures(MONTH).failures
    assert [(each.key, each.num_jobs, each.example) for each in found] == [
        (Kind.REFUSED, 2, latest.pk),
        (Kind.PROVIDER_DOWN, 1, down.pk),
    ]


def test_when_lanes_differ_then_their_times_stand_apart(make_ended, alice):
    for _ in range(20):
        make_ended(alice)
    make_ended(alice, pressed=NOW - timedelta(seconds=110))
    make_ended(alice, lane=Lane.LOCAL, pressed=NOW - timedelta(seconds=40))
    found = figures(TODAY)
    local, remote = found.waiting
    assert (local.lane, local.num_jobs) == (Lane.LOCAL, 1)
    assert local.p50 == pytest.approx(30, rel=0.13)
    assert (remote.lane, remote.num_jobs) == (Lane.REMOTE, 21)
    assert remote.p50 == pytest.approx(2, rel=0.13)
    assert remote.p95 < 3
    assert found.any_waiting.num_jobs == 22
    assert [each.p50 for each in found.drawing] == pytest.approx([10, 10], rel=0.13)


def test_when_people_are_many_then_only_the_first_ten_are_told(make_ended, db):
    people = [User.objects.create_user(f"p{n}@example.org") for n in range(12)]
    for number, person in enumerate(people):
        make_ended(person, settled_credits=number)
    found = credits(figures(MONTH).people)
    assert found == [(str(people[n].pk), n) for n in range(11, 1, -1)]


def test_when_somebody_left_then_their_jobs_count_but_are_nobodys(
    make_ended, alice, boss
):
    days = (NOW, NOW - timedelta(days=1), NOW - timedelta(days=2))
    gone = [make_ended(None, at=at, settled_credits=9) for at in days]
    make_ended(alice, settled_credits=4)
    found = figures(MONTH)
    assert credits(found.people) == [(str(alice.pk), 4)]
    assert found.total.num_jobs == 1 + len(gone)
    assert found.total.credits == 4 + 9 * len(gone)
    assert set(PersonDay.objects.values_list("owner", flat=True)) <= {alice.pk}
    page = boss.get(INDEX)
    assert page.status_code == 200
    assert alice.email in page.content.decode()


def test_when_nothing_ever_happened_then_everything_is_empty(db):
    for span in (TODAY, MONTH):
        found = figures(span)
        assert found.total.num_jobs == 0
        assert found.outcomes == {}
        assert (found.people, found.failures, found.any_waiting) == ([], [], None)


def test_when_history_grows_then_no_more_is_asked(
    make_ended, alice, django_assert_num_queries
):
    figures(MONTH)  # writes the days before today down
    with django_assert_num_queries(7):
        figures(MONTH)
    for number in range(40):
        make_ended(alice, image_model_slug=f"brush-{number}")
    with django_assert_num_queries(7):
        figures(MONTH)
