"""What keeping a share of a weight costs: the lesson's numbers, the best share, a simulation."""

import math

import pytest
import torch

from course_lib.base.random import seeded
from course_lib.experiments.l1_l2.share_kept import best_share, parts


@pytest.mark.parametrize(
    ("share", "bias2", "variance"),
    [(1.0, 0.0, 1.0), (0.9, 0.01, 0.81), (0.5, 0.25, 0.25), (0.0, 1.0, 0.0)],
)
def test_the_lessons_numbers(share, bias2, variance):
    found = parts(share)
    assert found.bias2.item() == pytest.approx(bias2, abs=1e-15)
    assert found.variance.item() == pytest.approx(variance, abs=1e-15)
    assert found.total.item() == pytest.approx(bias2 + variance, abs=1e-15)


@pytest.mark.parametrize("weight", [0.0, -0.3, 1.0, 2.0, 10.0])
@pytest.mark.parametrize("variance", [0.2, 1.0, 30.0])
def test_no_other_share_is_better_than_the_best_and_the_best_is_not_all(weight, variance):
    best = best_share(weight, variance)
    others = torch.linspace(-0.5, 1.5, 2001, dtype=torch.float64)
    lowest = parts(best, weight, variance).total
    assert 0 <= best < 1
    assert (parts(others, weight, variance).total >= lowest - 1e-12).all()
    assert lowest.item() == pytest.approx(best * variance)  # the share of what least squares has


def test_the_best_share_is_ridges_at_the_noise_over_the_rows_and_the_weights_square():
    weight, noise, rows, spread = 3.0, 5.0, 20, 0.7  # σ², n, d²; v = σ²/(n·d²)
    strength = noise / (rows * weight**2)
    share = best_share(weight, noise / (rows * spread))
    assert share == pytest.approx(spread / (spread + strength))


def test_a_simulation_has_this_error_on_average():
    found = 1 + torch.randn(40_000, generator=seeded(0), dtype=torch.float64)
    for share in (0.9, 0.5, 0.0):
        errors = (share * found - 1).square()
        z = (errors.mean() - parts(share).total) / (errors.std() / 200).clamp(min=1e-12)
        assert abs(z) < 4.5  # fails by chance once in 100,000


def test_bad_numbers_are_refused():
    for variance in (-1.0, math.nan, math.inf):
        with pytest.raises(ValueError, match="variance = "):
            parts(0.5, 1.0, variance)
        with pytest.raises(ValueError, match="variance = "):
            best_share(1.0, variance)
    with pytest.raises(ValueError, match="weight = 0 and variance = 0"):
        best_share(0.0, 0.0)
