"""The gradient of one draw of the masks, and of the mean of many."""

import pytest
import torch

from course_lib.base import random
from course_lib.experiments.stochastic_depth import mean_gradient
from course_lib.experiments.stochastic_depth.first_block import gradient_norm
from course_lib.experiments.stochastic_depth.mean_gradient import FIGURES, WAYS, averaged, of_draws


@pytest.mark.parametrize("way", WAYS)
def test_one_draw_and_no_dropping_are_the_first_block_s(way):
    gain, norm = WAYS[way]
    for last, stack in ((0.5, "shortcut, dropping"), (1.0, "shortcut")):
        one, _ = averaged(way, 1, 1, last=last, depth=4)
        assert one == pytest.approx(gradient_norm(stack, 4, 1, norm=norm, gain=gain), rel=1e-9)


def test_without_dropping_the_mean_is_that_of_one_draw_however_it_is_batched():
    for figures in zip(
        averaged("the larger one", 0, 1, last=1.0, depth=4),
        averaged("the larger one", 0, 6, 3, last=1.0, depth=4),
    ):
        assert figures[0] == pytest.approx(figures[1], rel=1e-9)


def test_what_is_stored_is_what_is_measured(monkeypatch):
    way = "torch's own start"
    *_, again = mean_gradient.measure(way, seeds=(0,))
    kept = of_draws(way)
    for figure in FIGURES:
        assert getattr(kept, figure)[:1].tolist() == pytest.approx(
            getattr(again, figure).tolist(), rel=1e-5
        )
    monkeypatch.setattr(mean_gradient, "measure", lambda way: iter([again]))
    monkeypatch.setattr(random, "BASE", 9)
    assert of_draws(way) is again


def test_ratios_are_powers_of_ten_seed_by_seed():
    ones = torch.ones(3, dtype=torch.float64)
    found = mean_gradient.MeanGradient(ones, 10 * ones, 100 * ones, ones, 1000 * ones)
    assert found.ratio("mean", "one").mean == pytest.approx(1)
    assert found.ratio("loss_mean", "loss_always").mean == pytest.approx(3)
    with pytest.raises(ValueError, match="figure"):
        found.ratio("mean", "loss")
