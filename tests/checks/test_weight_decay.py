"""T5 of lesson 03: what is measured with torch's Adam is what the pencil says."""

import math

import torch

from course_lib.checks.weight_decay import SAME, by_moments, measured


def test_the_pull_measured_with_adam_is_that_of_the_moments(amount):
    generator = torch.Generator().manual_seed(0)
    for _ in range(amount(5, 100)):
        gradients = (torch.randn(6, generator=generator, dtype=torch.float64) + 0.5).tolist()
        assert math.isclose(measured(gradients), by_moments(gradients), abs_tol=SAME / 10)


def test_a_steady_gradient_swallows_the_pull_and_an_alternating_one_does_not():
    assert abs(measured([2.0, 2.0, 2.0])) < SAME
    assert math.isclose(measured([2.0, -2.0]), 0.5, abs_tol=SAME)
