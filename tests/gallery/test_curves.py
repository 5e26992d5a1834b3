"""The curve of an optimisation: from edge to edge, and none where there is none."""

import pytest

from gallery.curves import HEIGHT, WIDTH, loss_curve


def test_it_goes_from_the_upper_left_to_the_lower_right():
    curve = loss_curve([100, 10, 1])
    assert curve.points == f"0.00,0.00 50.00,{HEIGHT / 2:.2f} {WIDTH}.00,{HEIGHT}.00"
    assert (curve.num_steps, curve.first, curve.lowest) == (2, "100", "1")


def test_the_edges_are_the_most_and_the_least_and_not_the_ends():
    curve = loss_curve([2, 5.5, 0.012, 0.5])
    assert (curve.highest, curve.lowest) == ("5.5", "0.012")
    assert curve.first == "2"


def test_what_is_nearly_nothing_is_said_in_words():
    assert loss_curve([1, 0.000_004]).lowest == "under 0.001"


def test_a_flat_one_is_drawn():
    assert loss_curve([3, 3]).points == f"0.00,{HEIGHT}.00 {WIDTH}.00,{HEIGHT}.00"


@pytest.mark.parametrize("losses", [[], [1], [0, 0], [1, 0]], ids=str)
def test_where_there_is_none_nothing_is_drawn(losses):
    assert loss_curve(losses) is None
