"""What is kept is made once, and anew when it is time."""

import time
from datetime import timedelta

import pytest
import time_machine
from django.core.cache import cache
from django.test import override_settings
from django.utils import timezone

from magicshot.dashboard import kept_figures, snapshots, tasks
from magicshot.dashboard.spans import MONTH, TODAY


class Maker:
    """Counts how often it was asked."""

    def __init__(self):
        self.number = 0

    def __call__(self):
        self.number += 1
        return self.number


def test_when_it_is_kept_then_it_is_made_once():
    make = Maker()
    assert [snapshots.kept("x", make).value for _ in range(3)] == [1, 1, 1]
    snapshots.forget(["x"])
    assert snapshots.kept("x", make).value == 2


def test_when_it_took_long_then_it_is_kept_long():
    assert snapshots.kept("x", Maker()).seconds == snapshots.SHORTEST_SECONDS
    slow = snapshots.kept("y", lambda: time.sleep(0.01))
    assert slow.seconds >= 0.01 * snapshots.SHARE


def test_when_half_of_its_time_is_over_then_it_is_renewed():
    make = Maker()
    snapshots.renew("x", make)
    snapshots.renew("x", make)
    assert make.number == 1
    keep_from(seconds_ago=40)
    snapshots.renew("x", make)
    assert snapshots.kept("x", make).value == 2


def keep_from(seconds_ago):
    """Keep a 7 that was made then and is good for a minute."""
    made_at = timezone.now() - timedelta(seconds=seconds_ago)
    old = snapshots.Snapshot(value=7, made_at=made_at, seconds=60)
    cache.set("dashboard:1:x", old)


def test_when_one_makes_it_anew_then_others_get_the_old_one():
    keep_from(seconds_ago=61)
    other, seen = Maker(), []

    def make():
        seen.append(snapshots.kept("x", other).value)
        snapshots.renew("x", other)
        return 8

    assert snapshots.kept("x", make).value == 8
    assert seen == [7]
    assert other.number == 0
    assert snapshots.kept("x", other).value == 8


def test_when_one_makes_the_first_then_others_make_it_too():
    other = Maker()
    made = snapshots.kept("x", lambda: snapshots.kept("x", other).value + 1)
    assert (made.value, other.number) == (2, 1)


def test_when_making_it_failed_then_the_next_makes_it():
    keep_from(seconds_ago=61)
    with pytest.raises(ZeroDivisionError):
        snapshots.kept("x", lambda: 1 // 0)
    assert snapshots.kept("x", Maker()).value == 1


def test_when_its_time_is_over_then_the_cache_still_has_it_for_others():
    with time_machine.travel(timezone.now(), tick=False) as clock:
        snapshots.kept("x", lambda: 7)
        clock.shift(snapshots.SHORTEST_SECONDS + 1)
        seen = []
        snapshots.kept("x", lambda: seen.append(snapshots.kept("x", Maker()).value))
    assert seen == [7]


def test_when_the_cache_is_away_then_it_is_made_each_time(caplog):
    away = {
        "default": {
            "BACKEND": "django.core.cache.backends.redis.RedisCache",
            "LOCATION": "redis://127.0.0.1:1",
        }
    }
    make = Maker()
    with override_settings(CACHES=away):
        assert [snapshots.kept("x", make).value for _ in range(2)] == [1, 2]
        snapshots.renew("x", make)
        snapshots.forget(["x"])
    assert "not kept" in caplog.text


@pytest.mark.django_db
def test_when_beat_comes_then_all_figures_are_there_before_anybody_looks(
    make_ended, alice, settings, django_assert_num_queries
):
    (entry,) = (
        each
        for each in settings.CELERY_BEAT_SCHEDULE.values()
        if each["task"] == tasks.keep_figures.name
    )
    assert entry["schedule"] == 60
    make_ended(alice)
    tasks.keep_figures()
    with django_assert_num_queries(0):
        assert kept_figures.figures_of(MONTH).value.total.num_jobs == 1
        assert kept_figures.figures_of(TODAY).value.total.num_jobs == 1
        assert kept_figures.stored().value.num_files == 0
        assert kept_figures.near_limits().value == []


@pytest.mark.django_db
def test_when_a_job_was_changed_by_hand_then_its_figures_are_made_anew(
    make_ended, alice
):
    assert kept_figures.figures_of(TODAY).value.total.num_jobs == 0
    make_ended(alice)
    kept_figures.forget()
    assert kept_figures.figures_of(TODAY).value.total.num_jobs == 1
