"""One weight on a parabola: where it comes to rest, and the learning rates it bears."""

import torch

from course_lib.experiments.l1_l2.zeroing import PULLED_TO, walk, walks
from course_lib.l1_l2 import soft_threshold


def test_proximal_steps_end_where_the_formula_says():
    for strength in (0.0, 0.1, 0.3, 0.8):
        runs = walks(strength, 0.5).runs
        rest = soft_threshold(torch.tensor(PULLED_TO), strength).item()
        assert abs(runs["l1"][-1] - rest) < 1e-6
        assert abs(runs["l2"][-1] - PULLED_TO / (1 + strength)) < 1e-6


def test_the_stated_bounds_are_where_stability_ends():
    strength = 0.5
    for lr in (1.2, 2 / 1.5 * 0.99):
        assert "l2" not in walks(strength, lr).diverged
    assert abs(walk("l2", strength, 2 / 1.5 * 1.05)[-1]) > 10
    assert abs(walk("l1", 0.0, 1.95)[-1]) < 1 < 10 < abs(walk("l1", 0.0, 2.1)[-1])
