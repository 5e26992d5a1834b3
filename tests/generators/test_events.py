"""The change feed tells every version once, in whatever order they were committed."""

import datetime

import pytest

from generators import clock, events, jobs, moves, queue
from generators.clock import after, before
from generators.contracts import Lane
from generators.events import Cursor, changed_since, cursor_now
from generators.models import GenerationJob
from tests import factories

pytestmark = pytest.mark.django_db


def look(user, cursor):
    changes = changed_since(user, cursor)
    return {job.pk for job in changes.jobs}, changes.cursor


def test_what_is_there_already_is_not_told(alice):
    factories.make_job(alice)
    assert look(alice, cursor_now(alice))[0] == set()


def test_each_change_is_told_once(alice):
    cursor = cursor_now(alice)
    job = factories.make_job(alice, model=factories.LOCAL)
    told, cursor = look(alice, cursor)
    assert told == {job.pk}
    assert look(alice, cursor) == (set(), cursor)
    claim = queue.claim_next(Lane.LOCAL)
    told, cursor = look(alice, cursor)
    assert told == {job.pk}
    moves.cancel(claim.rows, job)
    told, cursor = look(alice, cursor)
    assert told == {job.pk}
    assert look(alice, cursor)[0] == set()


def test_others_changes_are_not_told(alice, bob):
    cursor = cursor_now(alice)
    factories.make_job(bob)
    assert look(alice, cursor)[0] == set()


def test_a_change_that_became_visible_late_is_told(alice):
    """PostgreSQL may show a row stamped earlier after one stamped later."""
    late = factories.make_job(alice)
    early = factories.make_job(alice)
    cursor = cursor_now(alice)
    GenerationJob.objects.filter(pk=early.pk).update(version=2, changed_at=after(0))
    told, cursor = look(alice, cursor)
    assert told == {early.pk}
    GenerationJob.objects.filter(pk=late.pk).update(
        version=2, changed_at=before(events.OVERLAP_SECONDS - 1)
    )
    told, cursor = look(alice, cursor)
    assert told == {late.pk}
    assert look(alice, cursor)[0] == set()


def test_a_cursor_comes_back_from_text_and_repeats_rather_than_misses(alice):
    cursor = cursor_now(alice)
    job = factories.make_job(alice)
    again = Cursor.parse(str(cursor))
    assert again.moment == cursor.moment
    assert look(alice, again)[0] == {job.pk}


@pytest.mark.parametrize(
    "text",
    [
        "",
        "nonsense",
        "2026-11-23T10:00:00",
        "'; drop",
        "0001-01-01T00:00:00+00:00",
        "0001-01-01T00:00:00+14:00",
        "9999-12-31T23:59:59-14:00",
    ],
)
def test_a_cursor_that_is_none_is_refused(text):
    with pytest.raises(ValueError, match=r".+"):
        Cursor.parse(text)


def test_a_cursor_of_the_far_future_is_taken_for_now(alice):
    far = Cursor.parse("9998-12-31T23:59:59-14:00")
    cursor, is_stale = events.resume(alice, far)
    assert not is_stale
    job = factories.make_job(alice)
    assert look(alice, cursor)[0] == {job.pk}


def test_a_page_that_was_away_for_long_is_told_only_the_newest(alice, monkeypatch):
    monkeypatch.setattr(events, "MOST_MISSED", 2)
    old = Cursor.parse("2020-01-01T00:00:00+00:00")
    made = [factories.make_job(alice) for _ in range(4)]
    for number, job in enumerate(made):
        ago = before(100 * (4 - number))
        GenerationJob.objects.filter(pk=job.pk).update(changed_at=ago)
    cursor, is_stale = events.resume(alice, old)
    assert is_stale
    assert look(alice, cursor)[0] == {job.pk for job in made[1:]}
    made[0].delete()
    made[1].delete()
    cursor, is_stale = events.resume(alice, old)
    assert (cursor, is_stale) == (old, False)


def test_a_quiet_look_is_one_query(alice, django_assert_num_queries):
    factories.make_job(alice)
    cursor = cursor_now(alice)
    with django_assert_num_queries(1):
        changed_since(alice, cursor)


def test_a_whole_life_is_told_in_rising_versions(alice):
    cursor = cursor_now(alice)
    job = factories.make_job(alice)
    versions = []
    for step in (lambda: None, lambda: jobs.run_next(Lane.REMOTE, worker="test")):
        step()
        changes = changed_since(alice, cursor)
        cursor = changes.cursor
        versions += [each.version for each in changes.jobs if each.pk == job.pk]
    assert len(versions) == 2
    assert versions == sorted(set(versions))


def test_the_databases_clock_is_now():
    difference = clock.read() - datetime.datetime.now(tz=datetime.UTC)
    assert abs(difference) < datetime.timedelta(seconds=2)
