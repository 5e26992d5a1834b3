"""Percentiles read from buckets are near the true ones."""

import math
from collections import Counter
from datetime import timedelta
from statistics import NormalDist

import pytest
from django.db.models import DateTimeField, Value

from generators.models import Generation
from generators.time_buckets import SHORTEST_SECONDS, added, bucket, percentile
from tests.generators.test_day_figures import NOON

pytestmark = pytest.mark.django_db


def bucket_of(seconds):
    """Ask the database for the bucket of so many seconds."""
    end = NOON + timedelta(seconds=seconds)
    rows = Generation.objects.annotate(
        begun=Value(NOON, output_field=DateTimeField()),
        ended=Value(end, output_field=DateTimeField()),
    )
    return rows.values_list(bucket("begun", "ended"), flat=True).get()


@pytest.mark.parametrize("seconds", [0.02, 0.5, 1.0, 7.3, 60, 3600, 86_400])
def test_when_one_time_is_counted_then_it_is_read_back_within_a_bucket(alice, seconds):
    Generation.objects.create(owner=alice, prompt="")
    read = percentile({bucket_of(seconds): 1}, 0.5)
    assert seconds / 1.13 <= read <= seconds * 1.13


@pytest.mark.parametrize("seconds", [0, -3, 0.001])
def test_when_a_clock_was_wrong_then_the_time_counts_as_the_shortest(alice, seconds):
    Generation.objects.create(owner=alice, prompt="")
    assert bucket_of(seconds) == bucket_of(SHORTEST_SECONDS)


def test_when_many_are_counted_then_percentiles_are_near_the_true_ones():
    times = sorted(math.exp(each) for each in NormalDist(2, 1).samples(5000, seed=7))
    counted = Counter(math.floor(math.log10(each) * 20) for each in times)
    for share in (0.5, 0.95):
        true = times[int(share * len(times))]
        assert true / 1.07 <= percentile(counted, share) <= true * 1.07


def test_when_there_are_no_times_then_there_is_no_percentile():
    assert percentile({}, 0.5) is None


def test_when_buckets_are_added_then_json_ones_count_too():
    assert added([{3: 1}, {"3": 2, "-4": 1}]) == {3: 3, -4: 1}
