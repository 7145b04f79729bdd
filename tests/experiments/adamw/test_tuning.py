"""A setting is picked by one half of the seeds and judged by the other."""

import math

import pytest
import torch

from course_lib.experiments.adamw.tuning import tuned

# Two seeds, two settings: each finds another one lowest.
SCORES = torch.tensor([[1.0, 2.0], [4.0, 3.0]])


def test_each_half_gets_what_the_other_picked():
    assert tuned(SCORES).tolist() == [2.0, 4.0]


def test_what_is_got_may_be_another_figure_at_the_same_settings():
    assert tuned(SCORES, 10 * SCORES).tolist() == [20.0, 40.0]


def test_a_diverged_run_is_never_picked_and_costs_nine():
    lost = SCORES.clone()
    lost[0, 1] = math.nan
    assert tuned(lost).tolist() == [9.0, 4.0]
    assert tuned(SCORES.reshape(2, 1, 2)).tolist() == tuned(SCORES).tolist()


def test_one_seed_cannot_be_halved():
    with pytest.raises(ValueError, match="seeds = 1"):
        tuned(SCORES[:1])
