"""Whether the corrected interval holds the truth as often as it says, and how often the naive one does."""

import math

import pytest
import torch
from scipy import stats

from course_lib.capstone import repeated_subsampling
from course_lib.lab.coverage import coverage
from course_lib.lab.statistics import corrected_interval, mean_interval


@pytest.fixture(scope="module")
def found():
    return coverage((2, 10, 100), rows=1000, datasets=1500)


def test_naive_intervals_miss_more_often_the_more_repetitions_there_are(found):
    assert found.naive[0] > found.naive[1] > found.naive[2]
    # The mean of J results has variance E[s²]·(1/J + 1/4), the interval reckons with E[s²]/J
    for J, share in zip((10, 100), found.naive[1:].tolist()):
        expected = 2 * stats.t.cdf(stats.t.ppf(0.975, J - 1) / math.sqrt(1 + J / 4), J - 1) - 1
        assert share == pytest.approx(expected, abs=0.06)
    assert found.half_naive[2] < found.half_naive[1] / 3


def test_corrected_intervals_hold_the_truth_as_often_as_they_say(found):
    """Within 2.5 points of 95 %: the quantile of t is not exact for correlated results."""
    assert (found.corrected[1:] - 0.95).abs().max() < 0.025
    assert found.half_corrected[2] > 0.5 * found.half_corrected[1]
    assert found.half_corrected / found.half_naive == pytest.approx([math.sqrt(1 + J / 4) for J in (2, 10, 100)])


def test_the_intervals_are_those_of_the_statistics():
    found = coverage((5,), accuracy=0.8, rows=50, datasets=7, seed=3)
    generator = torch.Generator().manual_seed(3)
    right = torch.rand(7, 50, generator=generator) < 0.8
    divisions = repeated_subsampling(50, 5, 0.2, generator)
    for name, interval in (("naive", mean_interval), ("corrected", lambda v: corrected_interval(v, 40, 10))):
        intervals = [interval([row[test].double().mean().item() for _, test in divisions]) for row in right]
        held = [not one.excludes(0.8) for one in intervals]
        assert getattr(found, name).tolist() == pytest.approx([sum(held) / 7])
        half = sum(one.half_width for one in intervals) / 7
        assert getattr(found, f"half_{name}").tolist() == pytest.approx([half])


@pytest.mark.parametrize(("arguments", "message"), [
    ({"accuracy": 1.0}, r"^accuracy = 1.0: must be a finite number in \(0, 1\)$"),
    ({"repetitions": (10, 1)}, r"^repetitions = 1: must be a finite number in \[2, ∞\)$"),
    ({"datasets": 0}, "^datasets = 0: "),
    ({"rows": 2}, "^test_fraction = 0.2 of 2 rows is 0: "),
])  # fmt: skip
def test_what_cannot_be_drawn_is_refused(arguments, message):
    with pytest.raises(ValueError, match=message):
        coverage(**{"repetitions": (2,), "datasets": 1, **arguments})
