"""Leaving a saddle: when theory says so, sooner with noise, at rates named for what they are."""

import math

import pytest
import torch

from course_lib.experiments.sgd.saddle import (
    CYCLE,
    LOW,
    RATES,
    escape,
    rate_factors,
    share_definite,
)
from course_lib.sgd import cyclical


def test_on_the_ridge_plain_descent_never_leaves_and_beside_it_it_leaves_when_predicted():
    never = escape(0.1, 0.0, 0.0, "constant")
    assert never.left_at is None
    assert (never.path[:, 0] == 0).all() and never.path[-1].norm() < 1e-9
    for offset in (1e-12, 1e-8, 1e-4):
        found = escape(0.1, offset, 0.0, "constant")
        assert abs(found.left_at - math.log(0.5 / offset) / math.log(1.1)) < 4
        small = found.predicted < 1e-2
        assert torch.allclose(found.path[small, 0], found.predicted[small], rtol=1e-2, atol=0)


def test_noise_leaves_the_ridge_sooner_the_stronger_it_is():
    steps = [escape(0.1, 0.0, noise, "constant").left_at for noise in (1e-8, 1e-4, 1e-2)]
    assert None not in steps
    assert steps == sorted(steps, reverse=True)


def test_cyclical_rates_have_the_mean_and_the_peak_they_are_named_after():
    cycle = 2 * CYCLE
    mean, peak = (rate_factors(rate, cycle) for rate in RATES[1:])
    assert sum(mean) / cycle == pytest.approx(1)
    assert max(peak) == 1 and min(peak) == LOW
    assert peak == [cyclical(t, CYCLE, low=LOW) for t in range(cycle)]


def test_a_cyclical_rate_of_the_same_mean_may_leave_sooner_or_later():
    constant, same_mean, _ = RATES
    later = [
        escape(0.1, offset, 0.0, same_mean).left_at - escape(0.1, offset, 0.0, constant).left_at
        for offset in (1e-12, 1e-8)
    ]
    assert later[0] > 0 > later[1]


def test_the_share_of_definite_matrices_is_the_exact_one():
    """1 − 1/√2 in two dimensions, ½ − √2/π in three."""
    for d, exact in ((1, 1.0), (2, 1 - 1 / math.sqrt(2)), (3, 0.5 - math.sqrt(2) / math.pi)):
        found = share_definite(d)
        assert found.shape == (20,)
        assert abs(found.mean() - exact) <= 5 * math.sqrt(exact * (1 - exact) / 20_000)
