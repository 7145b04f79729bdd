"""Multipliers of every layer: read off right where gradients are known, and trained once."""

import pytest
import torch

from course_lib.experiments.weight_decay.all_layers import PARTS, measure, read


def test_figures_are_read_off_right():
    size = torch.logspace(-4, -1, 1001, dtype=torch.float64)
    dead = torch.cat([size, torch.zeros(50, dtype=torch.float64)])
    # half of each mean square is the mean's: a pull of 1/2 everywhere, and the same spread
    least, spread, pull = read(dead * 0.5**0.5, dead.square(), dead.square())
    assert least == pytest.approx(1, abs=1e-4)
    assert spread == pytest.approx(0.9 * 3, abs=0.01) and pull == pytest.approx(spread, abs=0.01)


def test_every_part_of_the_network_is_measured():
    found = measure("standard", seeds=(0, 1), steps=20)
    for figures in (found.least, found.spread, found.pull):
        assert figures.shape == (2, len(PARTS)) and figures.isfinite().all()
