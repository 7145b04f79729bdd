"""Figures as people read them: the digits that are known, true minus signs, bounds in words."""

import math

import pytest

from course_lib.base.figures import bound_words, interval_words, number


@pytest.mark.parametrize(
    ("interval", "said"),
    [
        ((0.7309, -0.3378, 1.8), "0.7 [−0.3, 1.8]"),
        ((2.826, 2.008, 3.644), "2.8 [2.0, 3.6]"),
        ((-0.01246, -0.0153, -0.009598), "−0.0125 [−0.0153, −0.0096]"),
        ((1.118, 1.117, 1.12), "1.1180 [1.1170, 1.1200]"),
        ((-0.01843, -0.819, 0.7821), "0.0 [−0.8, 0.8]"),  # not −0.0
        ((7887.4, 7012.0, 8763.0), "7887 [7012, 8763]"),
        ((2e-12, 1e-12, 3e-12), "2e-12 [1e-12, 3e-12]"),
        ((0.5, 0.5, 0.5), "0.5 [0.5, 0.5]"),
        ((math.inf, 1.5, math.inf), "inf [1.5, inf]"),
    ],
)
def test_an_interval_is_said_to_the_digit_that_is_uncertain(interval, said):
    assert interval_words(*interval) == said


def test_an_end_beside_a_bound_is_not_rounded_onto_it():
    assert interval_words(0.6, 0.04, 1.2) == "0.6 [0.0, 1.2]"
    assert interval_words(0.6, 0.04, 1.2, bounds=(0,)) == "0.60 [0.04, 1.20]"
    assert interval_words(0.6, 0.0, 1.2, bounds=(0,)) == "0.6 [0.0, 1.2]"  # it is the bound
    assert interval_words(0.6, 1e-9, 1.2, bounds=(0,)) == "0.600000 [0.000000, 1.200000]"


def test_numbers_and_bounds_in_words():
    assert [number(-0.04), number(12345.6), number(-0.04, 1)] == ["−0.04", "1.235e+04", "0.0"]
    assert bound_words(-math.inf, -0.05) == "below −0.05"
    assert bound_words(0.5, math.inf, "points") == "above 0.5 points"
    assert bound_words(-1, 1) == "within ±1" and bound_words(-1, 2) == "between −1 and 2"
