"""Ratios over seeds, against the interval of their logarithms."""

import math

import pytest
import torch

from course_lib.lab.ratios import ratio_interval
from course_lib.lab.statistics import mean_interval


def test_it_is_the_interval_of_the_logarithms():
    a, b = torch.tensor([1.0, 2.0, 4.0]), torch.tensor([2.0, 2.0, 2.0])
    found, logs = ratio_interval(a, b), mean_interval([math.log(0.5), 0.0, math.log(2)])
    assert found.mean == pytest.approx(1) and found.high == pytest.approx(math.exp(logs.high))
    assert found.low * found.high == pytest.approx(1), "as far below as above, in times"
    assert found.detectable == pytest.approx(math.exp(logs.detectable) - 1)


def test_it_does_not_care_which_is_the_numerator():
    a, b = 1 + torch.rand(8, generator=torch.Generator().manual_seed(0)), torch.linspace(1, 3, 8)
    one, other = ratio_interval(a, b), ratio_interval(b, a)
    assert one.mean == pytest.approx(1 / other.mean) and one.low == pytest.approx(1 / other.high)


@pytest.mark.parametrize(("a", "b"), [([1.0, -1.0], [1.0, 1.0]), ([0.0, 1.0], [1.0, 1.0]), ([1.0, 1.0], [0.0, 1.0])])
def test_a_ratio_that_is_no_positive_number_is_refused(a, b):
    with pytest.raises(ValueError, match="finite"):
        ratio_interval(a, b)


def test_unequal_lengths_are_refused():
    with pytest.raises(ValueError, match="a has 2 values and b has 3: paired"):
        ratio_interval([1.0, 2.0], [1.0, 2.0, 3.0])
