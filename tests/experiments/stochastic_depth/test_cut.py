"""Blocks cut off afterwards: which parameters go, and that nothing cut is what was trained."""

import pytest
import torch
from torch import nn

from course_lib.data import digits
from course_lib.engine import outputs_of
from course_lib.experiments.stochastic_depth.cut import LAST, SHORTER, Cut, cut_off, without_last
from course_lib.experiments.stochastic_depth.training import DEPTH, spec_of, train_shorter


def test_the_last_blocks_go_and_the_output_layer_stays():
    spec = spec_of("linear", 3)
    parameters = [parameter.unsqueeze(0) for parameter in spec.initial(0)]
    kept = without_last(parameters, 2)
    model = spec.build(seed=0).eval()
    shorter = nn.Sequential(*model[:3], model[-1])  # linear, ReLU, the first block, the output
    x = digits(50, 0, scale="unit").test_x[:20]
    said = outputs_of(spec_of("linear", 1), kept, x)[0]
    assert torch.allclose(said, shorter(x), atol=1e-6)
    assert without_last(parameters, 0) == parameters


def test_nothing_cut_is_what_the_lesson_trains():
    *_, found = cut_off(seeds=(0, 1), steps=25)
    *_, same = train_shorter(last=LAST, seeds=(0, 1), steps=25, watch=False)
    assert found.error.shape == (2, len(LAST), DEPTH + 1)
    assert torch.allclose(found.error[:, :, 0], same.at("error"), atol=2e-3)
    assert torch.allclose(found.nll[:, :, 0], same.at("nll"), rtol=1e-3)


def test_lengths_are_compared_seed_by_seed():
    error = torch.zeros(3, 2, DEPTH + 1)
    error[:, 0, 6], error[:, 1, 6] = torch.tensor([1.0, 2, 3]), torch.tensor([2.0, 2.5, 3.5])
    found = Cut(error, error, torch.tensor([1.0, 1, 2]))
    assert found.difference(6).mean == pytest.approx(-2 / 3)
    assert found.spared(6).mean == pytest.approx(2) and found.spared(0).mean == 0
    error[:, 1, 0] = 1.5  # so that always on loses 0.5, 1 and 2, dropped 1, 2 and 3
    assert found.lost()[0, :, 6].tolist() == [1, 0.5]
    assert found.costs_more(6).mean == pytest.approx(-5 / 6)
    assert DEPTH - SHORTER == 6 and found.against_alone().mean == pytest.approx(2 / 3)
