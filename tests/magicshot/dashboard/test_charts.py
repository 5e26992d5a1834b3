"""Bars stand where their values say, and the table says the same."""

import pytest

from magicshot.dashboard import amounts
from magicshot.dashboard.charts import Bar, Series, measured, nice_top, stacked


def chart(*values, names=("Mon", "Tue")):
    series = [
        Series(tone=f"t{place}", label=f"Thing {place}", values=each)
        for place, each in enumerate(values)
    ]
    return stacked(
        "Things", names, series,
        written=amounts.whole, scaled=amounts.short, slot_title="Day",
    )  # fmt: skip


def test_when_bars_are_stacked_then_each_stands_on_the_one_before():
    found = chart([10, 0], [5, 20])
    assert [shape.path for shape in found.shapes] == [
        "M1.5 50.00h7v50.00h-7z",
        "M1.5 25.00h7v25.00h-7zM11.5 0.00h7v100.00h-7z",
    ]
    assert found.scale == ["20", "10", "0"]
    assert found.width == 20


def test_when_it_is_read_aloud_then_it_says_the_sums_and_each_slot():
    found = chart([10, 0], [5, 20])
    assert found.summary == "Things: 10 thing 0, 25 thing 1."
    assert [column.words for column in found.columns] == [
        "Mon: 10 thing 0, 5 thing 1",
        "Tue: 20 thing 1",
    ]
    assert [column.cells for column in found.columns] == [["10", "5"], ["0", "20"]]
    assert [each.words for each in found.legend] == ["10", "25"]


def test_when_a_series_is_empty_then_it_is_left_out():
    assert [each.label for each in chart([1, 2], [0, 0]).legend] == ["Thing 0"]


def test_when_there_is_nothing_then_the_chart_says_so():
    found = chart([0, 0], [0, 0])
    assert found.is_empty
    assert found.columns[0].words == "Mon: nothing"
    assert not chart([0, 1]).is_empty


def test_when_slots_are_many_then_few_are_named_and_the_last_is():
    found = chart([1] * 30, names=[str(n) for n in range(30)])
    assert [each.name for each in found.columns if each.is_named] == [
        "4", "9", "14", "19", "24", "29",
    ]  # fmt: skip


@pytest.mark.parametrize(
    ("highest", "top"),
    [(0, 2), (1, 2), (2, 2), (3, 4), (5, 6), (9, 10), (10, 10), (11, 20), (41, 60),
     (1001, 2000), (999_999, 1_000_000)],
)  # fmt: skip
def test_when_the_highest_is_known_then_the_scale_is_round(highest, top):
    assert nice_top(highest) == top


def test_when_lines_are_listed_then_the_longest_is_whole():
    bars = measured([Bar(name=n, value=v, words="") for n, v in (("a", 4), ("b", 1))])
    assert [bar.percent for bar in bars] == [100, 25]
    assert measured([Bar(name="a", value=0, words="")])[0].percent == 0


@pytest.mark.parametrize(
    ("written", "words"),
    [
        (amounts.short(0.5), "0.5"),
        (amounts.short(1200), "1.2k"),
        (amounts.short(4_000_000), "4M"),
        (amounts.dollars(0), "$0.00"),
        (amounts.dollars(53_000), "$0.0530"),
        (amounts.dollars(1_234_500_000), "$1,234.50"),
        (amounts.short_dollars(2_000_000_000), "$2k"),
        (amounts.seconds(0.44), "0.4 s"),
        (amounts.seconds(9.96), "10 s"),
        (amounts.seconds(200), "3 min"),
        (amounts.seconds(9000), "2.5 h"),
        (amounts.size(999), "999 bytes"),
        (amounts.size(1_400_000_000), "1.4 GB"),
        (amounts.counted(1, "job"), "1 job"),
        (amounts.counted(1200, "job"), "1,200 jobs"),
    ],
)
def test_when_figures_are_written_then_as_people_read_them(written, words):
    assert written == words
