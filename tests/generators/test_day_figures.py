"""Days add up to what their jobs say, once, by the site's clock."""

from datetime import date, datetime, timedelta
from zoneinfo import ZoneInfo

import pytest
import time_machine
from django.utils import timezone

from generators import day_figures
from generators.contracts import Lane
from generators.models import DayFigure, Generation, GenerationJob, PersonDay

Status = GenerationJob.Status
Kind = GenerationJob.FailureKind
Subject = DayFigure.Subject
pytestmark = pytest.mark.django_db
DAY = date(2026, 11, 20)
NOON = datetime(2026, 11, 20, 12, tzinfo=ZoneInfo("UTC"))


@pytest.fixture
def ended(db):
    """Make a job that ended at a moment."""

    def make(owner, at=NOON, **columns):
        usual = {
            "image_model_slug": "brush",
            "image_model_label": "Brush",
            "provider": "fake",
            "lane": Lane.REMOTE,
            "status": Status.SUCCEEDED,
            "num_delivered": 2,
            "settled_credits": 10,
            "started_at": at - timedelta(seconds=8),
            "finished_at": at,
        }
        waited = columns.pop("waited", 2)
        job = GenerationJob.objects.create(
            generation=Generation.objects.create(owner=owner, prompt="an apple"),
            owner=owner,
            recipe={},
            width=64,
            height=64,
            price_credits=5,
            **(usual | columns),
        )
        began = job.drawing_since or job.started_at or at
        pressed = began - timedelta(seconds=waited)
        GenerationJob.objects.filter(pk=job.pk).update(created_at=pressed)
        return job

    return make


def failed(kind):
    return {
        "status": Status.FAILED,
        "failure_kind": kind,
        "num_delivered": 0,
        "settled_credits": 0,
    }


def told(day, subject):
    """Return what a day's rows say of a subject, by key."""
    rows = DayFigure.objects.filter(day=day, subject=subject)
    return {
        row.key: (row.num_jobs, row.num_pictures, row.credits, row.cost_usd_micros)
        for row in rows
    }


def test_when_a_day_is_kept_then_each_thing_adds_up(ended, alice, bob):
    ended(alice, estimated_usd_micros=100, actual_usd_micros=90)
    ended(bob, estimated_usd_micros=70, image_model_slug="ink")
    latest = ended(alice, estimated_usd_micros=70, **failed(Kind.REFUSED))
    ended(alice, status=Status.CANCELED, num_delivered=0, settled_credits=0)
    ended(alice, lane=Lane.LOCAL, provider="local", image_model_slug="spark")
    day_figures.keep(DAY)
    assert told(DAY, Subject.OUTCOME) == {
        Status.SUCCEEDED: (3, 6, 30, 160),
        Status.FAILED: (1, 0, 0, 0),  # nothing was delivered, so no estimate is due
        Status.CANCELED: (1, 0, 0, 0),
    }
    assert told(DAY, Subject.IMAGE_MODEL) == {
        "brush": (3, 2, 10, 90),
        "ink": (1, 2, 10, 70),
        "spark": (1, 2, 10, 0),
    }
    assert told(DAY, Subject.PROVIDER)["fake"] == (4, 4, 20, 160)
    (failure,) = DayFigure.objects.filter(subject=Subject.FAILURE)
    assert (failure.key, failure.example) == (Kind.REFUSED, latest)
    (good,) = DayFigure.objects.filter(subject=Subject.OUTCOME, key=Status.SUCCEEDED)
    assert good.told_usd_micros == 90
    people = PersonDay.objects.values_list("owner", "num_jobs", "credits")
    assert set(people) == {(alice.pk, 4, 20), (bob.pk, 1, 10)}


def test_when_a_day_is_kept_again_then_it_says_the_same(ended, alice):
    ended(alice)
    for _ in range(2):
        day_figures.keep(DAY)
    first = told(DAY, Subject.OUTCOME)
    assert first == {Status.SUCCEEDED: (1, 2, 10, 0)}
    ended(alice)
    day_figures.keep(DAY)
    assert told(DAY, Subject.OUTCOME) == {Status.SUCCEEDED: (2, 4, 20, 0)}
    assert PersonDay.objects.get().credits == 20
    assert DayFigure.objects.filter(subject=Subject.DAY).count() == 1


def test_when_a_job_ends_at_midnight_then_it_belongs_to_the_day_that_begins(
    ended, alice, settings
):
    settings.TIME_ZONE = "Pacific/Auckland"
    midnight = datetime(2026, 11, 20, tzinfo=ZoneInfo("Pacific/Auckland"))
    ended(alice, midnight)
    ended(alice, midnight - timedelta(microseconds=1))
    for day in (DAY, DAY - timedelta(days=1)):
        day_figures.keep(day)
        assert told(day, Subject.OUTCOME) == {Status.SUCCEEDED: (1, 2, 10, 0)}


@pytest.mark.parametrize(
    ("name", "day", "hours"),
    [
        ("Europe/Berlin", date(2026, 3, 29), 23),
        ("Europe/Berlin", date(2026, 10, 25), 25),
        ("UTC", DAY, 24),
    ],
)
def test_when_clocks_change_then_a_day_has_the_hours_it_has(settings, name, day, hours):
    settings.TIME_ZONE = name
    after = day_figures.began_at(day + timedelta(days=1))
    utc = ZoneInfo("UTC")
    began = day_figures.began_at(day).astimezone(utc)
    assert (after.astimezone(utc) - began) == timedelta(hours=hours)


def test_when_times_are_kept_then_by_lane_and_of_what_was_drawn(ended, alice):
    ended(alice, waited=2)
    ended(alice, waited=2, drawing_since=NOON - timedelta(seconds=4))
    ended(alice, waited=200, lane=Lane.LOCAL, **failed(Kind.TIMED_OUT))
    ended(alice, started_at=None, status=Status.CANCELED, settled_credits=0)
    day_figures.keep(DAY)
    rows = DayFigure.objects.filter(subject__in=(Subject.WAITING, Subject.DRAWING))
    counts = {(row.subject, row.key): row.num_jobs for row in rows}
    assert counts == {
        (Subject.WAITING, Lane.REMOTE): 2,
        (Subject.WAITING, Lane.LOCAL): 1,
        (Subject.DRAWING, Lane.REMOTE): 2,
    }
    drawing = rows.get(subject=Subject.DRAWING)
    assert sum(drawing.buckets.values()) == 2
    assert len(drawing.buckets) == 2  # 8 and 4 seconds


def test_when_days_are_missing_then_they_are_caught_up_once(
    ended, alice, django_assert_num_queries
):
    ended(alice)
    with time_machine.travel(NOON + timedelta(days=3)):
        day_figures.catch_up(DAY - timedelta(days=2), DAY)
        kept = DayFigure.objects.filter(subject=Subject.DAY)
        assert kept.count() == 3
        with django_assert_num_queries(1):
            day_figures.catch_up(DAY - timedelta(days=2), DAY)


def test_when_a_day_was_kept_too_early_then_it_is_kept_again(ended, alice):
    ended(alice)
    over = day_figures.began_at(DAY + timedelta(days=1))
    with time_machine.travel(over + timedelta(minutes=1)):
        day_figures.catch_up(DAY, DAY)
    ended(alice, over - timedelta(seconds=1))  # its transaction was slow to end
    with time_machine.travel(over + timedelta(minutes=2)):
        day_figures.catch_up(DAY, DAY)
    assert told(DAY, Subject.OUTCOME) == {Status.SUCCEEDED: (2, 4, 20, 0)}


def test_when_the_sites_clock_is_another_then_days_are_kept_anew(
    ended, alice, settings
):
    ended(alice, NOON + timedelta(hours=11))
    with time_machine.travel(NOON + timedelta(days=3)):
        day_figures.catch_up(DAY, DAY)
        settings.TIME_ZONE = "Europe/Berlin"
        ended(alice, NOON + timedelta(hours=11, minutes=30))
        day_figures.catch_up(DAY, DAY + timedelta(days=1))
    assert told(DAY, Subject.OUTCOME) == {}
    assert told(DAY + timedelta(days=1), Subject.OUTCOME)[Status.SUCCEEDED][0] == 2


def test_when_figures_are_old_then_they_go(ended, alice):
    old = DAY - timedelta(days=day_figures.KEPT_DAYS + 1)
    ended(alice, NOON - timedelta(days=day_figures.KEPT_DAYS + 1))
    day_figures.keep(old)
    assert PersonDay.objects.filter(day=old).exists()
    day_figures.keep(DAY)
    assert not DayFigure.objects.filter(day=old).exists()
    assert not PersonDay.objects.filter(day=old).exists()


def test_when_a_person_goes_then_their_days_go_and_the_sums_stay(ended, alice):
    ended(alice)
    day_figures.keep(DAY)
    GenerationJob.objects.all().delete()
    alice.delete()
    assert not PersonDay.objects.exists()
    assert told(DAY, Subject.OUTCOME) == {Status.SUCCEEDED: (1, 2, 10, 0)}


def test_when_nothing_ended_then_a_day_is_kept_all_the_same(db):
    day_figures.keep(DAY)
    (row,) = DayFigure.objects.all()
    assert (row.subject, row.day) == (Subject.DAY, DAY)
    assert row.made_at <= timezone.now()
