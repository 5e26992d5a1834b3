"""Those near a limit are found by what they used, and measured by their own rules."""

from datetime import timedelta

import pytest
from django.utils import timezone

from accounts.models import NO_LIMIT, Group, Quota, User
from accounts.site_days import day_began
from generators.models import GenerationJob
from generators.usage import usage_of
from magicshot.dashboard.limits import near_limits
from magicshot.dashboard.storage import Shelf

Status = GenerationJob.Status
pytestmark = pytest.mark.django_db


def told(heaviest=()):
    return [
        (each.owner, each.used.rule.name, each.used.used)
        for each in near_limits(heaviest)
    ]


def test_when_there_are_no_quotas_then_nobody_is_near(
    make_ended, alice, django_assert_num_queries
):
    make_ended(alice, settled_credits=900)
    with django_assert_num_queries(1):
        assert told() == []


def test_when_four_fifths_are_used_then_one_is_near(make_ended, alice, bob):
    Quota.objects.create(credits_per_month=10)
    make_ended(alice, settled_credits=8)
    make_ended(bob, settled_credits=7)
    assert told() == [(alice.pk, "credits_per_month", 8)]


def test_when_a_job_has_not_ended_then_what_it_asked_for_counts(make_ended, alice):
    Quota.objects.create(images_per_day=4)
    make_ended(
        alice, status=Status.RUNNING, finished_at=None, settled_credits=None,
        num_images=4,
    )  # fmt: skip
    (found,) = near_limits(())
    assert (found.used.used, found.percent) == (4, 100)
    assert found.used.used == usage_of(alice)["images_per_day"].used


def test_when_a_job_is_of_yesterday_then_it_counts_for_the_month_alone(
    make_ended, alice
):
    Quota.objects.create(images_per_day=1, credits_per_month=5)
    yesterday = day_began() - timedelta(minutes=1)
    if yesterday.month != timezone.localtime().month:
        pytest.skip("the month began today")
    make_ended(alice, at=timezone.now(), pressed=yesterday)
    assert told() == [(alice.pk, "credits_per_month", 5)]


def test_when_people_have_rules_of_their_own_then_these_count(make_ended, alice, bob):
    group = Group.objects.create(name="Class")
    carol = User.objects.create_user("carol@example.org", group=group)
    dora = User.objects.create_user("dora@example.org")
    Quota.objects.create(credits_per_day=10)
    Quota.objects.create(group=group, credits_per_day=40)
    Quota.objects.create(user=bob, credits_per_day=NO_LIMIT)
    Quota.objects.create(user=dora, credits_per_day=0)
    for person, credits in ((alice, 9), (bob, 500), (carol, 30), (dora, 1)):
        make_ended(person, settled_credits=credits)
    assert told() == [(alice.pk, "credits_per_day", 9)]
    make_ended(carol, settled_credits=9)
    assert told() == [
        (carol.pk, "credits_per_day", 39),
        (alice.pk, "credits_per_day", 9),
    ]


def test_when_somebody_has_many_waiting_or_much_kept_then_they_are_near(
    make_ended, alice, bob
):
    Quota.objects.create(waiting_jobs=2, storage_mb=10)
    for _ in range(2):
        make_ended(alice, status=Status.QUEUED, finished_at=None, settled_credits=None)
    heaviest = [
        Shelf(owner=bob.pk, num_images=1, num_bytes=8_500_000),
        Shelf(owner=alice.pk, num_images=1, num_bytes=7_000_000),
    ]
    assert told(heaviest) == [
        (alice.pk, "waiting_jobs", 2),
        (bob.pk, "storage_mb", 9),
    ]


def test_when_people_are_many_then_no_more_is_asked(
    make_ended, db, django_assert_max_num_queries
):
    Quota.objects.create(credits_per_month=5, images_per_day=1, waiting_jobs=9)
    for number in range(30):
        make_ended(User.objects.create_user(f"p{number}@example.org"))
    with django_assert_max_num_queries(5):
        assert len(near_limits(())) == 10
